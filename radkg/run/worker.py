"""One worker's side of a run: read a unit's studies, make their rows, commit one object.

Every runner uses this worker, through stream.py, which has the three steps of different units
overlap. A unit that was begun twice and never finished ended its process, or hung until its process
was ended, or was in hand beside one that did: the worker then reads the unit study by study in a
child (isolation.py), and the study that ends the child is a failed row.
"""

from __future__ import annotations

import contextlib
import os
import platform
import threading
import time
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from radkg.errors import ClusterError, RadkgError, StorageError
from radkg.extractor import PreparedImages, check_device, count_tokens
from radkg.run.images import prepare_images
from radkg.run.isolation import MAX_ATTEMPTS, make_one_by_one
from radkg.run.journal import Journal
from radkg.run.making import load_maker
from radkg.run.pseudonyms import hide_own_ids
from radkg.run.work import UnitResult, Worker
from radkg.schema.reasons import group_reason
from radkg.schema.records import Study, Unreadable
from radkg.storage import open_storage

SHOWN_REASONS = 3
_BYTES_A_TOKEN = 4  # of a report in English, by the tokenizers of language models


@dataclass(frozen=True)
class Task:
    """A unit to work on."""

    unit_id: str
    records: Sequence[Mapping[str, Any]]
    """rows of INDEX_SCHEMA"""
    images: PreparedImages | None = None
    """those that were prepared beside this process; None: all are prepared here"""
    alone: bool = False
    """whether to read study by study at once"""


@dataclass(frozen=True)
class Loaded:
    """A unit whose studies are read."""

    task: Task
    items: Sequence[Study | Unreadable] | None
    """None: study by study"""
    images: PreparedImages | None
    seconds: float


def count_report_tokens(records: Sequence[Mapping[str, Any]]) -> int:
    """Return about how many tokens the reports of records have."""
    return sum(int(record["length"]) for record in records) // _BYTES_A_TOKEN


class UnitWorker:
    """Makes the rows of units and commits them; made once in a process.

    `read`, `make` and `commit` may run beside each other, of different units: one `read` at a time,
    one `commit` at a time, and as many `make` as `calls_at_once` says.

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
        self.calls_at_once = self._maker.calls_at_once
        self.batch_tokens = worker.model.engine.batch_tokens or 0
        """tokens of reports that units are made together up to; 0: each unit alone"""
        self._journal = Journal(open_storage(worker.out), worker.model_id, self._maker.kind)
        worker.limits.bound_memory()
        self._clock = _Clock()
        self._told = (0.0, 0, 0)  # seconds and tokens that results have counted

    def read(self, task: Task) -> Loaded:
        """Return a unit with its studies, and on a GPU with its images."""
        start = time.perf_counter()
        items, images = None, task.images
        if self._journal.begin(task.unit_id) < MAX_ATTEMPTS and not task.alone:
            try:
                with self._limits.watch(len(task.records)):
                    items = list(self._archive.read(task.records))
                    images = images or self._prepare(task)
            except RadkgError:  # of the archive or the storage, of no study
                raise
            except Exception:  # of a study that cannot be read: which one, the child finds out
                items = None
        return Loaded(task, items, images, time.perf_counter() - start)

    def make(self, units: Sequence[Loaded]) -> list[tuple[list[Any], float]]:
        """Return the rows of each unit, and seconds; the model sees all studies at once."""
        start = time.perf_counter()
        together = [unit for unit in units if unit.items is not None]
        rows = self._make_together(together) if together else []
        if rows is None:  # which unit it was shows where each is made apart
            parts = [self._make_together([unit]) for unit in together]
        else:
            parts, begin = [], 0
            for unit in together:
                parts.append(rows[begin : begin + len(unit.items or ())])
                begin += len(unit.items or ())
        made = dict(zip((unit.task.unit_id for unit in together), parts, strict=True))
        job = (self._archive, self._spec, self._limits)
        found: list[list[Any]] = []
        for unit in units:
            of_unit = made.get(unit.task.unit_id)
            if of_unit is None:
                of_unit = list(make_one_by_one(self._maker, job, unit.task.records))
            found.append(of_unit)
        seconds = (time.perf_counter() - start) / max(1, sum(map(len, found)))
        return [(of_unit, seconds * len(of_unit)) for of_unit in found]

    def commit(self, unit: Loaded, rows: Sequence[Any], seconds: float) -> UnitResult:
        """Write the rows of a unit; return what became of it."""
        start = time.perf_counter()
        rows = hide_own_ids(rows, unit.task.records)
        self._journal.commit(unit.task.unit_id, self._maker.to_table(rows))
        failed = [row for row in rows if row.status == "failed"]
        # calls overlap: what the model did since the last result is counted with this one
        now = (self._clock.read(), *count_tokens(self._maker.model))
        model_seconds, read, written = (a - b for a, b in zip(now, self._told, strict=True))
        self._told = now
        return UnitResult(
            unit_id=unit.task.unit_id,
            studies=len(rows),
            failed=len(failed),
            reasons=[f"{row.study_id}: {row.reason}" for row in failed[:SHOWN_REASONS]],
            seconds=seconds + unit.seconds + time.perf_counter() - start,
            failed_by=Counter(group_reason(row.reason or "") for row in failed),
            model_seconds=model_seconds,
            worker=f"{platform.node()}:{os.getpid()}",
            tokens=(int(read), int(written)),
        )

    def forget(self, unit_ids: Collection[str]) -> None:
        """Take back that units were begun: no study of theirs is to blame."""
        with contextlib.suppress(StorageError):
            self._journal.forget(unit_ids)

    def _make_together(self, units: Sequence[Loaded]) -> list[Any] | None:
        """Return the rows of all units, in order; None where they cannot be made as a whole."""
        items = [item for unit in units for item in unit.items or ()]
        images: dict[str, Any] = {}
        for unit in units:
            images |= unit.images or {}
        try:
            with self._limits.watch(len(items)), self._clock.run():
                return self._maker.make_rows(items, images or None)
        except RadkgError:
            raise
        except Exception:  # of a study, whatever the maker met in it
            return None

    def _prepare(self, task: Task) -> PreparedImages | None:
        """Return the images of a unit for a model on a GPU; on the CPU its core decodes as well."""
        preprocessing = self._maker.preprocessing if self._spec.device != "cpu" else None
        if preprocessing is None:
            return None
        workers = self._limits.workers or 1
        threads = max(1, ((os.cpu_count() or 1) - 1) // workers)
        return prepare_images(preprocessing, task.records, threads) or None


class _Clock:
    """Seconds in which at least one call of the model ran."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._calls, self._seconds, self._last = 0, 0.0, 0.0

    @contextlib.contextmanager
    def run(self) -> Iterator[None]:
        """Run while the block does."""
        self._change(1)
        try:
            yield
        finally:
            self._change(-1)

    def read(self) -> float:
        """Return the seconds until now."""
        self._change(0)
        return self._seconds

    def _change(self, calls: int) -> None:
        with self._lock:
            now = time.perf_counter()
            self._seconds += now - self._last if self._calls else 0.0
            self._calls, self._last = self._calls + calls, now
