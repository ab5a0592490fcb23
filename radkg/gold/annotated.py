"""Chest X-ray text annotated in RadGraph's schema by language models: 540 reports, 2,550 sentences.

`annotations/` holds the files, how they were made and under which licence. The reports are
invented. The sentences are Open-i's: the package holds their places and hashes, and the text comes
from the installed Open-i. The labels of a tenth of both, chosen by the text, are kept out of
all training.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any

from radkg.archive import open_archive
from radkg.errors import ArchiveError, SchemaError, StorageError
from radkg.schema.linearize import Link, Reading, Span
from radkg.schema.records import LABELS, RELATIONS, Study

ANNOTATIONS = Path(__file__).parent / "annotations"
REPORTS = "reports.jsonl"
SENTENCES = "openi_sentences.jsonl"


@dataclass(frozen=True, slots=True)
class SecondReading:
    """What a second annotator marked in one sentence, who had not seen the first one's labels."""

    start: int
    end: int
    """the sentence is `text[start:end]`"""
    spans: tuple[Span, ...]
    """offsets count in the whole text, as those of the first annotator"""
    links: tuple[Link, ...]


@dataclass(frozen=True, slots=True)
class AnnotatedText:
    """A report or a sentence with its spans, and the links between spans by their indices."""

    text_id: str
    style: str
    """what the text is like: `template`, `telegraphic`; `Open-i` for each of its sentences"""
    text: str
    sentences: tuple[tuple[int, int], ...]
    """start and end of what was read; the rest of the text (history, technique) has no label"""
    spans: tuple[Span, ...]
    links: tuple[Link, ...]
    second: tuple[SecondReading, ...]
    """of some sentences; empty for most texts"""
    description: str = ""
    """of a report: its style in words"""
    count: int = 1
    """of a sentence: how often the sentence stands in Open-i's training split"""
    in_test_texts: bool = False
    """of a sentence: whether the sentence also stands in a test report of Open-i"""


def is_kept_out(text: str) -> bool:
    """Tell whether a text is kept out of training: sha256 of its UTF-8 bytes, mod 10, is 0.

    The whole text of a report or of an Open-i sentence decides. A sentence of a report that is kept
    out may stand word for word in another report, which is not.
    """
    return int(sha256(text.encode()).hexdigest(), 16) % 10 == 0


def cut_reading(spans: Sequence[Span], links: Sequence[Link], start: int, end: int) -> Reading:
    """Return what stands inside `text[start:end]`, with offsets that count from `start`."""
    inside = [i for i, span in enumerate(spans) if start <= span[0] and span[1] <= end]
    index = {i: n for n, i in enumerate(inside)}
    return Reading(
        tuple((spans[i][0] - start, spans[i][1] - start, spans[i][2]) for i in inside),
        tuple((index[h], index[t], kind) for h, t, kind in links if h in index and t in index),
    )


@cache
def read_annotated_reports() -> tuple[AnnotatedText, ...]:
    """Return the 540 invented reports with their labels, in the order of the file."""
    return tuple(_make_text(row, row["text"], row["style"]) for row in _read_lines(REPORTS))


@cache
def read_annotated_sentences() -> tuple[AnnotatedText, ...]:
    """Return the 2,550 sentences of Open-i's training split with their labels.

    The text is cut out of the installed Open-i.

    Raises:
        ArchiveError: Open-i is not installed, or a sentence is not where the file says.
    """
    rows = list(_read_lines(SENTENCES))
    reports = _read_openi_reports({row["study_id"] for row in rows})
    return tuple(_make_text(row, _find_text(row, reports), "Open-i") for row in rows)


def read_annotated_file(path: Path) -> tuple[AnnotatedText, ...]:
    """Return the texts of a file in the form of `annotations/reports.jsonl`.

    Raises:
        SchemaError: a line is not of that form; the message names the line.
        StorageError: the file cannot be read.
    """
    found = []
    try:
        with path.open(encoding="utf-8") as lines:
            for number, line in enumerate(lines, 1):
                try:
                    row = json.loads(line)
                    found.append(_check_text(_make_text(row, row["text"], row.get("style", ""))))
                except (KeyError, IndexError, TypeError, ValueError, AttributeError) as error:
                    raise SchemaError(
                        f"{path}, line {number} is no annotated text such as those of "
                        f"radkg/gold/annotations/{REPORTS}: {error!r}"
                    ) from error
    except OSError as error:
        raise StorageError(f"cannot read {path}: {error.strerror}") from error
    if not found:
        raise SchemaError(f"{path} holds no annotated text: give a line for each")
    return tuple(found)


def _check_text(annotated: AnnotatedText) -> AnnotatedText:
    """Return the text if each reading names runs of its words, and relations between these."""
    readings = [(annotated.spans, annotated.links)]
    readings += [(second.spans, second.links) for second in annotated.second]
    for spans, links in readings:
        for start, end, label in spans:
            if not 0 <= start < end <= len(annotated.text) or label not in LABELS:
                raise ValueError(f"{[start, end, label]} is no entity of the text")
        for head, tail, relation in links:
            inside = {head, tail} <= set(range(len(spans)))
            if not inside or head == tail or relation not in RELATIONS:
                raise ValueError(f"{[head, relation, tail]} joins no two entities of the text")
    return annotated


def _read_openi_reports(study_ids: set[str]) -> dict[str, str]:
    archive = open_archive("openi")
    records = [r for r in archive.index().to_pylist() if r["study_id"] in study_ids]
    return {s.study_id: s.report for s in archive.read(records) if isinstance(s, Study)}


def _find_text(row: Mapping[str, Any], reports: Mapping[str, str]) -> str:
    text = reports.get(row["study_id"], "")[row["start"] : row["end"]]
    if sha256(text.encode()).hexdigest() != row["sha256"]:
        raise ArchiveError(
            f"sentence {row['id']} is not at {row['start']}:{row['end']} of {row['study_id']} in "
            "the installed Open-i: install the version of torchxrayvision that radkg names"
        )
    return text


def _make_text(row: Mapping[str, Any], text: str, style: str) -> AnnotatedText:
    sentences = tuple((start, end) for start, end in row.get("sentences", [(0, len(text))]))
    return AnnotatedText(
        text_id=row["id"],
        style=style,
        text=text,
        sentences=sentences,
        spans=_make_spans(row),
        links=_make_links(row),
        second=tuple(_make_second(each, sentences) for each in row.get("second", ())),
        description=row.get("description", ""),
        count=row.get("count", 1),
        in_test_texts=row.get("in_test_texts", False),
    )


def _make_second(row: Mapping[str, Any], sentences: tuple[tuple[int, int], ...]) -> SecondReading:
    start, end = sentences[row["sentence"]]
    return SecondReading(start, end, _make_spans(row), _make_links(row))


def _make_spans(row: Mapping[str, Any]) -> tuple[Span, ...]:
    return tuple((start, end, label) for start, end, label in row["entities"])


def _make_links(row: Mapping[str, Any]) -> tuple[Link, ...]:
    return tuple((head, tail, relation) for head, relation, tail in row["relations"])


def _read_lines(name: str) -> Iterator[dict[str, Any]]:
    with ANNOTATIONS.joinpath(name).open(encoding="utf-8") as lines:
        for line in lines:
            yield json.loads(line)
