"""Run units on this machine without Ray: in this process, or in worker processes beside it.

A worker process is given a few units at a time, which it streams. Where a process ends, another one
takes its place and the units in hand are begun again: the journal counts the attempts, so that a
unit that ends its process twice is read study by study.
"""

from __future__ import annotations

import contextlib
import itertools
import multiprocessing
import os
import signal
import sys
import threading
from collections import Counter, deque
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import replace
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnContext

from radkg.errors import ClusterError, RadkgError
from radkg.run.interrupt import interrupt_on_sigterm
from radkg.run.isolation import MAX_ATTEMPTS
from radkg.run.stream import count_units_ahead, run_stream
from radkg.run.units import Unit
from radkg.run.work import UnitResult, Work, Worker
from radkg.run.worker import Task, UnitWorker

_THREADS = "OMP_NUM_THREADS"
_GRACE_S = 5.0  # for a process to end by itself
_POLL_S = 0.2  # after which a worker that waits for a unit looks whether it is to end


class LocalRunner:
    """Extracts units on this machine.

    Args:
        workers: processes beside this one, each of one core; 0: this process reads the units
            itself, and a study that ends or hangs its process ends this one.
    """

    def __init__(self, workers: int) -> None:
        self.workers = workers

    def run(
        self, work: Work, more: Callable[[UnitResult], bool] = lambda result: True
    ) -> Generator[UnitResult]:
        """Yield the results, as `Runner` says.

        Where `more` is False of one, only the units in hand are finished.
        """
        with interrupt_on_sigterm():
            if self.workers:
                yield from _run_beside(work, self.workers, more)
            else:
                yield from _run_here(work, more)


def _run_here(work: Work, more: Callable[[UnitResult], bool]) -> Generator[UnitResult]:
    with _one_thread():
        worker, stopped = UnitWorker(work.worker), threading.Event()
        tasks = (
            Task(unit.unit_id, unit.records)
            for unit in itertools.takewhile(lambda unit: not stopped.is_set(), work.units)
        )
        ahead = count_units_ahead(work.units, work.worker.model.engine.batch_tokens)
        with contextlib.closing(run_stream(worker, tasks, ahead, stopped.set)) as results:
            for result in results:
                yield result
                if not more(result):
                    stopped.set()


def _run_beside(
    work: Work, workers: int, more: Callable[[UnitResult], bool]
) -> Generator[UnitResult]:
    todo = deque(work.units)
    count = min(workers, len(todo))
    limits = work.worker.limits
    if work.worker.model.device == "cpu" or limits.memory is not None:
        limits = replace(limits, workers=count)
    worker = replace(work.worker, limits=limits)
    ahead = count_units_ahead(work.units, worker.model.engine.batch_tokens)
    deaths: Counter[str] = Counter()
    processes: list[_Process] = []
    try:
        processes += (_Process(worker, ahead) for _ in range(count))
        while processes:
            for process in _with_news(processes):
                result = process.receive()
                if isinstance(result, RadkgError):
                    raise result
                if isinstance(result, _Ended):
                    processes.remove(process)
                    _count_death(deaths, process.units, result)
                    todo.extendleft(reversed(process.units))
                    if todo:
                        process = _Process(worker, ahead)
                        processes.append(process)
                    continue
                if result is not None:
                    yield result
                    if not more(result):
                        todo.clear()
                # the last units go round: none waits behind another where a process has nothing
                while todo and len(process.units) < (1 + ahead if len(todo) >= count else 1):
                    process.begin(todo.popleft())
                if not process.units:
                    processes.remove(process)
                    process.end()
    finally:
        for process in processes:
            process.kill()


def _count_death(deaths: Counter[str], units: Sequence[Unit], ended: _Ended) -> None:
    """Count a process that ended, in its oldest unit; raise where another one would end as well."""
    name = units[0].unit_id if units else ""
    deaths[name] += 1
    if deaths[name] > (MAX_ATTEMPTS + 1 if units else 1):
        what = "in the same unit" if units else "before they read a study"
        raise ClusterError(
            f"{deaths[name]} worker processes ended {what} (exit status {ended.status}): is the "
            "machine out of memory? Finished units stand: run the same command again with fewer "
            "--workers"
        )


class _Ended:
    """What is received of a process that is no more."""

    def __init__(self, status: int | None) -> None:
        self.status = status


class _Process:
    """A worker process, and the units that it has in hand, the oldest first."""

    def __init__(self, worker: Worker, ahead: int) -> None:
        context: SpawnContext = multiprocessing.get_context("spawn")
        self.connection, theirs = context.Pipe()
        self.units: list[Unit] = []
        self._process = context.Process(target=_serve, args=(theirs, worker, ahead), daemon=True)
        with _one_thread():
            self._process.start()
        theirs.close()

    def begin(self, unit: Unit) -> None:
        """Hand a unit over; a process that has ended is noticed when it is received from."""
        self.units.append(unit)
        with contextlib.suppress(OSError):
            self.connection.send(unit)

    def receive(self) -> UnitResult | RadkgError | _Ended | None:
        """Return the news: a result, an error, the end of the process; None: it is ready."""
        try:
            news: UnitResult | RadkgError | None = self.connection.recv()
        except (EOFError, OSError):
            self.kill()
            return _Ended(self._process.exitcode)
        if isinstance(news, UnitResult):
            self.units = [unit for unit in self.units if unit.unit_id != news.unit_id]
        return news

    def end(self) -> None:
        """Let the process end: it has nothing in hand."""
        self.connection.close()
        self._process.join(_GRACE_S)
        self.kill()

    def kill(self) -> None:
        """End the process at once."""
        self.connection.close()
        if self._process.is_alive():
            self._process.kill()
        self._process.join()


def _with_news(processes: list[_Process]) -> list[_Process]:
    """Wait until a process has something to say."""
    ready = wait([process.connection for process in processes])
    return [process for process in processes if process.connection in ready]


def _serve(connection: Connection, worker: Worker, ahead: int) -> None:
    """Be a worker process: say that all is loaded, then answer units until the driver is gone."""
    stopped = threading.Event()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches this process too: the driver acts
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # stdout is for the driver's data
    try:
        read = UnitWorker(worker)
        connection.send(None)
        for result in run_stream(read, _receive(connection, stopped), ahead, stopped.set):
            connection.send(result)
    except RadkgError as error:
        with contextlib.suppress(BrokenPipeError):
            connection.send(error)
    except BrokenPipeError:
        return


def _receive(connection: Connection, stopped: threading.Event) -> Iterator[Task]:
    """Yield the units that the driver sends, until it is gone or nothing more is wanted."""
    with contextlib.suppress(EOFError, OSError):
        while not stopped.is_set():
            if connection.poll(_POLL_S):
                unit: Unit = connection.recv()
                yield Task(unit.unit_id, unit.records)


@contextlib.contextmanager
def _one_thread() -> Iterator[None]:
    """Let models compute on one core, as a worker of Ray does: sums of floats depend on threads."""
    before = os.environ.get(_THREADS)
    os.environ[_THREADS] = before or "1"
    torch = sys.modules.get("torch")
    threads = torch.get_num_threads() if torch else 0
    if torch:
        torch.set_num_threads(1)
    try:
        yield
    finally:
        if torch:
            torch.set_num_threads(threads)
        if before is None:
            os.environ.pop(_THREADS, None)
