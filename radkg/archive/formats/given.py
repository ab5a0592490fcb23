"""One study that a caller hands over in memory, read as a table with this one row would be read.

So a row that is extracted from it is the row that `radkg extract` publishes for such a table,
fingerprint included.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from radkg.archive.formats.cells import convert_to_text
from radkg.archive.formats.rows import TableRow, Values
from radkg.archive.formats.table import ReportTable
from radkg.archive.formats.tabular import ImageFinder
from radkg.schema.records import Section, Study, Unreadable


def read_given_study(
    values: Mapping[str, Any],
    images: Mapping[str, tuple[str, int]] | None = None,
    problem: str | None = None,
) -> Study | Unreadable:
    """Return the study of one row of a table of reports.

    Args:
        values: by column, as a table of JSON lines has them: `study_id`, `report`, and where known
            `subject_id`, `study_date`, `age`, `sex`, `images` and `view_position`.
        images: where the image of each name is, and its size in bytes.
        problem: why the study cannot be read, if that is known already.
    """
    row = {name: convert_to_text(value) for name, value in values.items()}
    table = GivenStudy(rows=_GivenRow(row), uri="", given=images or {})
    (record,) = table.list_records()
    (item,) = table.read([record | {"problem": problem or record["problem"]}])
    return item


@dataclass(frozen=True)
class GivenStudy(ReportTable):
    """A table of one row, whose images are where the caller says."""

    given: Mapping[str, tuple[str, int]] = field(default_factory=dict)
    sections: list[tuple[str, tuple[Section, ...]]] = field(default_factory=list)
    """what was read of the report: an archive reads it twice, for its fingerprint and for itself"""

    def read_report(self, row: Values) -> tuple[str, tuple[Section, ...]]:
        """Return the report and its sections."""
        if not self.sections:
            self.sections.append(super().read_report(row))
        return self.sections[0]

    def make_finder(self) -> ImageFinder:
        """Return what finds the images that were handed over."""
        return _GivenImages(self.given)


@dataclass(frozen=True)
class _GivenRow:
    values: Values

    path = Path()

    @property
    def columns(self) -> tuple[str, ...]:
        return tuple(self.values)

    def __iter__(self) -> Iterator[TableRow]:
        yield TableRow(1, 0, 0, b"", self.values)

    def read_row(self, record: Mapping[str, Any]) -> Values:
        return self.values


@dataclass(frozen=True)
class _GivenImages:
    images: Mapping[str, tuple[str, int]]

    def __call__(self, study_id: str, names: tuple[str, ...]) -> tuple[str | None, object]:
        return next((self.images[name] for name in names if name in self.images), (None, None))

    def say_missing(self) -> None:
        """Nothing: the caller names only images that it hands over."""
