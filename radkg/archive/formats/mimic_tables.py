"""The tables of MIMIC-CXR and MIMIC-CXR-JPG: patients, dates, splits and views, by study.

Columns are found by name, for copies reorder them. A damaged table is an error: nobody
could say which dates or splits are wrong. Of chexpert and negbio only the studies count, no label.
"""

from __future__ import annotations

import csv
import io
import re
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from functools import lru_cache, partial
from operator import itemgetter

from radkg.archive.files.gunzip import open_gzip
from radkg.archive.files.messages import sanitize
from radkg.archive.files.places import Place, list_children
from radkg.archive.formats.mimic_sections import HandSet
from radkg.errors import ArchiveError

EXCEPTIONS = "section-exceptions.csv"

_TABLE = re.compile(
    r"(?:cxr-(record|study)-list|mimic-cxr-\d+\.\d+\.\d+-(metadata|split|chexpert|negbio))"
    r"\.csv(?:\.gz)?"
)
_WHO = ("study_id", "subject_id")
_COLUMNS = {
    "record": (*_WHO, "dicom_id"),
    "study": _WHO,
    "metadata": (*_WHO, "dicom_id", "ViewPosition", "StudyDate"),
    "split": (*_WHO, "dicom_id", "split"),
    "chexpert": _WHO,
    "negbio": _WHO,
}
_MAX_LINE = 1 << 16  # characters; what is longer falls apart into rows of a wrong length


@dataclass(slots=True)
class TabulatedStudy:
    """What the tables say of one study; `views` maps a dicom_id to its view, None where unknown."""

    subject_id: str
    table: Place
    study_date: date | None = None
    split: str | None = None
    views: dict[str, str | None] = field(default_factory=dict)


def find_tables(folders: list[Place]) -> tuple[Place, ...]:
    """Return one file for each kind of table in the folders; later folders and names win."""
    found = {}
    for folder in folders:
        for path in list_children(folder):
            if kind := _kind(path):
                found[kind] = path
    return tuple(found[kind] for kind in _COLUMNS if kind in found)


def read_tables(paths: tuple[Place, ...]) -> dict[str, TabulatedStudy]:
    """Return what the tables say, by study_id.

    Raises:
        ArchiveError: a table is damaged, lacks a column, or contradicts itself or another.
    """
    studies: dict[str, TabulatedStudy] = {}
    for path in paths:
        kind = _kind(path)
        assert kind, path
        for line, (study_id, subject_id, *rest) in _rows(path, _COLUMNS[kind]):
            study = studies.get(study_id)
            if study is None:
                if not _is_number(study_id) or not _is_number(subject_id):
                    raise _damaged(path, line, f"no ids: {study_id!r}, {subject_id!r}")
                study = studies[study_id] = TabulatedStudy(subject_id, path)
            elif study.subject_id != subject_id:
                raise _damaged(path, line, f"study {study_id} is of {study.subject_id} elsewhere")
            if not rest:
                continue
            if not rest[0]:
                raise _damaged(path, line, "no dicom_id")
            if kind == "metadata":
                study.views[rest[0]] = rest[1] or None
                taken = _date(rest[2])
                if taken and (study.study_date is None or taken < study.study_date):
                    study.study_date = taken
                continue
            study.views.setdefault(rest[0], None)
            if kind == "split" and rest[1] and rest[1] != study.split:
                if study.split is not None:
                    raise _damaged(
                        path, line, f"study {study_id} is in {study.split} and {rest[1]}"
                    )
                study.split = rest[1]
    return studies


def read_exceptions(path: Place) -> dict[str, HandSet]:
    """Return the texts chosen by hand, by study_id, of a table study_id,section,start,end.

    Raises:
        ArchiveError: the table is damaged, or a row has neither a section nor start and end.
    """
    found: dict[str, HandSet] = {}
    for line, row in _rows(path, ("study_id", "section", "start", "end")):
        study_id, section, start, end = (value.strip() for value in row)
        if not section and not (_is_number(start) and _is_number(end)):
            raise _damaged(path, line, "neither a section nor start and end")
        found[study_id] = section.lower() or (int(start), int(end))
    return found


def _kind(path: Place) -> str | None:
    match = _TABLE.fullmatch(path.name)
    return match and (match[1] or match[2])


def _rows(path: Place, columns: tuple[str, ...]) -> Iterator[tuple[int, tuple[str, ...]]]:
    """Yield line number and the values of the columns; of blank lines nothing."""
    try:
        with path.open("rb") as raw:
            data = open_gzip(raw) if path.suffix == ".gz" else raw
            file = io.TextIOWrapper(data, encoding="utf-8-sig", newline="")
            rows = csv.reader(iter(partial(file.readline, _MAX_LINE), ""), strict=True)
            header = next(rows, [])
            missing = [column for column in columns if column not in header]
            if missing:
                raise _damaged(path, 1, f"no column {', '.join(missing)}")
            pick = itemgetter(*map(header.index, columns))  # of two or more: a tuple
            for row in rows:
                if len(row) == len(header):
                    yield rows.line_num, pick(row)
                elif row:
                    raise _damaged(
                        path, rows.line_num, f"{len(row)} columns instead of {len(header)}"
                    )
    except OSError as error:  # a damaged gzip is one too
        raise ArchiveError(
            f"cannot read {path}: {sanitize(error.strerror or error)}: fetch the table again"
        ) from error
    except (csv.Error, UnicodeDecodeError, EOFError, zlib.error) as error:
        raise ArchiveError(
            f"{path} is damaged: {sanitize(error)}: fetch the table again"
        ) from error


def _damaged(path: Place, line: int, what: str) -> ArchiveError:
    return ArchiveError(f"{path}, line {line}: {sanitize(what)}: fetch the table again")


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= 12  # MIMIC's ids have 8 digits


@lru_cache(1 << 16)  # a century has 36,525 days, an archive a million rows
def _date(text: str) -> date | None:
    """Return YYYYMMDD as a date; None where it is none."""
    try:
        is_date = len(text) == 8 and _is_number(text)
        return date(int(text[:4]), int(text[4:6]), int(text[6:])) if is_date else None
    except ValueError:
        return None
