"""One worker's side of a run: read a unit's studies, extract them, commit one object.

Plain Python, so that Ray is only in data.py. A unit that was begun twice and never finished killed
its process, or hung until it was killed: it is then run study by study in a child (alone.py), and
the study that does it is a failed row.
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from typing import Any

from radkg.archive import Archive
from radkg.errors import ClusterError, RadkgError, StorageError
from radkg.extractor import PreparedImages, check_device, extract_rows, load_extractor
from radkg.run.isolation import MAX_ATTEMPTS, Limits, Which, one_by_one
from radkg.run.journal import Journal
from radkg.schema.arrow import to_table
from radkg.schema.records import Extraction
from radkg.storage import open_storage

SHOWN_REASONS = 3


class UnitWorker:
    """Extracts units and commits them; made once per actor.

    Args:
        archive: where the studies are.
        extractor: name, condition and device.
        model_id: what it must be.
        out: the run's storage.
        limits: of time and memory.
    """

    def __init__(
        self, archive: Archive, extractor: Which, model_id: str, out: str, limits: Limits
    ) -> None:
        self._archive = archive
        self._which = extractor
        self._limits = limits
        self._extractor = load_extractor(*extractor)
        if self._extractor.model_id != model_id:
            raise ClusterError(
                f"this worker has another version of {extractor[0]}: {self._extractor.model_id} "
                f"instead of {model_id}: install the same radkg on every node"
            )
        check_device(self._extractor)
        self._journal = Journal(open_storage(out), model_id)
        limits.bound_memory()

    def __call__(
        self,
        unit_id: str,
        records: Sequence[Mapping[str, Any]],
        images: PreparedImages | None = None,
        *,
        alone: bool = False,
    ) -> dict[str, Any]:
        """Commit one unit; return its counts and the first reasons of failed studies.

        Args:
            unit_id: its name.
            records: rows of INDEX_SCHEMA.
            images: those that were prepared beside this process; None: all are prepared here.
            alone: read study by study at once.
        """
        try:
            rows = self._rows(unit_id, records, images, alone)
            self._journal.commit(unit_id, to_table(rows))
        except RadkgError:  # a full disk, an archive that went away: no study is to blame
            with contextlib.suppress(StorageError):
                self._journal.forget({unit_id})
            raise
        reasons = [f"{row.study_id}: {row.reason}" for row in rows if row.status == "failed"]
        return {"studies": len(rows), "failed": len(reasons), "reasons": reasons[:SHOWN_REASONS]}

    def _rows(
        self,
        unit_id: str,
        records: Sequence[Mapping[str, Any]],
        images: PreparedImages | None,
        alone: bool,
    ) -> list[Extraction]:
        rows = None
        if self._journal.begin(unit_id) < MAX_ATTEMPTS and not alone:
            rows = self._together(records, images)
        if rows is None:
            job = (self._archive, self._which, self._limits)
            rows = list(one_by_one(self._extractor, job, records))
        return rows

    def _together(
        self, records: Sequence[Mapping[str, Any]], images: PreparedImages | None
    ) -> list[Extraction] | None:
        """Return the rows of a unit; None where it cannot be read as a whole."""
        try:
            with self._limits.watch(len(records)):
                return extract_rows(self._extractor, self._archive.read(records), images)
        except RadkgError:  # of the archive or the storage, of no study
            raise
        except Exception:  # of a study that the archive cannot read: which one, the child finds out
            return None
