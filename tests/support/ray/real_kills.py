"""Drivers on a real Ray of several nodes, and SIGKILL for each of them.

What a driver does is a history of tests/support/runs/kills.py, so that what it published can be
compared with a run that nobody disturbed.
"""

import contextlib
import hashlib
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from radkg.graph import open_graph
from radkg.graph.load.loader import load
from radkg.graph.load.statements import STORED
from radkg.graph.verify.full import verify
from radkg.run.snapshot import read_snapshot
from radkg.storage import open_storage
from tests.support.ray.hosts import Hosts
from tests.support.ray.nodes import Nodes
from tests.support.runs.demo_run import user_environment
from tests.support.runs.fork_server import MEAN_PART_ROWS, ROOT, Nursery
from tests.support.runs.kills import MORTAL, History, Outcome, histories

WORKERS = 3  # one a node
STUDIES = 100
BLIP_S = 8
_DRIVER = """
import sys, json
from tests.support.runs.extracting import extract_on_ray
from radkg.run import snapshot
from radkg.run.settings import ExtractConfig
snapshot.MEAN_PART_ROWS = int(sys.argv[2])
extract_on_ray(ExtractConfig.from_mapping(json.loads(sys.argv[1])))
"""


class Driver:
    """A driver of a history's run, in a process of its own."""

    def __init__(self, history: History, address: str, enter: tuple[str, ...] = ()) -> None:
        """`enter` is the command that takes it to its host."""
        self._out = history.out
        config = replace(history.config, extractor=MORTAL)
        self._process = subprocess.Popen(
            [*enter, sys.executable, "-c", _DRIVER, config.to_json(), str(MEAN_PART_ROWS)],
            env=user_environment(RAY_ADDRESS=address, PYTHONPATH=str(ROOT)),
            stderr=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            text=True,
            cwd=ROOT,
        )

    def wait_for(self, units: int) -> None:
        """Return when this many units are finished; fail if the driver ends before."""
        deadline = time.monotonic() + 120
        while finished(self._out) < units:
            self.check()
            assert time.monotonic() < deadline, f"{finished(self._out)} units in 120 s"

    def check(self) -> None:
        """Fail if it has ended; else wait a moment."""
        assert self._process.poll() is None, f"it ended before: {self._process.communicate()}"
        time.sleep(0.01)

    def kill(self) -> None:
        """SIGKILL."""
        self._process.kill()
        self._process.communicate()

    def end(self, timeout_s: float = 200) -> str:
        """Wait for its end; return what it said if it failed."""
        _, said = self._process.communicate(timeout=timeout_s)
        return f"the driver ended with {said[-2000:]}" if self._process.returncode else ""


def finished(out: Path) -> int:
    """Return how many units are finished."""
    return len(list(out.glob("journal/*/[!.]*.parquet")))


@contextlib.contextmanager
def ray_environment(folder: Path, history: History) -> Iterator[Path]:
    """Set what nodes and workers hand on; give the file at which one actor dies."""
    with (
        tempfile.TemporaryDirectory(prefix="rk") as short,  # a socket's path has 107 bytes
        pytest.MonkeyPatch.context() as patch,
    ):
        patch.setenv("PYTHONPATH", str(ROOT))
        patch.setenv("RAY_TMPDIR", short)  # its address file is not the machine's
        patch.setenv("RADKG_TEST_READ", str(history.read))
        patch.setenv("RADKG_TEST_DIE", str(folder / "die"))
        yield folder / "die"


def graph_digest(history: History, store: Path) -> str:
    """Load what is published into an embedded graph, check it whole, and return its digest."""
    snapshot = read_snapshot(open_storage(str(history.out)))
    with open_graph("embedded", store) as graph:
        load(graph, snapshot)
        report = verify(graph, snapshot)
        assert report.ok, str(report)
        (found,) = graph.read(STORED, archive=snapshot.archive, extractor=snapshot.extractor)
    return hashlib.sha256(json.dumps(sorted(found["stored"])).encode()).hexdigest()


def undisturbed(folder: Path) -> tuple[History, int, str]:
    """Return a first night, the number of its units, and its graph's digest."""
    with Nursery(folder / "read") as nursery:
        history = histories(folder, nursery, STUDIES)["first night"]
        history.prepare()
        ended = nursery.run(history.config)
    assert ended.status == 0, ended.error
    return history, finished(history.out), graph_digest(history, folder / "graph")


KINDS = ("worker", "actor", "node", "driver", "head")


def disturb_really(
    nodes: Nodes, history: History, die: Path, kind: str, after: list[int]
) -> Outcome:
    """Run the driver, and kill one of this kind whenever so many units are finished.

    What Ray cannot bring back, driver and head, is started again: the same command.
    """
    history.prepare()
    driver = Driver(history, nodes.address)
    for units in after:
        driver.wait_for(units)
        if kind == "worker":
            nodes.kill_worker()
        elif kind == "actor":
            die.write_text("")
            while die.exists():
                driver.check()
        elif kind == "node":
            nodes.kill_node()
            nodes.grow()
        else:
            driver.kill()
            if kind == "head":
                nodes.kill_head()
            driver = Driver(history, nodes.address)
    said = driver.end()
    return judge(history, f"{kind} killed after {after} units", len(after), said)


def cut_off(hosts: Hosts, history: History, kind: str, after: int) -> Outcome:
    """Run a driver on the head, and lose a host after so many units: Ray goes on without it.

    Args:
        hosts: with Ray; a host that is lost stays lost.
        history: the run's.
        kind: blip (its link is down for 8 s), killed or cut (its link is down for good).
        after: finished units.
    """
    history.prepare()
    driver = Driver(history, hosts.address, hosts.enter)
    driver.wait_for(after)
    if kind == "blip":
        hosts.cut(1)
        time.sleep(BLIP_S)
        hosts.mend(1)
    elif kind == "killed":
        hosts.kill(1)
    else:
        hosts.cut(2)
    return judge(history, f"host {kind} after {after} units", 1, driver.end())


def judge(history: History, what: str, kills: int, said: str) -> Outcome:
    """Return what came of a run whose last driver said this, after so many kills."""
    repeated = history.repeated_units()
    found = [said] if said else history.problems()
    if repeated > 2 * WORKERS * kills:
        found.append(f"{repeated} units were read twice after {kills} kills")
    return Outcome([f"{what}: {one}" for one in found], kills, repeated)
