"""One worker's side of a run: read a unit's studies, make their rows, commit one object.

Every runner uses this worker. A unit that was begun twice and never finished ended its process, or
hung until its process was ended: the worker then reads the unit study by study in a child
(isolation.py), and the study that ends the child is a failed row.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Mapping, Sequence
from typing import Any

from radkg.errors import ClusterError, RadkgError, StorageError
from radkg.extractor import PreparedImages, check_device
from radkg.run.isolation import MAX_ATTEMPTS, make_one_by_one
from radkg.run.journal import Journal
from radkg.run.making import load_maker
from radkg.run.work import UnitResult, Worker
from radkg.storage import open_storage

SHOWN_REASONS = 3


class UnitWorker:
    """Makes the rows of units and commits them; made once in a process.

    Raises:
        ClusterError: this process loads another version of the model than the driver.
        ExtractorError: the model cannot be loaded, or its device is not here.
    """

    def __init__(self, worker: Worker) -> None:
        self._archive = worker.archive
        self._spec = worker.model
        self._limits = worker.limits
        self._maker = load_maker(worker.model)
        if self._maker.model.model_id != worker.model_id:
            raise ClusterError(
                f"this worker has another version of {worker.model.name}: "
                f"{self._maker.model.model_id} instead of {worker.model_id}: install the same "
                "radkg on every node"
            )
        check_device(self._maker.model)
        self._journal = Journal(open_storage(worker.out), worker.model_id, self._maker.kind)
        worker.limits.bound_memory()

    def __call__(
        self,
        unit_id: str,
        records: Sequence[Mapping[str, Any]],
        images: PreparedImages | None = None,
        *,
        alone: bool = False,
    ) -> UnitResult:
        """Commit one unit; return what became of it.

        Args:
            unit_id: its name.
            records: rows of INDEX_SCHEMA.
            images: those that were prepared beside this process; None: all are prepared here.
            alone: read study by study at once.
        """
        start = time.perf_counter()
        try:
            rows = self._rows(unit_id, records, images, alone)
            self._journal.commit(unit_id, self._maker.to_table(rows))
        except RadkgError:  # a full disk, an archive that went away: no study is to blame
            with contextlib.suppress(StorageError):
                self._journal.forget({unit_id})
            raise
        reasons = [f"{row.study_id}: {row.reason}" for row in rows if row.status == "failed"]
        seconds = time.perf_counter() - start
        return UnitResult(unit_id, len(rows), len(reasons), reasons[:SHOWN_REASONS], seconds)

    def _rows(
        self,
        unit_id: str,
        records: Sequence[Mapping[str, Any]],
        images: PreparedImages | None,
        alone: bool,
    ) -> list[Any]:
        rows = None
        if self._journal.begin(unit_id) < MAX_ATTEMPTS and not alone:
            rows = self._together(records, images)
        if rows is None:
            job = (self._archive, self._spec, self._limits)
            rows = list(make_one_by_one(self._maker, job, records))
        return rows

    def _together(
        self, records: Sequence[Mapping[str, Any]], images: PreparedImages | None
    ) -> list[Any] | None:
        """Return the rows of a unit; None where it cannot be read as a whole."""
        try:
            with self._limits.watch(len(records)):
                return self._maker.make_rows(self._archive.read(records), images)
        except RadkgError:  # of the archive or the storage, of no study
            raise
        except Exception:  # of a study that the archive cannot read: which one, the child finds out
            return None
