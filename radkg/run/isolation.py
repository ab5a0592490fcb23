"""Studies one by one in a child process: one that crashes, hangs or eats memory costs itself.

The child is this module run as a program: a job comes in on stdin, a row a study goes out.
"""

from __future__ import annotations

import contextlib
import os
import pickle
import resource
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from radkg.archive import Archive
from radkg.errors import ClusterError, RadkgError
from radkg.run.making import Maker, load_maker
from radkg.run.settings import ModelSpec
from radkg.run.watchdog import WATCHDOG
from radkg.schema.reasons import describe_failure
from radkg.schema.records import Unreadable

MAX_ATTEMPTS = 2  # at a whole unit before it is read study by study
_UNIT_SHARE = 60  # a study in a unit may take this part of the time that it has alone, on average
_MACHINE_SHARE = 0.8  # of its memory goes to workers, the rest to Ray and to what else runs
_LEAST_MEMORY = 2 << 30  # bytes; below that hardly a model can be read with


@dataclass(frozen=True)
class Limits:
    """What a study may take."""

    study_s: float
    """seconds of one study alone"""
    memory: int | None
    """bytes that a worker may allocate beyond what it had at its start; None: its share"""
    workers: int | None = None
    """in all, of which one machine has at most as many as cores; None: memory has no shares, for a
    GPU's driver reserves more than it takes"""

    def compute_timeout_s(self, studies: int) -> float:
        """Return the seconds that a unit may take before it counts as hanging."""
        return self.study_s * (1 + studies / _UNIT_SHARE)

    @contextlib.contextmanager
    def watch(self, studies: int) -> Iterator[None]:
        """End this process if the block takes longer than a unit may; stderr says where it hung."""
        with WATCHDOG.watch(self.compute_timeout_s(studies)):
            yield

    def bound_memory(self) -> None:
        """Let this process fail to allocate more, instead of taking the machine down with it."""
        status = Path("/proc/self/status")
        if (self.memory is None and self.workers is None) or not status.exists():  # not Linux
            return
        # private memory that can be written, which is what this limit counts
        (used,) = (line for line in status.read_text().splitlines() if line.startswith("VmData:"))
        beside = min(self.workers or 1, os.cpu_count() or 1)
        share = max(_LEAST_MEMORY, int(_MACHINE_SHARE * _machine_memory() / beside))
        _, hard = resource.getrlimit(resource.RLIMIT_DATA)
        soft = int(used.split()[1]) * 1024 + (self.memory or share)
        if hard == resource.RLIM_INFINITY or soft < hard:
            resource.setrlimit(resource.RLIMIT_DATA, (soft, hard))


_Job = tuple[Archive, ModelSpec, Limits]


def make_one_by_one(maker: Maker, job: _Job, records: Sequence[Mapping[str, Any]]) -> Iterator[Any]:
    """Yield a row per record from child processes; one that dies costs the study in hand.

    Raises:
        RadkgError: of the archive, the storage or the machine, of no study.
    """
    limit = job[2].study_s
    todo = list(records)
    while todo:
        with subprocess.Popen(
            [sys.executable, "-m", "radkg.run.isolation"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(p for p in sys.path if p)},
        ) as child:
            assert child.stdin is not None
            assert child.stdout is not None
            with contextlib.suppress(BrokenPipeError):  # it died before it read: said below
                pickle.dump((*job, todo), child.stdin)
            with contextlib.suppress(BrokenPipeError):
                child.stdin.close()
            done, hung = 0, threading.Event()
            ready = _next(child.stdout)  # all is loaded: from here on a study has its time
            if isinstance(ready, RadkgError):
                raise ready
            while ready and done < len(todo):
                timer = threading.Timer(limit, _end, (child, hung))
                timer.start()
                row = _next(child.stdout)
                timer.cancel()
                if row is None:
                    break
                if isinstance(row, RadkgError):
                    raise row
                done += 1
                yield row
            code = child.wait()
        if not ready:
            raise ClusterError(
                f"a process to read studies alone in ended before the first (exit status {code}): "
                "is the machine out of memory?"
            )
        if done < len(todo):
            reason = f"the study ended its process (exit status {code})"
            if hung.is_set():
                reason = f"the study took longer than --study-timeout {limit:g} s"
            yield maker.make_unreadable_row(Unreadable(todo[done], reason))
        todo = todo[done + 1 :]


def _machine_memory() -> int:
    """Return the bytes of memory of this machine, or of the container that it is seen from."""
    bytes_there = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    for limit in ("memory.max", "memory/memory.limit_in_bytes"):  # of cgroups 2 and 1
        path = Path("/sys/fs/cgroup", limit)
        text = path.read_text().strip() if path.exists() else "max"
        bytes_there = min(bytes_there, int(text)) if text.isdigit() else bytes_there
    return bytes_there


def _end(child: subprocess.Popen[bytes], hung: threading.Event) -> None:
    hung.set()
    child.kill()


def _next(stream: IO[bytes]) -> Any:
    """Return the next object of a child; None where it has ended."""
    try:
        return pickle.load(stream)
    except (EOFError, pickle.UnpicklingError):
        return None


def _child() -> None:
    """Read a job from stdin; write True once all is loaded, then one row per record."""
    results = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # whatever a model prints must not mix with the rows

    def send(value: Any) -> None:
        pickle.dump(value, results)
        results.flush()

    try:
        archive, spec, limits, records = pickle.load(sys.stdin.buffer)
        maker = load_maker(spec)
        limits.bound_memory()
        send(True)
        for record in records:
            with limits.watch(_UNIT_SHARE):  # twice its time: where the parent is gone, it ends too
                row = read_alone(maker, archive, record)
            send(row)
    except RadkgError as error:
        send(error)


def read_alone(maker: Maker, archive: Archive, record: Mapping[str, Any]) -> Any:
    """Return the row of one study, whatever the reader of the archive meets in it."""
    try:
        items = list(archive.read([record]))
    except RadkgError:
        raise
    except Exception as error:  # the reader met what nobody foresaw: it is this study's alone
        items = [Unreadable(record, f"cannot be read: {describe_failure(error)}")]
    (row,) = maker.make_rows(items)
    return row


if __name__ == "__main__":
    _child()
