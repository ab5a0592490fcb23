"""Look for identifiers in the reports of an archive, before anything else reads them."""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from radkg.archive import open_archive
from radkg.deid import CLASSES, Identifier, find_identifiers
from radkg.errors import ConfigError
from radkg.progress import Progress, say_nothing
from radkg.schema.cells import escape_row
from radkg.schema.records import Study
from radkg.storage import LocalStorage

_PLACES = ("row", "class", "start", "end")
_SHOWN = ("study_id", "text")


@dataclass(frozen=True, kw_only=True)
class DeidConfig:
    """What to look at, and what to tell of it."""

    archive: str
    limit: int | None = None
    """only the first studies of the archive; None: all"""
    places: Path | None = None
    """CSV file for the place of each identifier; None: counts alone"""
    show: bool = False
    """write the identifiers themselves and the study ids into the file, too"""

    def __post_init__(self) -> None:
        if self.limit is not None and self.limit < 1:
            raise ConfigError(f"--limit must be at least 1, not {self.limit}")
        if self.show and self.places is None:
            raise ConfigError("--show is for the file of --places: give one")


@dataclass(frozen=True)
class ClassCount:
    """How often a class of Safe Harbor was found."""

    paragraph: str
    """letter of 45 CFR 164.514(b)(2)(i)"""
    name: str
    found: int | None
    """identifiers; None: text cannot hold one"""
    studies: int | None
    """with at least one"""


@dataclass(frozen=True)
class DeidReport:
    """What was found in an archive."""

    archive: str
    studies: int
    """whose reports were looked at"""
    unreadable: int
    with_identifier: int
    """studies with one of any class"""
    classes: tuple[ClassCount, ...]
    places: str | None
    """file with the places"""


def check_archive(config: DeidConfig, progress: Progress = say_nothing) -> DeidReport:
    """Look for identifiers in every report of an archive.

    The row of a study is its number in the archive, from 1; start and end are offsets of characters
    in its report.

    Raises:
        ArchiveError: the archive cannot be read.
        StorageError: the file of the places cannot be written.
    """
    archive = open_archive(config.archive)
    records = archive.index().slice(0, config.limit).to_pylist()
    found, studies = Counter[str](), Counter[str]()
    lines = [[*_PLACES, *(_SHOWN if config.show else ())]]
    readable = touched = 0
    with progress("look for identifiers") as advance:
        for number, item in enumerate(archive.read(records), 1):
            advance(number, len(records))
            if not isinstance(item, Study):
                continue
            readable += 1
            identifiers = find_identifiers(item.report)
            touched += bool(identifiers)
            found.update(each.name for each in identifiers)
            studies.update({each.name for each in identifiers})
            lines += _list_lines(number, item, identifiers, config.show)
    if config.places is not None:
        _write_places(config.places, lines)
    counts = (
        ClassCount(each.letter, name, found[name], studies[name])
        if each.is_in_text
        else ClassCount(each.letter, name, None, None)
        for name, each in CLASSES.items()
    )
    return DeidReport(
        archive=archive.name,
        studies=readable,
        unreadable=len(records) - readable,
        with_identifier=touched,
        classes=tuple(counts),
        places=None if config.places is None else str(config.places),
    )


def _list_lines(
    number: int, study: Study, identifiers: list[Identifier], show: bool
) -> Iterator[list[str]]:
    for each in identifiers:
        place = [str(number), each.name, str(each.start), str(each.end)]
        shown = [study.study_id, study.report[each.start : each.end]] if show else []
        yield [*place, *shown]


def _write_places(file: Path, lines: list[list[str]]) -> None:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(map(escape_row, lines))
    LocalStorage(file.resolve().parent).write(file.name, text.getvalue().encode())
