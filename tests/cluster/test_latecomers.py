"""A node that joins while a run lasts and has no radkg: named in one line, no end of the run."""

from __future__ import annotations

import logging
import pickle
import subprocess
import sys
from pathlib import Path

import pytest

from radkg.cluster import latecomers
from radkg.cluster.latecomers import Latecomers, send_whole
from radkg.cluster.runner import _UnitActor
from tests.cluster.test_pools import driver, short, units, wait_until
from tests.support.archives.openi import make_studies, write_tar
from tests.support.ray.absent import hide_radkg
from tests.support.ray.nodes import Nodes
from tests.support.runs.demo_run import user_environment
from tests.support.runs.extracting import rows_of

__all__ = ["short"]  # a fixture

START = """
import pickle, sys
shell, arguments = pickle.load(open(sys.argv[1], "rb"))
print("read", flush=True)
shell(*arguments)
print("made")
"""


def start_actor(file: Path, **variables: str) -> tuple[int, str, str]:
    """Make an actor in a process of its own, as Ray does on a node."""
    done = subprocess.run(
        [sys.executable, "-c", START, str(file)],
        env=user_environment(**variables),
        capture_output=True,
        text=True,
        timeout=250,
        check=False,
    )
    return done.returncode, done.stdout, done.stderr


@pytest.mark.ray
def test_an_actor_ends_without_a_word_where_radkg_is_absent(tmp_path, monkeypatch):
    from ray import cloudpickle

    monkeypatch.setattr(latecomers, "RETRY_S", 0.1)
    file = tmp_path / "actor"
    file.write_bytes(cloudpickle.dumps(send_whole(_UnitActor, None, 2)))
    assert start_actor(file) == (0, "read\nmade\n", "")
    assert start_actor(file, PYTHONPATH=hide_radkg(tmp_path)) == (1, "read\n", "")
    monkeypatch.setattr("radkg.__version__", "0.0.1")  # of the driver
    file.write_bytes(cloudpickle.dumps(send_whole(_UnitActor, None, 2)))
    assert start_actor(file)[0] == 1


def test_an_actor_that_is_there_gets_its_arguments_and_batches():
    class Sum:
        def __init__(self, first: int, second: int) -> None:
            self.start = first + second

        def __call__(self, batch: int) -> int:
            return self.start + batch

    shell, arguments = send_whole(Sum, 1, 2)
    assert shell.__name__ == "Sum"
    assert shell(*pickle.loads(pickle.dumps(arguments)))(4) == 7


@pytest.mark.ray
def test_a_late_node_is_asked_once_and_named(ray_session, monkeypatch, caplog):
    import ray

    seen = Latecomers()
    seen.look()
    assert not seen._asked  # who was there before is no latecomer
    monkeypatch.setattr(seen, "_seen", set())
    monkeypatch.setattr(seen, "_needed", ["pyarrow", "no-such-package"])
    with caplog.at_level(logging.WARNING, "radkg.cluster.latecomers"):
        seen.look()
        ray.wait(list(seen._asked), timeout=100)
        seen.look()
        seen.look()
    (line,) = [record.getMessage() for record in caplog.records]
    assert line == (
        f"node {ray.util.get_node_ip_address()} came late and has no no-such-package: install "
        "radkg 0.1.0 there; the run goes on with the other nodes"
    )


@pytest.mark.long
@pytest.mark.ray
@pytest.mark.timeout(600)
def test_a_node_that_comes_late_without_radkg_does_not_end_the_run(short, tmp_path):
    archive, out = write_tar(tmp_path / "a.tgz", make_studies(400)), tmp_path / "out"
    with Nodes(0, head_cpus=1) as nodes, driver(nodes.address, archive, out) as process:
        wait_until(lambda: units(out) >= 3, process)
        nodes.grow(PYTHONPATH=hide_radkg(tmp_path))
        wait_until(lambda: len(nodes.actors()) == 2, process)
        said = process.communicate(timeout=400)[1]
    assert process.returncode == 0, said
    assert len(rows_of(out)) == 400
    (line,) = [line for line in said.splitlines() if "came late" in line]
    assert "has no radkg: install radkg 0.1.0 there" in line
    assert "Traceback" not in said
