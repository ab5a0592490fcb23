"""Training over hosts: the name of each leads to 127.0.0.1, and workers, hosts and drivers die."""

import json
import math
import subprocess
import sys
import time
from itertools import groupby
from pathlib import Path

import pytest

from radkg.cluster.gloo import find_interface
from radkg.train.curve import read_curve, read_last_line
from tests.support.pages.blocks import ROOT
from tests.support.ray.hosts import Hosts, hosts
from tests.support.runs.demo_run import user_environment

STEPS = 60
DRIVER = """
import json, sys
from radkg.cluster import train
from radkg.train.stage_task import TrainJob
from tests.support.runs import stage_tasks
settings = json.loads(sys.argv[1])
train.RESIZE_S = settings.pop("resize_s", train.RESIZE_S)
stage = stage_tasks.stage(num_steps=settings.pop("num_steps"))
train.train_stage(TrainJob.from_mapping({"preset": "small", "archive": "slow"} | settings), stage)
"""


class Driver:
    """A training run, driven from the head."""

    def __init__(self, hosts: Hosts, out: Path, **settings: object) -> None:
        self.out = out
        values = {"out": str(out), "workers": [2, 2], "num_steps": STEPS} | settings
        self._process = subprocess.Popen(
            [*hosts.enter, sys.executable, "-c", DRIVER, json.dumps(values)],
            env=user_environment(
                RAY_ADDRESS=hosts.address,
                PYTHONPATH=str(ROOT),
                RAY_TRAIN_WORKER_GROUP_START_TIMEOUT_S="20",
            ),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        self._head = hosts.head

    def wait_for(self, step: int, workers: int | None = None, patience_s: float = 300) -> None:
        """Return when the curve has come to a step, or to a number of workers behind it."""
        deadline = time.monotonic() + patience_s
        while True:
            line = read_last_line(self.out)
            if line and line["step"] >= step and workers in (None, line["workers"]):
                return
            assert self._process.poll() is None, self._process.stderr.read()[-3000:]
            assert time.monotonic() < deadline, f"{line} after {patience_s:.0f} s"
            time.sleep(0.05)

    def kill(self) -> None:
        self._head.kill(self._process)

    def end(self, patience_s: float = 400) -> None:
        """Wait for its end; fail if it failed."""
        try:
            _, said = self._process.communicate(timeout=patience_s)
        finally:
            self.kill()
        assert self._process.returncode == 0, said[-3000:]


def list_losses(out: Path) -> list[float]:
    curve = read_curve(out)
    assert [line["step"] for line in curve] == list(range(1, len(curve) + 1))
    return [line["loss"] for line in curve]


@pytest.fixture(scope="module")
def three():
    """A head without cores, and two hosts that work."""
    with hosts(3, head_cpus=0) as found:
        yield found


@pytest.mark.ray
@pytest.mark.long
@pytest.mark.timeout(1500)
@pytest.mark.parametrize("parallel", ["ddp", "fsdp"])
def test_the_loss_goes_on_after_kills_of_workers_and_of_the_driver(three, tmp_path, parallel):
    quiet, killed = tmp_path / "quiet", tmp_path / "killed"
    Driver(three, quiet, parallel=parallel).end()
    driver = Driver(three, killed, parallel=parallel)
    driver.wait_for(8)
    three.kill_process(1, "RayTrainWorker")
    driver.wait_for(20)
    driver.kill()
    assert read_last_line(killed)["step"] < STEPS, "too late to prove anything"
    Driver(three, killed, parallel=parallel).end()
    assert list_losses(killed) == list_losses(quiet)
    assert {line["workers"] for line in read_curve(killed)} == {2}


@pytest.mark.ray
@pytest.mark.long
@pytest.mark.timeout(1500)
def test_a_run_shrinks_with_a_lost_host_and_grows_with_a_new_one(three, tmp_path):
    driver = Driver(three, tmp_path, workers=[1, 2], num_steps=700, resize_s=5)
    driver.wait_for(20, workers=2)
    three.kill(2)
    driver.wait_for(20, workers=1)
    three.start(2)
    driver.wait_for(21, workers=2)
    driver.end(600)
    curve = read_curve(tmp_path)
    assert [line["step"] for line in curve] == list(range(1, 701))
    assert [number for number, _ in groupby(line["workers"] for line in curve)] == [2, 1, 2]
    assert all(math.isfinite(line["loss"]) for line in curve)
    assert curve[-1]["loss"] < 0.5 * curve[0]["loss"]


def test_the_interface_is_the_one_that_leads_to_the_head():
    assert find_interface("127.0.0.1:6379") == "lo"
    assert find_interface("no-such-host.invalid:6379") is None
