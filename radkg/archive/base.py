"""What every archive format offers: an index with one row per study, and reading by that index."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Protocol, Self

import pyarrow as pa

from radkg.schema.records import Image, Section, Study, Unreadable

Record = Mapping[str, Any]  # one row of INDEX_SCHEMA

DUPLICATE_ID = "another report of the archive has the same id"  # the problem of all but the first


def lone_report(
    archive: str, study_id: str, place: tuple[str, str, int, int], **told: str | None
) -> dict[str, Any]:
    """Return the row of a report of which nothing else is known: its own patient, no image.

    Args:
        archive: name of the archive.
        study_id: what the report is called.
        place: source, member, offset and length.
        told: content, problem and fingerprint.
    """
    source, member, offset, length = place
    return {
        "study_id": study_id,
        "subject_id": study_id,
        "archive": archive,
        "study_date": None,
        "split": None,
        "source": source,
        "member": member,
        "offset": offset,
        "length": length,
        "images": [],
        **told,
    }


def study_of(record: Record, report: str, sections: tuple[Section, ...]) -> Study:
    """Return the study of a row, with the report that was read for it."""
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
    )


class Archive(Protocol):
    """One archive; cheap to pickle, for it travels to every worker."""

    @property
    def name(self) -> str:
        """What rows call this archive."""
        ...

    @property
    def uri(self) -> str:
        """Where it is, as `open_archive` takes it."""
        ...

    @classmethod
    def recognise(cls, uri: str, images: str | None) -> Self | str:
        """Return the archive at `uri`, or the reason why it is none of this format."""
        ...

    def index(self) -> pa.Table:
        """Return INDEX_SCHEMA, one row per study in the order of the archive.

        Raises:
            ArchiveError: the archive itself is damaged, so that its studies cannot be counted.
        """
        ...

    def read(self, records: Iterable[Record]) -> Iterator[Study | Unreadable]:
        """Yield one Study or Unreadable per record, in the order given.

        Raises:
            ArchiveError: the archive went away or changed since it was indexed.
        """
        ...
