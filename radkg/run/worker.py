"""One worker's side of a run: read a unit's studies, make their rows, commit one object.

Every runner uses this worker. A unit that was begun twice and never finished ended its process, or
hung until its process was ended: the worker then reads the unit study by study in a child
(isolation.py), and the study that ends the child is a failed row.
"""

from __future__ import annotations

import contextlib
import os
import platform
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from radkg.errors import ClusterError, RadkgError, StorageError
from radkg.extractor import PreparedImages, check_device, count_tokens
from radkg.run.isolation import MAX_ATTEMPTS, make_one_by_one
from radkg.run.journal import Journal
from radkg.run.making import load_maker
from radkg.run.pseudonyms import hide_own_ids
from radkg.run.work import UnitResult, Worker
from radkg.schema.reasons import group_reason
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
        self._model_s, tokens = 0.0, count_tokens(self._maker.model)
        try:
            rows = self._rows(unit_id, records, images, alone)
            self._journal.commit(unit_id, self._maker.to_table(rows))
        except RadkgError:  # a full disk, an archive that went away: no study is to blame
            with contextlib.suppress(StorageError):
                self._journal.forget({unit_id})
            raise
        failed = [row for row in rows if row.status == "failed"]
        read, written = count_tokens(self._maker.model)
        return UnitResult(
            unit_id=unit_id,
            studies=len(rows),
            failed=len(failed),
            reasons=[f"{row.study_id}: {row.reason}" for row in failed[:SHOWN_REASONS]],
            seconds=time.perf_counter() - start,
            failed_by=Counter(group_reason(row.reason or "") for row in failed),
            model_seconds=self._model_s,
            worker=f"{platform.node()}:{os.getpid()}",
            tokens=(read - tokens[0], written - tokens[1]),
        )

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
        return hide_own_ids(rows, records)

    def _together(
        self, records: Sequence[Mapping[str, Any]], images: PreparedImages | None
    ) -> list[Any] | None:
        """Return the rows of a unit; None where it cannot be read as a whole."""
        try:
            with self._limits.watch(len(records)):
                items = list(self._archive.read(records))
                start = time.perf_counter()
                rows = self._maker.make_rows(items, images)
                self._model_s = time.perf_counter() - start
                return rows
        except RadkgError:  # of the archive or the storage, of no study
            raise
        except Exception:  # of a study that the archive cannot read: which one, the child finds out
            return None
