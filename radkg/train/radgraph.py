"""Sentences of a RadGraph JSON file with what it states of them: supervision that a user brings.

Entities that cross the end of a sentence, and relations across sentences, are left out; so are
sentences that the language model's form cannot state.
"""

from __future__ import annotations

from pathlib import Path

from radkg.errors import StorageError
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
    entities, relations = document.extraction.entities, document.extraction.relations
    found = []
    for start, end in split_sentences(document.report, 0, len(document.report)):
        raw = document.report[start:end]
        start += len(raw) - len(raw.lstrip())
        text = raw.strip()
        inside = {
            i: (e.start - start, e.end - start, e.label)
            for i, e in enumerate(entities)
            if e.start is not None and e.end is not None
            if start <= e.start and e.end <= start + len(text)
        }
        order = sorted(inside, key=lambda i: inside[i])
        number = {i: n for n, i in enumerate(order)}
        spans = tuple(inside[i] for i in order)
        links = tuple(
            (number[r.head], number[r.tail], r.relation)
            for r in relations
            if r.head in number and r.tail in number
        )
        if can_be_stated(text, spans, links):
            found.append(LabelledSentence(text, spans, links))
    return found
