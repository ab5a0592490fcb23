"""Units through one worker: while the model makes rows, the next units are read, others committed.

    reading ──> making ──> committing
    1 thread    here       1 thread

A model that takes several calls at once (`calls_at_once`) makes in as many threads instead: what
the CPU does around one call then hides behind another on the device. Units are few enough in hand
that a kill costs little. The file of a unit is its commit, as without this module.
"""

from __future__ import annotations

import contextlib
import math
import queue
import threading
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from typing import Any

from radkg.errors import RadkgError
from radkg.run.units import Unit
from radkg.run.work import UnitResult
from radkg.run.worker import Loaded, Task, UnitWorker, count_report_tokens

_READ_AHEAD, _MOST_AHEAD = 2, 16
_WAITING_COMMITS = 2  # units that are made and do not stand

_Made = list[tuple[list[Any], float]]


def count_units_ahead(units: Sequence[Unit], batch_tokens: int | None) -> int:
    """Return how many units are read beside those that are made, so that no step waits.

    Args:
        units: of the run.
        batch_tokens: tokens of reports that are made together; None: each unit alone.
    """
    tokens = sum(count_report_tokens(unit.records) for unit in units) / max(1, len(units))
    return min(_MOST_AHEAD, max(_READ_AHEAD, math.ceil((batch_tokens or 0) / max(1, tokens))))


def run_stream(
    worker: UnitWorker,
    tasks: Iterable[Task],
    ahead: int = _READ_AHEAD,
    end_tasks: Callable[[], object] | None = None,
) -> Generator[UnitResult]:
    """Yield the result of each unit as it is committed, in the order of the tasks.

    Args:
        worker: of this process.
        tasks: iterated in another thread, which may wait there for the next one.
        ahead: units that are read, or being read, beside those that are made.
        end_tasks: called where no further task is wanted; an iterator that waits then has to end.

    Raises:
        RadkgError: of the archive, the storage or the machine, of no study; the units in hand count
            as not begun.
    """
    stream = _Stream(worker, iter(tasks), ahead)
    try:
        yield from stream.run()
    except RadkgError:
        stream.stop(end_tasks)
        worker.forget(stream.in_hand)
        raise
    finally:
        stream.stop(end_tasks)


class _Stream:
    """The steps of one worker, and what is in each of them."""

    def __init__(self, worker: UnitWorker, tasks: Iterator[Task], ahead: int) -> None:
        self._worker = worker
        self._ahead = ahead
        self._tasks = tasks
        self._reading = _DaemonThread("read")
        self._committing = ThreadPoolExecutor(1, "commit")
        self._making = (
            ThreadPoolExecutor(worker.calls_at_once, "make") if worker.calls_at_once > 1 else None
        )
        self._read: deque[Future[Loaded | None]] = deque()
        self._made: deque[tuple[list[Loaded], Future[_Made]]] = deque()
        self._committed: deque[Future[UnitResult]] = deque()
        self.in_hand: set[str] = set()

    def run(self) -> Generator[UnitResult]:
        """Yield results until the tasks end."""
        for _ in range(self._ahead):
            self._read.append(self._reading.submit(self._read_next))
        while self._read or self._made or self._committed:
            if self._committed and self._committed[0].done():
                result = self._committed.popleft().result()
                self.in_hand.discard(result.unit_id)
                yield result
            elif self._made and self._made[0][1].done():
                units, made = self._made.popleft()
                for unit, rows in zip(units, made.result(), strict=True):
                    self._committed.append(
                        self._committing.submit(self._worker.commit, unit, *rows)
                    )
            elif self._may_make() and self._is_read():
                self._make(self._gather())
            else:
                heads: list[Future[Any]] = [self._committed[0]] if self._committed else []
                heads += [self._made[0][1]] if self._made else []
                heads += [self._read[0]] if self._read and self._may_make() else []
                wait(heads, return_when=FIRST_COMPLETED)

    def stop(self, end_tasks: Callable[[], object] | None) -> None:
        """End the threads: what is begun is finished, nothing more is begun."""
        if end_tasks is not None:
            end_tasks()
        for pool in (self._reading, self._making, self._committing):
            if pool is not None:
                pool.shutdown(cancel_futures=True)

    def _read_next(self) -> Loaded | None:
        task = next(self._tasks, None)
        if task is None:
            return None
        self.in_hand.add(task.unit_id)
        return self._worker.read(task)

    def _may_make(self) -> bool:
        """Tell whether the model may go on: a slow disk must not leave it far ahead."""
        return (
            len(self._made) < self._worker.calls_at_once
            and sum(not commit.done() for commit in self._committed) < _WAITING_COMMITS
        )

    def _is_read(self) -> bool:
        return bool(self._read) and self._read[0].done()

    def _gather(self) -> list[Loaded]:
        """Take the units that are read, up to `batch_tokens`, but one at least."""
        units: list[Loaded] = []
        tokens = 0
        while self._is_read():
            unit = self._read[0].result()
            if unit is None:  # the tasks have ended, and whatever was asked for after them
                self._read.clear()
                break
            tokens += count_report_tokens(unit.task.records)
            if units and tokens > self._worker.batch_tokens:
                break
            self._read.popleft()
            self._read.append(self._reading.submit(self._read_next))
            units.append(unit)
        return units

    def _make(self, units: list[Loaded]) -> None:
        if not units:
            return
        if self._making is not None:
            self._made.append((units, self._making.submit(self._worker.make, units)))
            return
        made: Future[_Made] = Future()
        made.set_result(self._worker.make(units))
        self._made.append((units, made))


class _DaemonThread:
    """A thread that may wait for a task for ever: the end of the process does not wait for it.

    (Python joins the threads of a ThreadPoolExecutor before a process ends.)
    """

    def __init__(self, name: str) -> None:
        self._calls: queue.SimpleQueue[tuple[Future[Any], Callable[[], Any]] | None]
        self._calls = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    def submit(self, call: Callable[[], Any]) -> Future[Any]:
        """Return what becomes the result of a call, made after those before it."""
        future: Future[Any] = Future()
        self._calls.put((future, call))
        return future

    def shutdown(self, *, cancel_futures: bool) -> None:
        """Wait for the call that is begun; make the others too unless they are cancelled."""
        with contextlib.suppress(queue.Empty):
            while cancel_futures:
                waiting = self._calls.get_nowait()
                if waiting is not None:
                    waiting[0].cancel()
        self._calls.put(None)
        self._thread.join()

    def _run(self) -> None:
        while (waiting := self._calls.get()) is not None:
            future, call = waiting
            if not future.set_running_or_notify_cancel():
                continue
            try:
                future.set_result(call())
            except BaseException as error:  # of the caller, as in an executor
                future.set_exception(error)
