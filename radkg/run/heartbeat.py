"""The heartbeat of a driver: one object under `running/`, written anew every ten seconds.

`radkg status` reads it: which stage, how many studies of how many, which failures, and whether the
driver lives. A driver that failed before it read the archive, in its first seconds, leaves none. An
object says what its driver knew at `time`; the unit files alone say what is finished.

One object a driver, so that two drivers on one run never write the same. A driver that begins
removes those of drivers that are no more, and counts their seconds as its own `earlier_s` where
they were killed over the same work. Of each verb the last object that ended well stays.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import platform
import secrets
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import Any

from radkg.errors import RadkgError, StorageError
from radkg.progress import Advance, Progress
from radkg.repeating import repeat_beside
from radkg.run.audit import name_user
from radkg.run.work import UnitResult
from radkg.storage import Storage

logger = logging.getLogger(__name__)

FOLDER = "running"
BEAT_S = 10.0
SILENT_S = 60.0
"""a driver that wrote nothing for so long is no more: six beats"""
DONE = "done"  # the outcome of a driver that ended well


@dataclass
class Stage:
    """A stage of a driver's work."""

    name: str
    begun: str
    seconds: float = 0.0
    """until it ended, or until there was news of it last"""
    done: int = 0
    total: int = 0
    failed: int = 0
    first_s: float | None = None
    """seconds until the first things were finished, such as a start of workers takes"""
    first_done: int = 0

    @property
    def rate(self) -> float | None:
        """Things a second since the first ones; None: too few are finished."""
        if self.first_s is None or self.done <= self.first_done or self.seconds <= self.first_s:
            return None
        return (self.done - self.first_done) / (self.seconds - self.first_s)

    @property
    def left_s(self) -> float | None:
        """Seconds that the rest takes at this rate; None: nobody can tell."""
        return (self.total - self.done) / self.rate if self.rate else None


@dataclass
class Beat:
    """What a driver knows of its run; times are UTC in ISO 8601."""

    driver: str
    verb: str
    who: str
    host: str
    pid: int
    begun: str
    time: str
    """of this beat"""
    seconds: float = 0.0
    """since it began"""
    earlier_s: float = 0.0
    """of drivers that were killed before, over the same work"""
    outcome: str | None = None
    """done, interrupted, or the type of the error that ended it; None: it has not ended"""
    verified: str | None = None
    """when a night was found equal in the graph"""
    model_id: str | None = None
    device: str = "cpu"
    studies: int = 0
    """of the archive"""
    to_make: int = 0
    """of them, those that were not finished when the driver began"""
    units: int = 0
    """that they are in"""
    units_done: int = 0
    studies_done: int = 0
    failed_by: dict[str, int] = field(default_factory=dict)
    """failed studies of these units by the class of their reason"""
    unit_s: float = 0.0
    """seconds of workers in these units"""
    model_s: float = 0.0
    """of them, in the model"""
    longest_unit_s: float = 0.0
    tokens_read: int = 0
    tokens_written: int = 0
    workers: int = 0
    """that finished a unit"""
    worker_s: float = 0.0
    """seconds that they were there, from their first unit to the end of their last"""
    stages: list[Stage] = field(default_factory=list)

    @property
    def stage(self) -> Stage | None:
        """The stage that the driver is in, or was in when it ended."""
        return self.stages[-1] if self.stages else None

    @property
    def silent_s(self) -> float:
        """Seconds since this beat."""
        return (datetime.now(UTC) - datetime.fromisoformat(self.time)).total_seconds()

    @property
    def is_alive(self) -> bool:
        """Whether the driver works, as far as its last beat tells."""
        if self.outcome is not None or self.silent_s > SILENT_S:
            return False
        return self.host != platform.node() or os.path.exists(f"/proc/{self.pid}")


class WorkerTimes:
    """How long workers were there: each from its first unit to the end of its last one."""

    def __init__(self) -> None:
        self._spans: dict[str, tuple[float, float]] = {}

    def count(self, result: UnitResult) -> None:
        """Count a unit that was finished now."""
        now = time.monotonic()
        first, _ = self._spans.get(result.worker, (now - result.seconds, now))
        self._spans[result.worker] = (first, now)

    @property
    def workers(self) -> int:
        """How many there were."""
        return len(self._spans)

    @property
    def seconds(self) -> float:
        """The sum of all."""
        return sum(last - first for first, last in self._spans.values())


class Heartbeat:
    """Writes the beats of one driver; a `Progress` too, which tells them the stage.

    Args:
        storage: of the run.
        verb: what the driver does, as the command line calls it.
        progress: what else is told of each stage.
    """

    def __init__(self, storage: Storage, verb: str, progress: Progress) -> None:
        self._storage = storage
        self._progress = progress
        self._start = time.monotonic()
        now = _now()
        driver = f"{now.replace(':', '').replace('-', '')[:15]}-{secrets.token_hex(4)}"
        self._beat = Beat(driver, verb, name_user(), platform.node(), os.getpid(), now, now)
        self._lock = threading.Lock()
        self._written = False
        self._times = WorkerTimes()

    @contextlib.contextmanager
    def __call__(self, stage: str) -> Iterator[Advance]:
        """Begin a stage, as a `Progress` does."""
        mine = Stage(stage, _now())
        start = time.monotonic()
        with self._lock:
            self._beat.stages.append(mine)

        def set_seconds() -> None:
            mine.seconds = round(time.monotonic() - start, 3)

        with self._progress(stage) as advance:

            def follow(done: int, total: int, failed: int = 0, /) -> None:
                mine.done, mine.total, mine.failed = done, total, failed
                set_seconds()
                if done and mine.first_s is None:
                    mine.first_s, mine.first_done = mine.seconds, done
                advance(done, total, failed)

            try:
                yield follow
            finally:
                set_seconds()

    def plan(self, model_id: str, device: str, studies: int, to_make: int, units: int) -> None:
        """Say what there is to do; from here on the beats are written."""
        with self._lock:
            beat = self._beat
            beat.model_id, beat.device, beat.studies = model_id, device, studies
            beat.to_make, beat.units = to_make, units
        self._write()

    def count(self, result: UnitResult) -> None:
        """Count a finished unit."""
        with self._lock:
            beat = self._beat
            beat.units_done += 1
            beat.studies_done += result.studies
            beat.failed_by = dict(Counter(beat.failed_by) + Counter(result.failed_by))
            beat.unit_s += result.seconds
            beat.model_s += result.model_seconds
            beat.longest_unit_s = max(beat.longest_unit_s, result.seconds)
            beat.tokens_read += result.tokens[0]
            beat.tokens_written += result.tokens[1]
            self._times.count(result)
            beat.workers, beat.worker_s = self._times.workers, self._times.seconds

    def mark_verified(self) -> None:
        """Say that the graph holds what the run published."""
        with self._lock:
            self._beat.verified = _now()

    def keep_beating(self) -> AbstractContextManager[None]:
        """Return a block beside which the beats are written."""
        return repeat_beside(self._write, BEAT_S, "heartbeat", patience_s=BEAT_S)

    def stop(self, outcome: str) -> None:
        """Write the last beat."""
        with self._lock:
            self._beat.outcome = outcome
        if self._written:
            self._write()

    def _write(self) -> None:
        try:
            if not self._written:
                self._beat.earlier_s = clear_beats(self._storage, self._beat.verb)
                self._written = True
            with self._lock:
                self._beat.time = _now()
                self._beat.seconds = round(time.monotonic() - self._start, 3)
                text = json.dumps(asdict(self._beat), indent=1)
            self._storage.write(_name(self._beat.driver), (text + "\n").encode())
        except StorageError as error:  # the work itself finds out whether the storage can be used
            logger.warning("no heartbeat: %s", error)


@contextlib.contextmanager
def keep_heartbeat(storage: Storage, verb: str, progress: Progress) -> Iterator[Heartbeat]:
    """Let a driver beat while the block runs; a verb inside of another one shares its heartbeat."""
    if isinstance(progress, Heartbeat):
        yield progress
        return
    heartbeat = Heartbeat(storage, verb, progress)
    outcome = "interrupted"
    try:
        with heartbeat.keep_beating():
            yield heartbeat
        outcome = DONE
    except RadkgError as error:
        outcome = type(error).__name__
        raise
    finally:
        heartbeat.stop(outcome)


def read_beats(storage: Storage) -> list[Beat]:
    """Return the last beat of each driver, oldest driver first; damaged ones are left out."""
    beats = []
    for name in storage.list_names(FOLDER):
        with contextlib.suppress(StorageError, ValueError, TypeError, KeyError):
            # it may be gone by now, or of a newer radkg
            beats.append(_parse(json.loads(storage.read(name))))
    return sorted(beats, key=lambda beat: beat.begun)


def clear_beats(storage: Storage, verb: str) -> float:
    """Remove the beats that say nothing any more; return the seconds of killed drivers.

    What stays: drivers that may live, the last one of each verb that ended well, and the last
    verified night. The seconds are those since a driver of this verb ended well.
    """
    beats = read_beats(storage)
    well = {beat.verb: beat.driver for beat in beats if beat.outcome == DONE}
    verified = [beat.driver for beat in beats if beat.verified][-1:]
    earlier_s = 0.0
    for beat in beats:
        # another host's clock may differ: silence alone removes nothing that is young
        if beat.is_alive or (beat.outcome is None and beat.silent_s < 2 * SILENT_S):
            continue
        if beat.verb == verb and beat.outcome != DONE:
            earlier_s += beat.seconds + beat.earlier_s
        if beat.driver not in (well.get(beat.verb), *verified):
            storage.delete(_name(beat.driver))
    return round(earlier_s, 3)


def _name(driver: str) -> str:
    return f"{FOLDER}/{driver}.json"


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")


def _parse(values: dict[str, Any]) -> Beat:
    return Beat(**{**values, "stages": [Stage(**stage) for stage in values["stages"]]})
