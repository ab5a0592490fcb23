"""An archive that is a table: rows to an index of studies, and one row to one study.

A format says what a row means (`describe`, `read_report`); joining.py says what the rows of one
study are together. A damaged table ends the run; a wrong row is one study that cannot be read.
"""

from __future__ import annotations

import logging
import re
import stat
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path, PurePosixPath
from typing import ClassVar, Protocol

from radkg.archive.base import Archive, Record, build_study
from radkg.archive.entries import FingerprintOrder, FurtherRow, ImageEntry, StudyEntry
from radkg.archive.files.located import is_loose
from radkg.archive.files.members import digest
from radkg.archive.files.messages import sanitize
from radkg.archive.files.places import Place
from radkg.archive.formats.dialect import open_delimited
from radkg.archive.formats.joining import (
    Parts,
    RowDescription,
    add_facts,
    add_images,
    add_part,
    check_same_study,
    join_reports,
)
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
from radkg.schema.records import Section, Study, Unreadable

logger = logging.getLogger(__name__)

_DATE = re.compile(r"(\d{4}-?\d\d-?\d\d)(?:[T ].*)?", re.ASCII)
_SPLITS = {"training": "train", "val": "validate", "valid": "validate", "validation": "validate"}


class ImageFinder(Protocol):
    """Finds the images that a table names."""

    def __call__(self, study_id: str, names: tuple[str, ...]) -> tuple[str | None, object]:
        """Return the location of the first name for which there is an image, and its stamp."""
        ...

    def say_missing(self) -> None:
        """Say how many images are not there, once all are asked for."""
        ...


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
    joins_reports: ClassVar[bool] = False  # a further row adds to the report; else it repeats it

    def describe(self, row: Values) -> RowDescription:
        """Return whose study a row is of, and what belongs to the study."""
        raise NotImplementedError

    def read_report(self, row: Values) -> tuple[str, tuple[Section, ...]]:
        """Return the report of a row and its sections."""
        raise NotImplementedError

    def make_finder(self) -> ImageFinder:
        """Return what finds the images that the rows name."""
        return _Finder(self.images)

    def list_studies(self) -> list[StudyEntry]:
        """Return one entry per study, in the order of the first rows that name them."""
        studies: dict[str, StudyEntry] = {}
        firsts: dict[str, RowDescription] = {}  # what the first row of each study says
        parts: dict[str, Parts] = {}
        find = self.make_finder()
        for row in self.rows:
            described = self._described(row)
            study_id, problem = described.study_id, described.problem
            characters = 0
            try:
                report, sections = self.read_report(row.values)
                identity = digest(report.encode(), repr(sections).encode()).encode()
                characters = len(report) if report.strip() else 0
            except UnicodeEncodeError:
                identity = b""
                problem = problem or "its report is not UTF-8: save the table as UTF-8"
            images = [
                ImageEntry(image_id, view, *find(study_id, names))
                for image_id, view, names in described.images
            ]
            if (study := studies.get(study_id)) is None:
                study = studies[study_id] = self._entry(described, row, problem)
                study.report_identity, study.images = identity, images
                if not self.joins_reports:
                    firsts[study_id] = described
            elif self.joins_reports:
                joined = parts.setdefault(study_id, Parts([study.report_identity or b""]))
                further = FurtherRow(f"line {row.line}", row.offset, row.length, digest(row.data))
                study.problem = (
                    study.problem
                    or problem
                    or add_facts(study, described)
                    or add_images(study, images)
                    or add_part(study, joined, further, identity, characters)
                )
            else:
                study.problem = (
                    study.problem
                    or problem
                    or check_same_study(
                        described, firsts[study_id], identity == study.report_identity
                    )
                )
                study.images += images
        find.say_missing()
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
            if further := record["further_rows"]:
                rows = (self.rows.read_row({**record, **row, "lane": 1}) for row in further)
                report, sections = join_reports(
                    [(report, sections), *(self.read_report(row) for row in rows)]
                )
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

    def _entry(self, described: RowDescription, row: TableRow, problem: str | None) -> StudyEntry:
        return StudyEntry(
            study_id=described.study_id,
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
            study_views=list(described.study_views),
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
        rows = open_delimited(path, ",", lambda names: set(columns) <= set(names))
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


class _Finder:
    """Finds the images that a table names, below `--images`, and counts those that are not there.

    A name leads nowhere else: an absolute one counts where it begins with the place of the images.
    """

    def __init__(self, images: Place | None) -> None:
        self._images = images
        self._folder = images if isinstance(images, Path) and images.is_dir() else None
        self._packed = {} if images is None else _by_name(images)
        places = {images, self._folder and self._folder.resolve()} - {None}
        self._roots = tuple(sorted(f"{place}/" for place in places))
        self._missing = 0
        self._first = ""

    def __call__(self, study_id: str, names: tuple[str, ...]) -> tuple[str | None, object]:
        """Return the location of the first name for which there is an image, and its stamp.

        The stamp stands for its bytes: the size of a file, for hashing the file would take longer
        than the extraction.
        """
        for name in names:
            root = next((root for root in self._roots if name.startswith(root)), "")
            path = PurePosixPath(name.removeprefix(root))
            if path.is_absolute() or ".." in path.parts or "\0" in name:
                continue  # a table names images, and may not name any other file
            if self._folder and (size := _size(self._folder / path)) is not None:
                return str(self._folder / path), size
            if found := self._packed.get(str(path)):
                return found.location, found.stamp
        self._missing += 1
        self._first = self._first or f"{names[0]} of study {study_id}"
        return None, None

    def say_missing(self) -> None:
        """Log how many images are not there, where a place of images was given."""
        if self._images is not None and self._missing:
            logger.warning(
                "images=%s %d of the images that the table names are not there; the first is %s",
                *(self._images, self._missing, sanitize(self._first)),
            )


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
