"""What every archive format offers: one entry per study, and reading by the index of them.

A format finds studies and reads them; `Archive.index` makes the rows, fingerprints included.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, ClassVar, Self, final

import pyarrow as pa

from radkg.archive.entries import (
    BY_NAME,
    FingerprintOrder,
    StudyEntry,
    bound_names,
    compute_fingerprint,
    make_row,
)
from radkg.schema.arrow import INDEX_SCHEMA
from radkg.schema.records import Image, Section, Study, Unreadable

Record = Mapping[str, Any]  # one row of INDEX_SCHEMA

OWN_IDS = "own_ids"
"""column of an index with pseudonyms: the archive's ids of the study, its subject and its images"""

DUPLICATE_ID = "another report of the archive has the same id"  # the problem of all but the first


def get_own_study_id(record: Record) -> str:
    """Return the archive's own id of a study, by which a format finds what belongs to it."""
    own_ids = record.get(OWN_IDS)
    return str(own_ids[0] if own_ids else record["study_id"])


def build_study(record: Record, report: str, sections: tuple[Section, ...]) -> Study:
    """Return the study of a row of the index, with the report that was read for it."""
    return Study(
        study_id=record["study_id"],
        subject_id=record["subject_id"],
        archive=record["archive"],
        study_date=record["study_date"],
        report=report,
        sections=sections,
        images=tuple(Image(**image) for image in record["images"]),
        split=record["split"],
        fingerprint=record["fingerprint"],
        age=record["age"],
        sex=record["sex"],
        study_views=tuple(record["study_views"] or ()),
    )


class NearRefusal(str):
    """Why an archive is none of a format whose form it has: the cause that a user is told first."""

    __slots__ = ()


class Archive(ABC):
    """One archive of a format; cheap to pickle, for it travels to every worker.

    Attributes:
        name: what rows call this archive.
        uri: where it is, as `open_archive` takes it.
        takes: what `--archive` may name for this format, as README.md lists it.
        reading_version: a part of every fingerprint of the format, to be raised when one of its
            rules changes what is read of a report.
        fingerprint_order: BY_NAME, but for the formats that published with another order.
    """

    name: str
    uri: str
    takes: ClassVar[str]
    reading_version: ClassVar[str | None] = "1"
    fingerprint_order: ClassVar[FingerprintOrder] = BY_NAME

    @classmethod
    @abstractmethod
    def recognise(cls, uri: str, images: str | None) -> Self | str:
        """Return the archive at `uri`, or the reason why it is none of this format."""

    @abstractmethod
    def list_studies(self) -> Iterable[StudyEntry]:
        """Yield one entry per study in the order of the archive, whatever is wrong with it.

        Raises:
            ArchiveError: the archive itself is damaged, so that its studies cannot be counted.
        """

    @abstractmethod
    def read(self, records: Iterable[Record]) -> Iterator[Study | Unreadable]:
        """Yield one Study or Unreadable per row of the index, in the order of the rows.

        Raises:
            ArchiveError: the archive went away or changed since it was indexed.
        """

    @final
    def index(self) -> pa.Table:
        """Return INDEX_SCHEMA, one row per study in the order of the archive.

        Raises:
            ArchiveError: the archive itself is damaged, so that its studies cannot be counted.
        """
        return pa.Table.from_pylist(self.list_records(), schema=INDEX_SCHEMA)

    @final
    def list_records(self) -> list[dict[str, Any]]:
        """Return the rows of `index` as `read` takes them."""
        version, order = self.reading_version, self.fingerprint_order
        return [
            make_row(self.name, entry, compute_fingerprint(entry, version, order))
            for entry in map(bound_names, self.list_studies())
        ]
