"""Write and read a review sheet as CSV: one row per triplet or visual token, with a verdict.

A sheet of triplets has the evidence of each, a sheet of tokens the image and the box of each. In
the evidence the head stands in [[ ]] and the tail in {{ }}.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

from radkg.errors import SchemaError
from radkg.review.cells import list_columns, read_cells, write_cells
from radkg.schema.records import Entity, Extraction, Study
from radkg.schema.sentences import split_sentences

Verdict = Literal["accept", "reject", "unsure"]
VERDICTS: tuple[Verdict, ...] = get_args(Verdict)
COLUMNS = (
    *("snapshot", "study_id", "triplet", "section", "evidence", "head", "head_label", "relation"),
    *("tail", "tail_label", "confidence", "verdict", "comment"),
)
TOKEN_COLUMNS = (
    *("knowledge", "study_id", "token", "image_id", "label", "box", "activation"),
    *("verdict", "comment"),
)
MARKS = (("[[", "]]"), ("{{", "}}"))  # around the head, around the tail

Key = tuple[str, str, int]  # snapshot or knowledge graph, study_id, number of the triplet or token


@dataclass(frozen=True, slots=True)
class SheetKind:
    """A kind of sheet, by its columns."""

    item: str
    """what a row is; the column with its number has this name"""
    columns: tuple[str, ...]
    """the first one names what was drawn from"""
    group: str
    """column by which scores are split"""
    confidence: str | None
    """column with the probability that the row is right; None: a row has none"""


TRIPLETS = SheetKind("triplet", COLUMNS, "relation", "confidence")
TOKENS = SheetKind("token", TOKEN_COLUMNS, "label", None)


@dataclass(frozen=True, slots=True)
class JudgedRow:
    """One row of a filled sheet; `verdict` is None where the cell is empty."""

    key: Key
    group: str
    """relation of a triplet, label of a token"""
    confidence: float | None
    verdict: Verdict | None
    kind: SheetKind = TRIPLETS


def make_rows(snapshot_id: str, study: Study, extraction: Extraction) -> list[list[str]]:
    """Return one row of COLUMNS for each triplet of a study, with empty verdict and comment."""
    rows = []
    for number, relation in enumerate(extraction.relations, start=1):
        head, tail = extraction.entities[relation.head], extraction.entities[relation.tail]
        rows.append(
            [
                *(snapshot_id, study.study_id, str(number), head.section or tail.section or ""),
                *(mark_evidence(study, head, tail), head.text),
                head.label,
                *(relation.relation, tail.text, tail.label),
                *(f"{relation.confidence:.4f}", "", ""),
            ]
        )
    return rows


def mark_evidence(
    study: Study,
    head: Entity,
    tail: Entity,
    marks: Sequence[tuple[str, str]] = MARKS,
    show: Callable[[str], str] = str,
) -> str:
    """Return the sentences of a triplet, from its first to its last entity, with both marked.

    Args:
        study: the study with the report.
        head: head of the triplet.
        tail: tail of the triplet.
        marks: opening and closing mark of the head, then of the tail.
        show: function that turns each piece of the report into the text to return.
    """
    places: list[tuple[int, int, str]] = []  # offset, 0 for a closing mark, mark
    spans = []
    for entity, (opening, closing) in zip((head, tail), marks, strict=True):
        if entity.start is not None and entity.end is not None:
            spans.append((entity.start, entity.end))
            places += [(entity.start, 1, opening), (entity.end, 0, closing)]
    if not spans:
        return "(from the image)"
    start, end = find_evidence_span(study, spans)
    pieces, position = [], start
    for place, _, mark in sorted(places):
        pieces += [show(study.report[position:place]), mark]
        position = place
    return " ".join("".join([*pieces, show(study.report[position:end])]).split())


def find_evidence_span(study: Study, spans: Sequence[tuple[int, int]]) -> tuple[int, int]:
    """Return the start and end of the sentences that hold the spans."""
    first, last = min(start for start, _ in spans), max(end for _, end in spans)
    within = [s for s in study.sections if s.start <= first and last <= s.end]
    low, high = (within[0].start, within[0].end) if within else (0, len(study.report))
    held = [(a, b) for a, b in split_sentences(study.report, low, high) if a < last and b > first]
    return (held[0][0], held[-1][1]) if held else (first, last)


def write_csv(rows: Sequence[Sequence[str]], kind: SheetKind = TRIPLETS) -> str:
    """Return the sheet as CSV with its header."""
    return write_cells(kind.columns, rows)


def read_csv(text: str, name: str) -> list[JudgedRow]:
    """Return the rows of a filled sheet.

    Raises:
        SchemaError: a column is missing, a verdict is unknown, a row stands twice or is damaged;
            the message names the file and the line.
    """
    kind = TOKENS if TOKENS.item in list_columns(text) else TRIPLETS
    rows: dict[Key, JudgedRow] = {}
    for line, judged in read_cells(
        text, name, kind.columns[:-1], lambda cells: _parse_row(cells, kind)
    ):
        if judged.key in rows:
            raise SchemaError(
                f"{name} line {line}: study {judged.key[1]} {kind.item} {judged.key[2]} "
                "stands twice"
            )
        rows[judged.key] = judged
    return list(rows.values())


def _parse_row(cells: dict[str, str], kind: SheetKind) -> JudgedRow:
    verdict = cells["verdict"].strip().lower()
    if verdict and verdict not in VERDICTS:
        raise ValueError(f"verdict {cells['verdict']!r} is none of {', '.join(VERDICTS)}, or empty")
    confidence = cells[kind.confidence] if kind.confidence else None
    return JudgedRow(
        key=(cells[kind.columns[0]], cells["study_id"], int(cells[kind.item])),
        group=cells[kind.group],
        confidence=None if confidence is None else float(confidence.replace(",", ".")),
        verdict=next((v for v in VERDICTS if v == verdict), None),
        kind=kind,
    )
