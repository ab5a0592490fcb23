"""Runs of the whole protocol that are killed at a chosen step, in forked children, without Ray.

A `Nursery` is one process that has imported everything and has no threads; each run is its fork, so
a real SIGKILL ends it as it would end a driver. The only thing replaced is the runner of units: it
is a loop here. Steps are the file operations below `out`, which Python's audit hooks tell of before
they happen, and fsync, at which half of the file is cut off first: what a torn write leaves.
"""

import contextlib
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from radkg.archive import open_archive
from radkg.errors import RadkgError
from radkg.run import audit, snapshot
from radkg.run.plan import plan_units
from radkg.run.settings import ExtractConfig
from radkg.run.snapshot import read_snapshot
from radkg.schema.arrow import from_table
from radkg.storage import Storage, open_storage
from tests.archives import studies, write_archive, xml
from tests.disks import grow, used_kilobytes
from tests.extractors import Words

ROOT = Path(__file__).parents[1]
UNIT_SIZE = 4
_STEPS = {"open", "os.link", "os.listdir", "os.mkdir", "os.remove", "os.rename", "os.scandir"}


class Counting(Words):
    """Writes the id of each study that it reads into the file that RADKG_TEST_READ names."""

    def _extract(self, study):
        with open(os.environ["RADKG_TEST_READ"], "a") as file:
            file.write(study.study_id + "\n")
        return super()._extract(study)


def counting() -> Counting:
    return Counting()


def counting_two() -> Counting:
    return Counting("words-2")


class Mortal(Counting):
    """Takes its time, and dies when it finds the file that RADKG_TEST_DIE names: once a file."""

    def __call__(self, studies):
        rows = super().__call__(studies)
        with contextlib.suppress(FileNotFoundError):
            os.remove(os.environ["RADKG_TEST_DIE"])
            os._exit(9)
        return rows


def mortal() -> Mortal:
    return Mortal(unit_s=0.4)


def extract_here(config: ExtractConfig) -> None:
    """Run the protocol in this process: all of it but Ray."""
    from radkg.cluster import data
    from radkg.cluster.unit import UnitWorker

    def loop(units: list[Any], worker: tuple[Any, ...], budget: Any) -> None:
        work = UnitWorker(*worker)
        for unit in units:
            counts = work(unit.unit_id, unit.records)
            budget.add(counts["studies"], counts["failed"], counts["reasons"])

    data._run = loop
    data.extract(config)


@dataclass(frozen=True)
class Ended:
    """How a run ended: -9 is killed; the steps that it took and its error, if it could say."""

    status: int
    steps: int = 0
    error: str = ""


class Nursery:
    """Starts runs, one at a time; close it, or use it in a `with`."""

    def __init__(self, read: Path) -> None:
        """`read` is the file that gets the id of each study that is read."""
        self.read = read
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.kills"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=ROOT,
            env=os.environ | {"PYTHONPATH": str(ROOT), "RADKG_TEST_READ": str(read)},
        )
        self.pid: int | None = None

    def run(
        self,
        config: ExtractConfig,
        *,
        kill_at: int | str = 0,
        clock: int = 0,
        environment: dict[str, str] | None = None,
        meanwhile: Callable[[], object] | None = None,
    ) -> Ended:
        """Run the protocol and wait for its end.

        Args:
            config: the run's.
            kill_at: the step before which it is killed, from 1 on, or a part of the path that the
                step is on; 0: none.
            clock: seconds that its clock is ahead.
            environment: variables of its own.
            meanwhile: called again and again while it runs.
        """
        order = {"config": config.to_json(), "kill_at": kill_at, "clock": clock}
        assert self._process.stdin is not None
        print(json.dumps(order | {"environment": environment or {}}), file=self._process.stdin)
        self._process.stdin.flush()
        self.pid = int(self._line())
        while meanwhile and Path(f"/proc/{self.pid}").exists():
            meanwhile()
        ended = Ended(**json.loads(self._line()))
        self.pid = None
        return ended

    def _line(self) -> str:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        assert line, "the nursery died"
        return line

    def __enter__(self) -> "Nursery":
        return self

    def __exit__(self, *_: object) -> None:
        self._process.stdin.close()  # type: ignore[union-attr]
        self._process.wait(timeout=30)
        self._process.stdout.close()  # type: ignore[union-attr]


@dataclass
class History:
    """A run to disturb: what stood before it, and what it publishes when nothing disturbs it."""

    name: str
    config: ExtractConfig
    before: Path | None
    """a copy of `out` before the run; None: nothing"""
    read: Path
    """where the extractor writes what it read"""
    nights: list[dict[str, bytes]] = field(default_factory=list)
    """what may be seen under snapshot/: before, if there was something, and after"""
    steps: int = 0

    @property
    def out(self) -> Path:
        """The directory of the run."""
        return Path(self.config.out)

    @property
    def after(self) -> str:
        """The id of the night that the run publishes."""
        return self.nights[-1]["CURRENT"].decode().strip()

    def prepare(self) -> None:
        """Put everything back to where it was before the run."""
        shutil.rmtree(self.out, ignore_errors=True)
        if self.before:
            shutil.copytree(self.before, self.out)
        self.read.write_text("")

    def repeated_units(self) -> int:
        """Return how often a unit was read once more than needed."""
        records = open_archive(self.config.archive).index().to_pylist()
        times = Counter(self.read.read_text().split())
        units = plan_units([r for r in records if r["study_id"] in times], {}, "m", UNIT_SIZE)
        return sum(max(times[r["study_id"]] - 1 for r in unit.records) for unit in units)

    def problems(self, storage: Storage | None = None) -> list[str]:
        """Return what is wrong after a run that ended, wherever it wrote."""
        storage = storage or open_storage(str(self.out))
        found = []
        if published(storage) != self.nights[-1]:
            found.append("other bytes are published")
        ids = [row.study_id for t in read_snapshot(storage).tables() for row in from_table(t)]
        expected = open_archive(self.config.archive).index()["study_id"].to_pylist()
        if sorted(ids) != sorted(expected):
            found.append(f"{len(expected)} studies in, {len(ids)} rows out")
        found += audit.verify(storage).problems
        found += [f"{path} is left" for path in self.out.rglob(".tmp-*")]
        return found


def published(storage: Storage) -> dict[str, bytes]:
    """Return what stands under snapshot/."""
    names = storage.names("snapshot")
    return {name.removeprefix("snapshot/"): storage.read(name) for name in names}


def night(storage: Storage) -> str | None:
    """Read what is published as a reader does; return its id, or None where nothing is."""
    if not storage.exists(snapshot.POINTER):
        return None
    found = read_snapshot(storage)
    rows = sum(table.num_rows for table in found.tables())
    assert rows == found.num_studies
    return found.snapshot_id


def histories(folder: Path, nursery: Nursery, count: int = 24) -> dict[str, History]:
    """Return the three histories: the first night, another archive's night, another model's."""
    one = str(write_archive(folder / "one.tgz", studies(count)))
    later = studies(count + 1)
    del later["ecgen-radiology/7.xml"]
    for number in range(8, 9 + count // 10):
        later[f"ecgen-radiology/{number}.xml"] = xml(number, findings="Clear.", impression="")
    two = str(write_archive(folder / "two.tgz", later))

    def history(name: str, archive: str, before: Path | None, extractor: str) -> History:
        config = ExtractConfig(
            archive=archive,
            out=str(folder / "out"),
            extractor=f"tests.kills:{extractor}",
            unit_size=UNIT_SIZE,
        )
        made = History(name, config, before, nursery.read)
        made.prepare()
        if before:
            made.nights.append(published(open_storage(config.out)))
        ended = nursery.run(config)
        assert ended.status == 0, ended.error
        made.nights.append(published(open_storage(config.out)))
        made.steps = ended.steps
        return made

    first = history("first night", one, None, "counting")
    before = folder / "before"
    shutil.copytree(first.out, before)
    return {
        "first night": first,
        "second night": history("second night", two, before, "counting"),
        "another model": history("another model", one, before, "counting_two"),
    }


def _serve() -> None:
    """Start the runs that stdin asks for, one after the other, and say how they ended."""
    import aiobotocore.session  # noqa: F401  what runs need, loaded once
    import s3fs  # noqa: F401

    import radkg.cluster.data  # noqa: F401

    snapshot.MEAN_PART_ROWS = 8
    for line in sys.stdin:
        order = json.loads(line)
        reader, writer = os.pipe()
        pid = os.fork()
        if not pid:
            os.close(reader)
            _live(order, writer)
        os.close(writer)
        print(pid, flush=True)
        with open(reader) as pipe:
            said = json.loads(pipe.read() or "{}")
        _, status = os.waitpid(pid, 0)
        print(json.dumps({"status": os.waitstatus_to_exitcode(status)} | said), flush=True)


def _live(order: dict[str, Any], writer: int) -> None:
    """Be one run: never returns."""
    said: dict[str, Any] = {}
    status = 70
    try:
        os.environ.update(order["environment"])
        config = ExtractConfig.from_mapping(json.loads(order["config"]))
        if order["clock"]:
            _set_clock(order["clock"])
        steps = _count_steps(config.out, order["kill_at"])
        try:
            extract_here(config)
            status = 0
        except RadkgError as error:
            status, said["error"] = error.exit_code, f"{type(error).__name__}: {error}"
        said["steps"] = steps()
    except BaseException as error:
        said["error"] = f"not one of ours: {error!r}"
    finally:
        os.write(writer, json.dumps(said).encode())
        os._exit(status)


def _count_steps(out: str, kill_at: int | str) -> Callable[[], int]:
    """Count the steps below `out` from now on, and die before one of them."""
    count, fsync = 0, os.fsync

    def step(path: str = "") -> bool:
        nonlocal count
        count += 1
        return count == kill_at if isinstance(kill_at, int) else kill_at in path

    def die() -> None:
        os.kill(os.getpid(), signal.SIGKILL)

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        if event in _STEPS and isinstance(arguments[0], str | os.PathLike):
            path = os.fspath(arguments[0])
            if path.startswith(out) and step(path):
                die()

    def torn(descriptor: int) -> None:
        if step():
            with contextlib.suppress(OSError):  # a directory
                os.ftruncate(descriptor, os.fstat(descriptor).st_size // 2)
            die()
        fsync(descriptor)

    sys.addaudithook(hook)
    os.fsync = torn
    return lambda: count


def _set_clock(ahead: int) -> None:
    """Move what Python says the time is."""
    real, clock = audit.datetime, time.time

    class Moved(real):  # type: ignore[misc,valid-type]
        @classmethod
        def now(cls, tz=None):
            return real.fromtimestamp(clock() + ahead, tz)

    audit.datetime = Moved
    time.time = lambda: clock() + ahead


@dataclass(frozen=True)
class Outcome:
    """What came of a run that was disturbed."""

    problems: list[str]
    """bytes, rows, log, things left behind, too much work done twice, nights that are none"""
    kills: int
    """runs that did not end as they should have"""
    repeated_units: int


def disturb(nursery: Nursery, history: History, kills: list[int], *, clock: int = 0) -> Outcome:
    """Kill a run before each of these steps and start it again, read meanwhile, and let it end."""
    history.prepare()
    storage = open_storage(str(history.out))
    known = {data["CURRENT"].decode().strip() for data in history.nights}
    known |= set() if history.before else {None}
    seen = set()

    def read() -> None:
        seen.add(night(storage))
        time.sleep(random.random() / 100)

    hit = 0
    for step in kills:
        hit += nursery.run(history.config, kill_at=step, meanwhile=read).status == -signal.SIGKILL
        read()
    ended = nursery.run(history.config, clock=clock, meanwhile=read)
    found = [] if ended.status == 0 else [f"the last run ended with {ended}"]
    found += history.problems()
    found += [f"a reader saw {some}" for some in seen - known]
    repeated = history.repeated_units()
    found += [f"{repeated} units were read twice after {hit} kills"] if repeated > hit else []
    found = [f"{history.name}, killed at {kills}: {what}" for what in found]
    return Outcome(found, hit, repeated)


def crowd(nursery: Nursery, history: History, disk: Path, step_kilobytes: int) -> Outcome:
    """Run the same command on a small disk that grows by this step, until it ends."""
    grow(disk)
    history = replace(history, config=replace(history.config, out=str(disk / "out")))
    history.prepare()
    storage = open_storage(str(history.out))
    known = {night(storage), history.after}
    room, failures, found = used_kilobytes(disk), 0, []
    while True:
        grow(disk, f"{room}k")
        ended = nursery.run(history.config)
        if ended.status == 0:
            break
        where = f"{history.name}, on {room} kB: "
        if "No space left on device: free some space" not in ended.error:
            found.append(f"{where}it ended with {ended}")
        if night(storage) not in known:
            found.append(f"{where}a reader saw {night(storage)}")
        found += [f"{where}{path} is left" for path in disk.rglob(".tmp-*")]
        room, failures = room + step_kilobytes, failures + 1
    return Outcome(found + history.problems(), failures, history.repeated_units())


def points(history: History, seed: int, count: int | None = None) -> list[list[int]]:
    """Return lists of 1 to 3 steps to be killed at, the first ones spread over all of a history's.

    Args:
        history: which was run once.
        seed: chooses the steps.
        count: how many lists; None: one for every step.
    """
    chance = random.Random(f"{history.name} {seed}")
    steps = range(1, history.steps + 1)
    first = sorted(chance.sample(steps, count)) if count else steps
    return [
        [step, *(chance.randint(1, history.steps // 2) for _ in range(chance.choice((0, 0, 1, 2))))]
        for step in first
    ]


if __name__ == "__main__":
    # as the module that extractors are loaded from by name, not a second copy of it
    from tests.kills import _serve as serve

    serve()
