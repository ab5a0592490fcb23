"""Histories of runs that are disturbed: killed at chosen steps, or on a disk that is full."""

import random
import shutil
import signal
import time
from collections import Counter
from dataclasses import dataclass, field, replace
from pathlib import Path

from radkg.archive import open_archive
from radkg.run import snapshot
from radkg.run.audit import AuditLog
from radkg.run.settings import ExtractConfig, read_config
from radkg.run.snapshot import read_snapshot
from radkg.run.units import plan_units
from radkg.schema.arrow import from_table
from radkg.storage import Storage, open_storage
from tests.support.archives.openi import make_studies, make_xml, write_tar
from tests.support.runs.disks import grow, used_kilobytes
from tests.support.runs.fork_server import Nursery

UNIT_SIZE = 4
MORTAL = "tests.support.runs.extractors:mortal"  # reads as the others do, and can be told to die


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
        ids = [row.study_id for t in read_snapshot(storage).read_tables() for row in from_table(t)]
        expected = open_archive(self.config.archive).index()["study_id"].to_pylist()
        if sorted(ids) != sorted(expected):
            found.append(f"{len(expected)} studies in, {len(ids)} rows out")
        found += AuditLog(storage).verify().problems
        found += [f"{name} is left" for name in storage.list_names("attempts")]
        if read_config(storage, ExtractConfig).extractor not in (self.config.extractor, MORTAL):
            found.append("config.json is of another night")
        found += [f"{path} is left" for path in self.out.rglob(".tmp-*")]
        return found


def published(storage: Storage) -> dict[str, bytes]:
    """Return what stands under snapshot/."""
    names = storage.list_names("snapshot")
    return {name.removeprefix("snapshot/"): storage.read(name) for name in names}


def night(storage: Storage) -> str | None:
    """Read what is published as a reader does; return its id, or None where nothing is."""
    if not storage.exists(snapshot.POINTER):
        return None
    found = read_snapshot(storage)
    rows = sum(table.num_rows for table in found.read_tables())
    assert rows == found.num_studies
    return found.snapshot_id


def histories(folder: Path, nursery: Nursery, count: int = 24) -> dict[str, History]:
    """Return the three histories: the first night, another archive's night, another model's."""
    one = str(write_tar(folder / "one.tgz", make_studies(count)))
    later = make_studies(count + 1)
    del later["ecgen-radiology/7.xml"]
    for number in range(8, 9 + count // 10):
        later[f"ecgen-radiology/{number}.xml"] = make_xml(number, findings="Clear.", impression="")
    two = str(write_tar(folder / "two.tgz", later))

    def history(name: str, archive: str, before: Path | None, extractor: str) -> History:
        config = ExtractConfig(
            archive=archive,
            out=str(folder / "out"),
            extractor=f"tests.support.runs.extractors:{extractor}",
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
    # the unit that was to be committed, and the one that the model was at
    found += [f"{repeated} units were read twice after {hit} kills"] if repeated > 2 * hit else []
    found = [f"{history.name}, killed at {kills}: {what}" for what in found]
    return Outcome(found, hit, repeated)


def crowd(nursery: Nursery, history: History, disk: Path, step_kilobytes: int) -> Outcome:
    """Run the same command on a small disk that grows by this step, until it ends.

    The step must be more than a block of 4 kB: the audit log's line of each failure takes one.
    """
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
