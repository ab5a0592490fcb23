"""A plain table of reports: CSV, TSV, JSON lines or Parquet, one row per study or part of one.

Columns are found by name, in any case: study_id and report; where they stand also subject_id,
study_date, split, age, sex, images (or image, image_path, path) and their view_position. Sections
are found by their headings. A further row of a study adds to its report.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable
from dataclasses import dataclass
from itertools import takewhile
from typing import ClassVar, Self

from radkg.archive.base import NearRefusal
from radkg.archive.files.places import Place, open_place
from radkg.archive.formats.cells import (
    CellError,
    ImagePairs,
    list_file_names,
    name_column,
    read_image_cells,
    read_text,
)
from radkg.archive.formats.dialect import check_encoding, open_delimited
from radkg.archive.formats.headings import HEADINGS_VERSION, find_headed_sections
from radkg.archive.formats.joining import RowDescription
from radkg.archive.formats.person import parse_age, parse_sex
from radkg.archive.formats.rows import (
    DELIMITERS,
    JSON_LINES,
    UNNAMED,
    JsonLines,
    TableRows,
    Values,
    check_is_file,
)
from radkg.archive.formats.rows_parquet import ParquetRows
from radkg.archive.formats.section_names import is_text
from radkg.archive.formats.tabular import TableArchive, parse_date, parse_split
from radkg.archive.images.listing import open_image_place
from radkg.errors import ArchiveError
from radkg.schema.records import Section

_NEEDED = ("study_id", "report")
_IMAGES = ("images", "image", "image_path", "path")
_PLAIN_NAME = re.compile(r"[a-z0-9_]{1,40}")  # a header may hold anything, words of a report too
_COLUMNS = (*_NEEDED, "subject_id", "study_date", "split", "age", "sex", "view_position", *_IMAGES)


@dataclass(frozen=True)
class ReportTable(TableArchive):
    """A table with the columns study_id and report."""

    takes: ClassVar[str] = (
        "a .csv, .tsv, .jsonl, .ndjson or .parquet file with the columns `study_id` and "
        "`report`; the first four also as .gz"
    )
    joins_reports: ClassVar[bool] = True
    reading_version: ClassVar[str | None] = HEADINGS_VERSION

    @classmethod
    def recognise(cls, uri: str, images: str | None = None) -> Self | str:
        """Return the table for a file whose name and columns say that it is one; else why not."""
        path = open_place(uri)
        open_rows = _find_opener(path)
        if open_rows is None:
            return "no .csv, .tsv, .jsonl or .parquet file by its name"
        if why := check_is_file(path):
            return why
        try:
            rows = open_rows(path)
            why = _check_columns(rows)
        except ArchiveError as error:
            return NearRefusal(error)
        return NearRefusal(why) if why else cls(rows, str(path), open_image_place(images))

    def describe(self, row: Values) -> RowDescription:
        """Return whose study a row is of, and what belongs to the study."""
        row, problem = _name_values(row)
        problems = [problem] if problem else []

        def read(column: str) -> str:
            try:
                return read_text(row, column)
            except CellError as error:
                problems.append(str(error))
                return ""

        study_id, day, years = read("study_id"), read("study_date"), read("age")
        study_date, age = parse_date(day), parse_age(years)
        if day and study_date is None:
            problems.append("study_date is no date such as 2020-01-31")
        if years and age is None:
            problems.append("age is no number of years such as 54")
        if not isinstance(row.get("report", ""), str):
            problems.append("its report is no text")
        images = next((row[name] for name in _IMAGES if row.get(name)), "")
        pairs: ImagePairs = []
        views: list[str] = []
        try:
            pairs, views = read_image_cells(images, row.get("view_position", ""))
        except CellError as error:
            problems.append(str(error))
        return RowDescription(
            study_id,
            read("subject_id") or study_id,  # nobody is mixed up
            study_date,
            parse_split(read("split")),
            tuple((image, view, list_file_names(image)) for image, view in pairs),
            next(iter(problems), None),
            age,
            parse_sex(read("sex")),
            tuple(views),
        )

    def read_report(self, row: Values) -> tuple[str, tuple[Section, ...]]:
        """Return the report of a row and its sections."""
        written = next((cell for name, cell in row.items() if name_column(name) == "report"), "")
        report = written if isinstance(written, str) else ""
        if report.strip() and not is_text(report):  # "nan" of another program
            report = ""
        return report, find_headed_sections(report)


def _find_opener(path: Place) -> Callable[[Place], TableRows] | None:
    """Return what opens a table by the end of its name, .gz allowed; None where it is no table."""
    suffixes = [suffix.lower() for suffix in path.suffixes]
    if suffixes[-1:] == [".gz"]:
        suffixes.pop()
    suffix = suffixes[-1] if suffixes else ""
    if suffix in DELIMITERS:
        return lambda place: open_delimited(place, DELIMITERS[suffix], _has_needed)
    if suffix in JSON_LINES:
        return _open_json_lines
    return (lambda place: ParquetRows(place, _COLUMNS)) if suffix == ".parquet" else None


def _open_json_lines(path: Place) -> JsonLines:
    check_encoding(path)
    return JsonLines(path)


def _has_needed(columns: tuple[str, ...]) -> bool:
    return set(_NEEDED) <= {name_column(name) for name in columns}


def _check_columns(rows: TableRows) -> str | None:
    """Return why the columns are not those of a table of reports; None where they are."""
    names = [name_column(name) for name in rows.columns]
    objects = rows.objects if isinstance(rows, ParquetRows) else ()
    if held := [name for name in objects if name_column(name) in _NEEDED]:
        return f"the column {' and '.join(held)} holds objects: give it as text"
    if missing := [name for name in _NEEDED if name not in names]:
        others = [n for n in names if n not in _COLUMNS and _PLAIN_NAME.fullmatch(n)]
        near = sorted(
            {n for m in missing for n in difflib.get_close_matches(m, others, cutoff=0.5)}
        )
        what = f"it has {', '.join(near)}: rename it" if near else "its first line must name them"
        if len(names) == 1:
            what = "its header is one column: separate columns with a comma, or with ; tab or |"
        return f"the table has no column {' and '.join(missing)}; {what}"
    twice = {name for name in names if names.count(name) > 1 and name in _COLUMNS}
    if twice and not isinstance(rows, JsonLines):  # of JSON lines each object is looked at
        return f"the table has two columns {', '.join(sorted(twice))}: remove one"
    return None


def _name_values(row: Values) -> tuple[Values, str | None]:
    """Return the cells by the names that radkg gives their columns, and what is wrong with them."""
    named: dict[str, object] = {}
    problem = None
    for written, cell in row.items():
        name = name_column(written)
        if name in named and name in _COLUMNS:
            problem = f"it has two columns {name}: remove one"
        named[name] = cell
    behind = takewhile(lambda written: written.startswith(UNNAMED), reversed(tuple(row)))
    if any(row[written].strip() for written in behind):
        problem = (
            "it has text behind the last column with a name: put quotes around a text that holds "
            "the separator"
        )
    return named, problem
