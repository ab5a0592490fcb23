"""Pools follow the cluster: from none to a node, and to a node that comes late."""

import contextlib
import logging
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import pytest

from radkg.cluster import pools
from radkg.cluster.pools import Pool, Room, choose_pool, watch_room
from radkg.errors import ClusterError
from tests.support.archives.openi import make_studies, write_tar
from tests.support.ray.autoscaler import autoscaling_head
from tests.support.ray.nodes import Nodes
from tests.support.runs import EXTRACTORS
from tests.support.runs.demo_run import user_environment
from tests.support.runs.extracting import rows_of

ROOT = Path(__file__).parents[2]
DRIVER = """
import sys
from radkg import log
from radkg.run.settings import ExtractConfig
from tests.support.runs.extracting import extract_on_ray
log.set_up()
archive, out, extractor = sys.argv[1:]
extract_on_ray(ExtractConfig(archive=archive, out=out, extractor=extractor, unit_size=4))
"""


@pytest.mark.parametrize(
    ("device", "room", "bounds", "grows", "expected"),
    [
        ("cpu", Room(4, 0), None, False, Pool(1, 4, 4, 0)),
        ("cpu", Room(4, 0), None, True, Pool(1, 4, 50, 0)),
        ("cpu", Room(0, 0), None, True, Pool(1, 1, 50, 0)),
        ("cpu", Room(4, 0), (2, 3), True, Pool(2, 3, 3, 0)),
        ("cpu", Room(4, 0), (8, 99), True, Pool(8, 8, 50, 0)),
        ("cuda", Room(8, 2), None, False, Pool(1, 2, 2, 6)),
        ("cuda", Room(0, 0), None, True, Pool(1, 1, 50, 50)),
        ("cuda", Room(16, 8), (4, 4), True, Pool(4, 4, 4, 50)),
    ],
)
def test_a_pool_starts_with_what_is_there_and_grows_where_nodes_may_come(
    device, room, bounds, grows, expected
):
    assert choose_pool(device, 50, room, bounds, can_grow=grows) == expected


def test_a_ray_of_our_own_gets_no_gpu_by_waiting():
    with pytest.raises(ClusterError, match="two CPUs, and this Ray has 2 CPU and 0 GPU"):
        choose_pool("cuda", 9, Room(2, 0), None, can_grow=False)


def test_gpus_that_nobody_uses_are_said(caplog):
    choose_pool("cpu", 9, Room(2, 1), None, can_grow=False)
    assert "the cluster has 1 GPU(s): --device cuda" in caplog.text


def test_the_log_says_what_is_waited_for_and_what_came(monkeypatch, caplog):
    rooms = iter([Room(0, 0), Room(0, 0), Room(4, 1), Room(8, 2)])
    over = threading.Event()

    def get_room():
        with contextlib.suppress(StopIteration):
            return next(rooms)
        over.set()
        return Room(8, 2)

    monkeypatch.setattr(pools, "get_room", get_room)
    monkeypatch.setattr(pools, "_POLL_S", 0.001)
    with caplog.at_level(logging.INFO, "radkg.cluster.pools"), watch_room(Room(2, 1)):
        assert over.wait(20)
    said = [record.getMessage() for record in caplog.records]
    assert len(said) == 3  # what is waited for is not repeated at once
    assert "has 0 CPU and 0 GPU, and a run needs 2 CPU and 1 GPU" in said[0]
    assert said[1:] == [
        "the cluster has now 4 CPU and 1 GPU, before 0 CPU and 0 GPU",
        "the cluster has now 8 CPU and 2 GPU, before 4 CPU and 1 GPU",
    ]


@contextlib.contextmanager
def driver(address, archive, out):
    """Give a driver that works on the cluster at an address."""
    process = subprocess.Popen(
        [sys.executable, "-c", DRIVER, str(archive), str(out), f"{EXTRACTORS}:slow"],
        env=user_environment(RAY_ADDRESS=address, PYTHONPATH=str(ROOT)),
        stderr=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        text=True,
    )
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def wait_until(true, process, patience_s=150):
    deadline = time.monotonic() + patience_s
    while not true():
        assert process.poll() is None, process.communicate()[1]
        assert time.monotonic() < deadline, "it never came true"
        time.sleep(0.2)


def units(out):
    return len(list(out.glob("journal/*/*.parquet")))


@pytest.fixture
def short(monkeypatch):
    """A short folder for Ray's sockets, and the tests' modules for its workers."""
    with tempfile.TemporaryDirectory(prefix="rk") as folder:
        monkeypatch.setenv("RAY_TMPDIR", folder)  # its address file is not the machine's
        monkeypatch.setenv("PYTHONPATH", str(ROOT))
        yield folder


@pytest.mark.long
@pytest.mark.ray
def test_a_node_that_comes_late_works(short, tmp_path):
    archive, out = write_tar(tmp_path / "a.tgz", make_studies(1500)), tmp_path / "out"
    with Nodes(0, head_cpus=1) as nodes, driver(nodes.address, archive, out) as process:
        wait_until(lambda: units(out) >= 3, process)
        assert len(nodes.actors()) == 1
        nodes.grow()
        wait_until(lambda: len(nodes.actors()) == 2, process)
        process.terminate()
        said = process.communicate(timeout=60)[1]
    assert "the cluster has now 2 CPU and 0 GPU, before 1 CPU and 0 GPU" in said


@pytest.mark.long
@pytest.mark.ray
def test_an_autoscaler_sees_what_a_run_on_an_empty_cluster_waits_for(short, tmp_path):
    archive, out = write_tar(tmp_path / "a.tgz", make_studies(40)), tmp_path / "out"
    with (
        autoscaling_head(Path(short), most=1) as address,
        driver(address, archive, out) as process,
    ):
        said = process.communicate(timeout=240)[1]
        assert process.returncode == 0, said
    assert "has 0 CPU and 0 GPU, and a run needs 1 CPU and 0 GPU" in said
    assert "the cluster has now 1 CPU" in said
    assert len(rows_of(out)) == 40
