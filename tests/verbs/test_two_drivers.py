"""Two commands on one --out at the same time: the same bytes as one command alone."""

import subprocess
import time
from pathlib import Path

import pytest

from radkg.graph import open_graph
from radkg.graph.verify.full import verify
from radkg.run.settings import ExtractConfig
from radkg.run.snapshot import read_snapshot
from radkg.storage import open_storage
from tests.support.archives.openi import make_studies, write_tar
from tests.support.runs import EXTRACTORS
from tests.support.runs.demo_run import RADKG, user_environment
from tests.support.runs.extracting import extract_here, published

ROOT = Path(__file__).parents[2]


def start(verb: str, archive: str, out: Path) -> "subprocess.Popen[str]":
    options = ["--archive", archive, "--out", str(out), "--unit-size", "4", "--workers", "0"]
    return subprocess.Popen(
        [RADKG, verb, *options, "--runner", "local", "--extractor", f"{EXTRACTORS}:slow"],
        env=user_environment(PYTHONPATH=str(ROOT)),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.mark.long
@pytest.mark.parametrize("other", ["extract", "nightly"])
def test_two_commands_on_one_run_publish_what_one_publishes(tmp_path, other):
    archive = str(write_tar(tmp_path / "a.tgz", make_studies(40)))
    out, quiet = tmp_path / "out", tmp_path / "quiet"
    first = start("extract", archive, out)
    deadline = time.monotonic() + 120
    while not list(out.glob("journal/*/*.parquet")):
        assert time.monotonic() < deadline, "no unit was written"
        time.sleep(0.02)
    second = start(other, archive, out)
    for driver in (first, second):
        _, said = driver.communicate(timeout=200)
        assert driver.returncode == 0, said
    slow = f"{EXTRACTORS}:slow"
    extract_here(ExtractConfig(archive=archive, out=str(quiet), extractor=slow, unit_size=4))
    assert published(out) == published(quiet)
    if other == "nightly":
        snapshot = read_snapshot(open_storage(str(out)))
        with open_graph("embedded", out / "graph") as graph:
            assert verify(graph, snapshot).ok
