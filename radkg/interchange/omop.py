"""OMOP CDM 5.4: NOTE_NLP with a row for every mention, and a table of the notes that it numbers.

`term_exists` is Y only for present mentions. It is N for uncertain and absent ones, as the CDM says
("a flag that indicates if the patient actually has or had the condition"); term_modifiers tells the
two apart. `term_temporal` is null, because radkg does not extract whether a mention is of the past.
`lexical_variant` is required, so without text it is the name of the concept.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa

from radkg.errors import SchemaError
from radkg.interchange.formats.options import FileType
from radkg.interchange.ids import MAX_ID
from radkg.interchange.published import ArrowRow, ReportReader, read_batches, read_publication_time
from radkg.interchange.tables import open_table
from radkg.run.snapshot import Snapshot
from radkg.schema.concepts import get_concept_kind
from radkg.schema.findings import describe_mentions
from radkg.schema.mentions import STATES

NOTE_NLP = pa.schema(
    [
        pa.field("note_nlp_id", pa.int32(), nullable=False),
        pa.field("note_id", pa.int32(), nullable=False),
        pa.field("section_concept_id", pa.int32()),
        pa.field("snippet", pa.string()),
        pa.field("offset", pa.string()),
        pa.field("lexical_variant", pa.string(), nullable=False),
        pa.field("note_nlp_concept_id", pa.int32()),
        pa.field("note_nlp_source_concept_id", pa.int32()),
        pa.field("nlp_system", pa.string()),
        pa.field("nlp_date", pa.date32(), nullable=False),
        pa.field("nlp_datetime", pa.timestamp("s")),
        pa.field("term_exists", pa.string()),
        pa.field("term_temporal", pa.string()),
        pa.field("term_modifiers", pa.string()),
    ]
)
NOTES = pa.schema(
    [
        pa.field("note_id", pa.int32(), nullable=False),
        pa.field("note_source_value", pa.string(), nullable=False),
        pa.field("person_source_value", pa.string(), nullable=False),
        pa.field("note_date", pa.date32()),
        pa.field("status", pa.string(), nullable=False),
    ]
)
_WIDTH = 250  # characters of a snippet, a variant and a system
_MODIFIERS_WIDTH = 2000
_AROUND = 60  # characters of a snippet before and after its mention


@dataclass(frozen=True, kw_only=True)
class Site:
    """Numbers of the site that gets the tables; the CDM has 0 for "no matching concept"."""

    concepts: Mapping[str, int] = field(default_factory=dict)
    """concept_id by the name of a concept, or by "section:<name>" """
    notes: Mapping[str, int] | None = None
    """note_id by study_id; None: studies are numbered from 1, ordered by study_id"""


def write_omop(
    snapshot: Snapshot,
    folder: Path,
    file_type: FileType,
    site: Site | None = None,
    reports: ReportReader | None = None,
    *,
    raw: bool = False,
) -> tuple[int, int]:
    """Write note_nlp.<type> and notes.<type> into a directory; return the numbers of rows.

    Args:
        snapshot: the snapshot to export.
        folder: the directory, made if missing; both files are replaced once both are complete.
        file_type: csv or parquet.
        site: numbers of the concepts and notes of the site; None: the site has none.
        reports: adds the words of each mention and a snippet around them; None: no text of reports
            is written.
        raw: CSV for a program, with formulas as they are.

    Raises:
        SnapshotError: published bytes or a report were changed, or the audit log does not say when
            the snapshot was published.
        SchemaError: the site has no note for a study, or the rows are more than the CDM can number.
        StorageError: the directory cannot be written.
    """
    site = site or Site()
    processed = read_publication_time(snapshot)
    num_terms = num_notes = 0
    with contextlib.ExitStack() as stack:
        terms, notes = (
            stack.enter_context(
                open_table(folder / f"{name}.{file_type}", schema, file_type, raw=raw)
            )
            for name, schema in (("note_nlp", NOTE_NLP), ("notes", NOTES))
        )
        for batch in read_batches(snapshot):
            rows, described = batch.to_pylist(), describe_mentions(batch).to_pylist()
            texts: Mapping[str, str] = reports.read(rows) if reports else {}
            term_rows, note_rows = [], []
            for row, descriptions in zip(rows, described, strict=True):
                num_notes += 1
                note_id = num_notes if site.notes is None else _note_id(site.notes, row)
                note_rows.append(_note(row, note_id))
                for term in _terms(row, descriptions, site, texts.get(row["study_id"])):
                    num_terms += 1
                    ids = {"note_nlp_id": num_terms, "note_id": note_id}
                    term_rows.append(ids | term | {"nlp_date": processed.date()})
            if num_terms > MAX_ID:
                raise SchemaError(f"NOTE_NLP cannot number more than {MAX_ID} mentions")
            notes.write_table(pa.Table.from_pylist(note_rows, NOTES))
            terms.write_table(pa.Table.from_pylist(term_rows, NOTE_NLP))
    return num_terms, num_notes


def _note_id(notes: Mapping[str, int], row: ArrowRow) -> int:
    study_id = row["study_id"]
    if study_id not in notes:
        raise SchemaError(f"study {study_id} has no note_id: add it to the file of --notes")
    return notes[study_id]


def _note(row: ArrowRow, note_id: int) -> dict[str, Any]:
    return {
        "note_id": note_id,
        "note_source_value": row["study_id"],
        "person_source_value": row["subject_id"],
        "note_date": row["study_date"],
        "status": row["status"],
    }


def _terms(
    row: ArrowRow, descriptions: Sequence[ArrowRow], site: Site, report: str | None
) -> Iterator[dict[str, Any]]:
    """Yield the rows of NOTE_NLP for one study, without numbers and date.

    `descriptions` holds the result of describe_mentions for each mention.
    """
    system = f"radkg {row['radkg_version']}, {row['extractor']}, model {row['model_id']}"
    for entity, description in zip(row["entities"], descriptions, strict=True):
        start, end = entity["start"], entity["end"]
        variant, snippet = entity["concept"], None
        if report is not None and start is not None:
            variant = entity["text"]
            snippet = report[max(0, start - _AROUND) : end + _AROUND][:_WIDTH]
        certainty = STATES.get(entity["label"], "present")  # anatomy is there
        yield {
            "section_concept_id": site.concepts.get(f"section:{entity['section']}", 0),
            "snippet": snippet,
            "offset": None if start is None else str(start),
            "lexical_variant": variant[:_WIDTH],
            "note_nlp_concept_id": site.concepts.get(entity["concept"], 0),
            "note_nlp_source_concept_id": 0,
            "nlp_system": system[:_WIDTH],
            "term_exists": "Y" if certainty == "present" else "N",
            "term_modifiers": _modifiers(entity, description, certainty),
        }


def _modifiers(entity: ArrowRow, description: ArrowRow, certainty: str) -> str:
    """Return as many "name=value" pairs, joined by commas, as fit; values hold neither sign."""
    pairs = [
        ("certainty", certainty),
        ("kind", get_concept_kind(entity["label"])),
        ("source", entity["source"]),
        *(("location", place) for place in description["places"]),
        *(("modifier", name) for name in description["modifiers"]),
    ]
    text = ""
    for name, value in pairs:
        pair = f"{name}={value.replace(',', ' ').replace('=', ' ')}"
        longer = f"{text},{pair}" if text else pair
        if len(longer) > _MODIFIERS_WIDTH:
            break
        text = longer
    return text
