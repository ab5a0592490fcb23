"""Gold graphs of texts: RadGraph JSON files, and the annotated texts that radkg carries.

The text of a gold is what an extractor is given. RadGraph JSON as published holds a report as its
tokens, joined by a blank: line ends, and with them the headings and lists that stand on lines of
their own, are lost there. Files of `radkg export` and `radkg data` keep the report as it was.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from radkg.errors import ConfigError, SchemaError, StorageError
from radkg.gold.annotated import (
    AnnotatedText,
    cut_reading,
    is_kept_out,
    read_annotated_file,
    read_annotated_reports,
    read_annotated_sentences,
)
from radkg.metrics.radgraph_f1 import Graph, Mention, to_graph
from radkg.schema.linearize import Link, Reading, Span
from radkg.schema.radgraph import from_document, parse_documents

KEPT_OUT_REPORTS = "radgraph-style"
KEPT_OUT_SENTENCES = "openi-sentences"
_PACKAGED = {
    KEPT_OUT_REPORTS: read_annotated_reports,
    KEPT_OUT_SENTENCES: read_annotated_sentences,
}
GOLDS = tuple(_PACKAGED)


@dataclass(frozen=True, slots=True)
class GoldText:
    """A text with its graph; offsets count characters of the text."""

    text_id: str
    style: str | None
    text: str
    graph: Graph


@dataclass(frozen=True, slots=True)
class Gold:
    """Texts to read, and what two annotators made of the same texts or sentences."""

    name: str
    texts: tuple[GoldText, ...]
    is_sentences: bool
    """whether each text is one sentence, which is read alone"""
    doubles: tuple[tuple[Graph, Graph], ...]
    """one graph of each annotator; empty where there is no second annotator"""
    doubles_are: str
    """what each double is of"""


def read_gold(names: Sequence[str]) -> Gold:
    """Return the gold of `radgraph-style`, of `openi-sentences`, or of one or two files.

    A file is RadGraph JSON, or lines in the form of `radkg/gold/annotations/reports.jsonl`.

    Of a second file only what it says of the texts of the first is taken, as a second annotator.

    Raises:
        ArchiveError: the sentences of Open-i are asked for, and Open-i is not installed.
        ConfigError: no gold or more than two, or two where one is not a file.
        SchemaError: a file is not RadGraph JSON, or two files have no text in common.
        StorageError: a file cannot be read.
    """
    if len(names) == 1 and names[0] in _PACKAGED:
        return _read_packaged(names[0])
    if not 1 <= len(names) <= 2 or any(name in _PACKAGED for name in names):
        raise ConfigError(
            f"--gold {' --gold '.join(names)}: give {' or '.join(GOLDS)}, a file of RadGraph JSON, "
            "or two files of the same texts"
        )
    files = [_read_file(Path(name)) for name in names]
    texts, doubles, are = files[0]
    if len(files) == 2:
        doubles, are = _pair_texts(*(found for found, _, _ in files)), "texts"
        if not doubles:
            raise SchemaError(
                f"{names[0]} and {names[1]} have no text in common: give two files whose documents "
                "have equal keys and equal texts"
            )
    return Gold(" and ".join(names), tuple(texts), False, tuple(doubles), are)


def make_graph(text: str, spans: Sequence[Span], links: Sequence[Link]) -> Graph:
    """Return spans and links of a text as a graph."""
    return Graph(
        tuple(
            Mention(start, end, " ".join(text[start:end].lower().split()), label)
            for start, end, label in spans
        ),
        tuple(links),
    )


def _read_packaged(name: str) -> Gold:
    """Return the tenth that is kept out; two annotators are compared on all that both read."""
    every = _PACKAGED[name]()
    texts = tuple(_make_text(each) for each in every if is_kept_out(each.text))
    doubles = tuple(pair for each in every for pair in _pair_sentences(each))
    return Gold(name, texts, name == KEPT_OUT_SENTENCES, doubles, "sentences")


def _make_text(annotated: AnnotatedText) -> GoldText:
    graph = make_graph(annotated.text, annotated.spans, annotated.links)
    return GoldText(annotated.text_id, annotated.style, annotated.text, graph)


def _pair_sentences(annotated: AnnotatedText) -> list[tuple[Graph, Graph]]:
    found = []
    for second in annotated.second:
        text = annotated.text[second.start : second.end]
        one, other = (
            cut_reading(each.spans, each.links, second.start, second.end)
            for each in (annotated, second)
        )
        found.append((_to_graph(text, one), _to_graph(text, other)))
    return found


def _to_graph(text: str, reading: Reading) -> Graph:
    return make_graph(text, reading.spans, reading.links)


def _read_file(path: Path) -> tuple[list[GoldText], list[tuple[Graph, Graph]], str]:
    """Return the texts of a file, what two annotators of the file made, and what of."""
    if path.suffix == ".jsonl":
        lines = read_annotated_file(path)
        pairs = [pair for each in lines for pair in _pair_sentences(each)]
        return [_make_text(each) for each in lines], pairs, "sentences"
    try:
        data = path.read_bytes()
    except OSError as error:
        raise StorageError(f"cannot read --gold {path}: {error.strerror}") from error
    texts, doubles = [], []
    for key, document in parse_documents(data, str(path)).items():
        read = [from_document(key, each) for each in _list_readings(key, document)]
        graphs = [to_graph(each.extraction) for each in read]
        style = document.get("style", document.get("data_source"))
        style = None if style is None else str(style)
        texts.append(GoldText(key, style, read[0].report, graphs[0]))
        if len(graphs) == 2:
            doubles.append((graphs[0], graphs[1]))
    if not texts:
        raise SchemaError(f"--gold {path} holds no document: give a file with annotated reports")
    return texts, doubles, "texts"


def _list_readings(key: str, document: Any) -> list[Mapping[str, Any]]:
    """Return the document as each annotator marked it: the test split of RadGraph has two."""
    if not isinstance(document, dict):
        raise SchemaError(f"document {key!r} is not RadGraph JSON: it is no object")
    if "entities" in document:
        return [document]
    labelers = [document[name] for name in ("labeler_1", "labeler_2") if name in document]
    if not labelers or not all(isinstance(labeler, dict) for labeler in labelers):
        raise SchemaError(f"document {key!r} is not RadGraph JSON: it has no entities")
    return [{**document, **labeler} for labeler in labelers]


def _pair_texts(one: Sequence[GoldText], other: Sequence[GoldText]) -> list[tuple[Graph, Graph]]:
    known = {(each.text_id, each.text): each.graph for each in other}
    return [
        (each.graph, known[each.text_id, each.text])
        for each in one
        if (each.text_id, each.text) in known
    ]
