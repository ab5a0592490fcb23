"""A plain table of reports: CSV, TSV, JSON lines or Parquet, one row per study.

Columns are found by name: study_id and report; where they stand also subject_id, study_date, split,
age, sex, images (or image, image_path, path) and their view_position. Sections are found by their
headings.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import zip_longest
from typing import Any, ClassVar, Self

from radkg.archive.files.places import Place, open_place
from radkg.archive.formats.headings import find_headed_sections
from radkg.archive.formats.person import parse_age, parse_sex
from radkg.archive.formats.rows import (
    DELIMITERS,
    JSON_LINES,
    Delimited,
    JsonLines,
    TableRows,
    Values,
    check_is_file,
)
from radkg.archive.formats.rows_parquet import ParquetRows
from radkg.archive.formats.tabular import RowDescription, TableArchive, parse_date, parse_split
from radkg.archive.images.listing import open_image_place
from radkg.errors import ArchiveError
from radkg.schema.records import Section

_NEEDED = ("study_id", "report")
_IMAGES = ("images", "image", "image_path", "path")
_COLUMNS = (*_NEEDED, "subject_id", "study_date", "split", "age", "sex", "view_position", *_IMAGES)
_SEPARATOR = ";"  # of several images in one cell, and of their view positions


@dataclass(frozen=True)
class ReportTable(TableArchive):
    """A table with the columns study_id and report."""

    takes: ClassVar[str] = (
        "a .csv, .tsv, .jsonl, .ndjson or .parquet file with the columns `study_id` and "
        "`report`; the first four also as .gz"
    )
    joins: ClassVar[bool] = False

    @classmethod
    def recognise(cls, uri: str, images: str | None = None) -> Self | str:
        """Return the table for a file whose name and columns say that it is one; else why not."""
        path = open_place(uri)
        rows = open_rows(path)
        if rows is None:
            return "no .csv, .tsv, .jsonl or .parquet file by its name"
        if why := check_is_file(path):
            return why
        try:
            columns = rows.columns
        except ArchiveError as error:
            return str(error)
        if missing := [name for name in _NEEDED if name not in columns]:
            return f"the table has no column {' and '.join(missing)}"
        if twice := {name for name in columns if columns.count(name) > 1}:
            return f"the table has two columns {', '.join(sorted(twice))}"
        return cls(rows, str(path), open_image_place(images))

    def describe(self, row: Values) -> RowDescription:
        """Return whose study a row is of, and what belongs to the study."""
        study_id = _text(row, "study_id")
        day, problem = _text(row, "study_date"), None
        study_date = parse_date(day)
        if day and study_date is None:
            problem = f"study_date {day[:40]!a} is no date such as 2020-01-31"
        years = _text(row, "age")
        age = parse_age(years)
        if years and age is None:
            problem = f"age {years[:40]!a} is no number of years such as 54"
        if not isinstance(row.get("report", ""), str):
            problem = "its report is no text"
        paths = _listed(next((row[name] for name in _IMAGES if row.get(name)), ""))
        views = _listed(row.get("view_position", ""))
        if views and len(views) != len(paths):
            problem = f"{len(views)} view positions for {len(paths)} images: give one for each"
            views = []
        return RowDescription(
            study_id,
            _text(row, "subject_id") or study_id,  # nobody is mixed up
            study_date,
            parse_split(_text(row, "split")),
            tuple((path, view, (path,)) for path, view in zip_longest(paths, views) if path),
            problem,
            age,
            parse_sex(_text(row, "sex")),
        )

    def read_report(self, row: Values) -> tuple[str, tuple[Section, ...]]:
        """Return the report of a row and its sections."""
        report = row.get("report", "")
        report = report if isinstance(report, str) else ""
        return report, find_headed_sections(report)


def open_rows(path: Place) -> TableRows | None:
    """Return the rows of a table by the end of its name, .gz allowed; None where it is no table."""
    suffixes = [suffix.lower() for suffix in path.suffixes]
    if suffixes[-1:] == [".gz"]:
        suffixes.pop()
    suffix = suffixes[-1] if suffixes else ""
    if suffix in DELIMITERS:
        return Delimited(path, DELIMITERS[suffix])
    if suffix in JSON_LINES:
        return JsonLines(path)
    return ParquetRows(path, _COLUMNS) if suffix == ".parquet" else None


def _listed(cell: Any) -> list[str]:
    """Return what a cell lists, as a list or in text."""
    parts = cell if isinstance(cell, list) else [cell]
    texts = (text for part in parts if isinstance(part, str) for text in part.split(_SEPARATOR))
    return [text.strip() for text in texts if text.strip()]


def _text(row: Values, column: str) -> str:
    value: Any = row.get(column, "")
    return value.strip() if isinstance(value, str) else ""
