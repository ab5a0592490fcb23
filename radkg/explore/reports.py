"""The reports behind a graph: studies and images out of the archive, extractions as published."""

from __future__ import annotations

import functools
import threading
from bisect import bisect_right
from collections.abc import Iterable

import pyarrow.compute as pc

from radkg.archive import open_archive
from radkg.archive.base import Record
from radkg.errors import SchemaError, SnapshotError
from radkg.interchange.documents import IMPORTED
from radkg.run.retractions import retained
from radkg.run.settings import read_config
from radkg.run.snapshot import Snapshot
from radkg.schema.arrow import from_table
from radkg.schema.records import Extraction, Study, check

_PARTS_KEPT = 4  # published parts in memory, some 8,000 studies each


class Reports:
    """What one published night was read from; from several threads at once.

    Args:
        snapshot: the night.
        archive: where the reports are; None: where the run had them.
        images: where the images are; None: where the run had them.

    Raises:
        ArchiveError: the archive is no longer where the run had it.
    """

    def __init__(
        self, snapshot: Snapshot, archive: str | None = None, images: str | None = None
    ) -> None:
        config = read_config(snapshot.storage)
        uri = archive or config.archive
        if uri == IMPORTED:
            uri = f"{snapshot.storage.uri}/{IMPORTED}"
        self.snapshot = snapshot
        self.archive = snapshot.archive
        self._archive = open_archive(uri, images or config.images)
        self._index = self._archive.index()
        self._places = {id_: i for i, id_ in enumerate(self._index["study_id"].to_pylist())}
        self._reading = threading.Lock()
        self._part = functools.lru_cache(maxsize=_PARTS_KEPT)(snapshot.read_part)
        self._first = functools.cache(lambda part: self._part(part)["study_id"][0].as_py())

    def studies(self, study_ids: Iterable[str]) -> dict[str, Study]:
        """Return those of the studies that the archive has and that can be read, by their id."""
        records = [self._record(id_) for id_ in sorted(set(study_ids)) if id_ in self._places]
        with self._reading:
            found = self._archive.read(records)
            return {study.study_id: study for study in found if isinstance(study, Study)}

    def extraction(self, study_id: str) -> Extraction | None:
        """Return what was published of a study, or None where the night has no such study.

        What was retracted, also since the page was opened, is not there.
        """
        parts = self.snapshot.parts
        place = bisect_right(parts, study_id, key=self._first) - 1
        if place < 0:
            return None
        table = self._part(parts[place])
        row = retained(self.snapshot).retain(table.filter(pc.equal(table["study_id"], study_id)))
        rows = list(from_table(row))
        return rows[0] if rows else None

    def pair(self, study_id: str) -> tuple[Study, Extraction] | None:
        """Return a study and its extraction, which fit, or None where the night has none.

        Raises:
            SnapshotError: the archive no longer has the report that was extracted.
        """
        extraction = self.extraction(study_id)
        if extraction is None:
            return None
        study = self.studies([study_id]).get(study_id)
        try:
            if study is None:
                raise SchemaError("it is not there, or cannot be read")
            check(extraction, study.report)
        except SchemaError as error:
            raise SnapshotError(
                f"study {study_id} of the archive is not the one that was extracted: give the"
                " archive of the run (--archive), or run the extraction again"
            ) from error
        return study, extraction

    def _record(self, study_id: str) -> Record:
        records: list[Record] = self._index.slice(self._places[study_id], 1).to_pylist()
        return records[0]
