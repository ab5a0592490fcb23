"""An archive that is a table: rows to an index of studies, and one row to one study.

A format says what a row means (`describe`, `read_report`); this module joins or refuses the rows
of one study. A damaged table ends the run; a wrong row is one study that cannot be read.
"""

from __future__ import annotations

import re
import stat
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import date
from itertools import count
from pathlib import Path, PurePosixPath
from typing import ClassVar

from radkg.archive.base import DUPLICATE_ID, Archive, Record, build_study
from radkg.archive.entries import FingerprintOrder, ImageEntry, StudyEntry
from radkg.archive.files.located import is_loose
from radkg.archive.files.members import digest
from radkg.archive.files.places import Place
from radkg.archive.formats.rows import (
    Delimited,
    TableRow,
    TableRows,
    Values,
    check_is_file,
    make_table_error,
)
from radkg.archive.images.listing import ImageFile, list_image_files
from radkg.errors import ArchiveError
from radkg.schema.records import Section, Sex, Study, Unreadable

_DATE = re.compile(r"(\d{4}-?\d\d-?\d\d)(?:[T ].*)?", re.ASCII)
_SPLITS = {"training": "train", "val": "validate", "valid": "validate", "validation": "validate"}


@dataclass(frozen=True, slots=True)
class RowDescription:
    """What one row says; `images` are (image_id, view_position, names to look for below images)."""

    study_id: str
    subject_id: str
    study_date: date | None = None
    split: str | None = None
    images: tuple[tuple[str, str | None, tuple[str, ...]], ...] = ()
    problem: str | None = None
    age: int | None = None
    sex: Sex | None = None


@dataclass(frozen=True)
class TableArchive(Archive):
    """A table with a row per study, or per image of a study, and the images where there are any."""

    rows: TableRows
    uri: str
    images: Place | None = None
    name: str = "table"

    fingerprint_order: ClassVar[FingerprintOrder] = FingerprintOrder(
        (
            *("reading_version", ["subject_id", "study_date", "problem", "age", "sex"]),
            *("views", "stamps"),
        )
    )
    joins: ClassVar[bool] = True  # rows of one study are its images; False: a row is a study

    def describe(self, row: Values) -> RowDescription:
        """Return whose study a row is of, and what belongs to the study."""
        raise NotImplementedError

    def read_report(self, row: Values) -> tuple[str, tuple[Section, ...]]:
        """Return the report of a row and its sections."""
        raise NotImplementedError

    def list_studies(self) -> list[StudyEntry]:
        """Return one entry per study, in the order of the first rows that name them."""
        studies: dict[str, StudyEntry] = {}
        firsts: dict[str, RowDescription] = {}  # what the first row of each study says
        find = _finder(self.images)
        seen: Counter[str] = Counter()
        for row in self.rows:
            described = self._described(row)
            study_id, problem = described.study_id, described.problem
            try:
                report, sections = self.read_report(row.values)
                identity = digest(report.encode(), repr(sections).encode()).encode()
            except UnicodeEncodeError:
                identity = b""
                problem = problem or "its report is not UTF-8: save the table as UTF-8"
            if study_id in studies and self.joins:
                study = studies[study_id]
                study.problem = (
                    study.problem
                    or problem
                    or _difference(described, firsts[study_id], identity == study.report_identity)
                )
            else:
                seen[study_id] += 1
                if study_id in studies:  # stays a row, which read() refuses: no study vanishes
                    problem = DUPLICATE_ID
                    numbered = (
                        f"{described.study_id}#{n}" for n in count(seen[described.study_id])
                    )
                    study_id = next(i for i in numbered if i not in studies)
                firsts[study_id] = described
                study = studies[study_id] = self._entry(study_id, described, row, problem)
                study.report_identity = identity
            for image_id, view_position, names in described.images:
                study.images.append(ImageEntry(image_id, view_position, *find(names)))
        if not studies:
            raise ArchiveError(f"{self.rows.path} holds no study: is the table cut off?")
        return list(studies.values())

    def read(self, records: Iterable[Record]) -> Iterator[Study | Unreadable]:
        """Yield one Study or Unreadable per record."""
        for record in records:
            if record["problem"]:
                yield Unreadable(record, record["problem"])
                continue
            report, sections = self.read_report(self.rows.read_row(record))
            yield build_study(record, report, sections)

    def _described(self, row: TableRow) -> RowDescription:
        """Return what a row says; a row without an id is named by its line."""
        described = self.describe(row.values)
        try:
            written = (described.study_id, described.subject_id, described.split or "")
            "".join([*written, *(name for image in described.images for name in image[2])]).encode()
        except UnicodeEncodeError as error:
            raise make_table_error(
                self.rows.path, row.line, "not UTF-8: save the table as UTF-8"
            ) from error
        if described.study_id:
            return described
        nameless = f"line {row.line}"
        return replace(
            described,
            study_id=nameless,
            subject_id=described.subject_id or nameless,
            problem=described.problem or "it has no study_id",
        )

    def _entry(
        self, study_id: str, described: RowDescription, row: TableRow, problem: str | None
    ) -> StudyEntry:
        return StudyEntry(
            study_id=study_id,
            subject_id=described.subject_id,
            study_date=described.study_date,
            split=described.split,
            source=str(self.rows.path),
            member=f"line {row.line}",
            offset=row.offset,
            length=row.length,
            content=digest(row.data),
            problem=problem,
            age=described.age,
            sex=described.sex,
        )


def find_delimited(path: Place, pattern: str, columns: tuple[str, ...]) -> Delimited | str:
    """Return the CSV at a path, or the first one in a directory by a pattern; else why not."""
    try:
        if path.is_dir():
            found: list[Place] = sorted(path.glob(pattern), key=str)
            if not found:
                return f"the directory holds no {pattern}"
            path = found[0]
        if not path.name.lower().endswith((".csv", ".csv.gz")):
            return "no .csv file by its name"
        if why := check_is_file(path):
            return why
        rows = Delimited(path)
        missing = [column for column in columns if rows.columns.count(column) != 1]
    except OSError as error:
        return f"{error.filename or path}: {error.strerror}"
    except ArchiveError as error:
        return str(error)
    return f"the table has no column {', '.join(missing)}" if missing else rows


def parse_date(text: str) -> date | None:
    """Return YYYY-MM-DD or YYYYMMDD, with or without a time behind, as a date; else None."""
    match = _DATE.fullmatch(text.strip())
    try:
        return date.fromisoformat(match[1]) if match else None
    except ValueError:
        return None


def parse_split(text: str) -> str | None:
    """Return a split by radkg's name for it; None where it is empty."""
    name = text.strip().lower()
    return _SPLITS.get(name, name) or None


def _difference(row: RowDescription, first: RowDescription, has_same_report: bool) -> str | None:
    """Return in which column two rows of one study contradict each other; None where they agree."""
    for what in ("subject_id", "study_date", "split", "age", "sex"):
        if getattr(row, what) != getattr(first, what):
            return f"its rows differ in {what}: correct the table"
    return None if has_same_report else "its rows differ in the report: correct the table"


def _finder(images: Place | None) -> Callable[[tuple[str, ...]], tuple[str | None, object]]:
    """Return a function that finds the first of some names for which there is an image.

    The function returns its location, and a stamp for its bytes: the size of a file, for hashing
    the file would take longer than the extraction.
    """
    folder = images if isinstance(images, Path) and images.is_dir() else None
    packed = {} if images is None else _by_name(images)

    def find(names: tuple[str, ...]) -> tuple[str | None, object]:
        for name in names:
            path = PurePosixPath(name)
            if path.is_absolute() or ".." in path.parts or "\0" in name:
                continue  # a table names images, and may not name any other file
            if folder and (size := _size(folder / path)) is not None:
                return str(folder / path), size
            if found := packed.get(str(path)):
                return found.location, found.stamp
        return None, None

    return find


def _by_name(images: Place) -> dict[str, ImageFile]:
    """Return the images in containers by name, with and without a folder that holds them all."""
    found = {str(PurePosixPath(file.name)): file for file in list_image_files(images)}
    around = {name.partition("/")[0] for name in found}
    if len(around) == 1 and "" not in around:
        (folder,) = around
        found |= {name.removeprefix(f"{folder}/"): held for name, held in found.items()}
    return found


def _size(path: Path) -> int | None:
    """Return the bytes of a regular file, or None where none is there."""
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_size if stat.S_ISREG(status.st_mode) and is_loose(str(path)) else None
