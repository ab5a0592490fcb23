"""Read the studies of a graph from the archive, and their extractions from the snapshot."""

from __future__ import annotations

import functools
from bisect import bisect_right
from collections.abc import Iterable

import pyarrow.compute as pc

from radkg.run.retractions import hide_retracted
from radkg.run.snapshot import Snapshot
from radkg.run.studies import StudyReader
from radkg.schema.arrow import from_table
from radkg.schema.records import Extraction, Study

_PARTS_IN_MEMORY = 4  # of some 8,000 studies each


class SnapshotReader:
    """Reads the studies and extractions of one snapshot; safe for several threads at once.

    Args:
        snapshot: the snapshot that the graph holds.
        archive: address of the archive; None: the archive of the run.
        images: directory with the images; None: the directory of the run.

    Raises:
        ArchiveError: the archive is no longer where the run had it.
    """

    def __init__(
        self, snapshot: Snapshot, archive: str | None = None, images: str | None = None
    ) -> None:
        self.snapshot = snapshot
        self.archive = snapshot.archive
        self._studies = StudyReader(snapshot.storage, archive, images)
        self._part = functools.lru_cache(maxsize=_PARTS_IN_MEMORY)(snapshot.read_part)
        self._first = functools.cache(lambda part: self._part(part)["study_id"][0].as_py())

    def read_studies(self, study_ids: Iterable[str]) -> dict[str, Study]:
        """Return the studies, by their id, that the archive has and that can be read."""
        return self._studies.read_studies(study_ids)

    def read_extraction(self, study_id: str) -> Extraction | None:
        """Return the published extraction of a study, or None where the snapshot has no such study.

        A retracted study is not returned, even if it was retracted after the page was opened.
        """
        parts = self.snapshot.parts
        place = bisect_right(parts, study_id, key=self._first) - 1
        if place < 0:
            return None
        table = self._part(parts[place])
        row = hide_retracted(self.snapshot).keep_visible(
            table.filter(pc.equal(table["study_id"], study_id))
        )
        rows = list(from_table(row))
        return rows[0] if rows else None

    def read_pair(self, study_id: str) -> tuple[Study, Extraction] | None:
        """Return a study and its extraction, or None where the snapshot has no such study.

        Raises:
            SnapshotError: the archive no longer has the report from which the extraction was made.
        """
        extraction = self.read_extraction(study_id)
        if extraction is None:
            return None
        (pair,) = self._studies.read_pairs([extraction])
        return pair
