"""Sentences of a RadGraph JSON file with what it states of them: supervision that a user brings.

Entities that cross the end of a sentence, and relations across sentences, are left out; so are
sentences that the language model's form cannot state.
"""

from __future__ import annotations

from pathlib import Path

from radkg.errors import StorageError
from radkg.gold.annotated import cut_reading
from radkg.schema.radgraph import Document, from_document, parse_documents
from radkg.schema.sentences import split_sentences
from radkg.train.labelled import LabelledSentence, can_be_stated


def read_radgraph_sentences(file: Path) -> list[LabelledSentence]:
    """Return the sentences of every document, in order.

    Raises:
        StorageError: the file cannot be read.
        SchemaError: it is not RadGraph JSON.
    """
    try:
        data = file.read_bytes()
    except OSError as error:
        raise StorageError(f"cannot read {file}: {error.strerror}") from error
    found = []
    for key, document in parse_documents(data, str(file)).items():
        found += _cut(from_document(key, document))
    return found


def _cut(document: Document) -> list[LabelledSentence]:
    places = [
        (entity.start, entity.end, entity.label, i)
        for i, entity in enumerate(document.extraction.entities)
        if entity.start is not None and entity.end is not None
    ]
    places.sort(key=lambda place: place[:3])
    spans = [place[:3] for place in places]
    number = {place[3]: n for n, place in enumerate(places)}
    links = [
        (number[r.head], number[r.tail], r.relation)
        for r in document.extraction.relations
        if r.head in number and r.tail in number
    ]
    found = []
    for start, end in split_sentences(document.report, 0, len(document.report)):
        raw = document.report[start:end]
        start += len(raw) - len(raw.lstrip())
        text = raw.strip()
        reading = cut_reading(spans, links, start, start + len(text))
        if can_be_stated(text, reading.spans, reading.links):
            found.append(LabelledSentence(text, reading.spans, reading.links))
    return found
