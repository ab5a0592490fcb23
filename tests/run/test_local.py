"""The runner of this machine: the same bytes in this process and beside it, and who is to blame."""

import os
import subprocess
import sys
import time

import pytest

from radkg.archive import open_archive
from radkg.errors import ClusterError, TooManyFailures
from radkg.run.local import LocalRunner
from radkg.run.settings import ExtractConfig
from radkg.verbs.extract import extract
from tests.support.archives.openi import make_studies, write_tar
from tests.support.runs import EXTRACTORS
from tests.support.runs.extracting import extract_beside, extract_here, published


@pytest.fixture
def archive(tmp_path):
    return str(write_tar(tmp_path / "a.tgz", make_studies(40)))


@pytest.mark.parametrize("name", ["rules", "small"])
def test_this_process_and_others_publish_the_same_bytes(archive, tmp_path, name):
    for runner, place in ((extract_here, "here"), (extract_beside, "beside")):
        out = str(tmp_path / place)
        runner(ExtractConfig(archive=archive, out=out, extractor=name, unit_size=10))
    assert published(tmp_path / "here") == published(tmp_path / "beside")


def test_this_process_keeps_its_threads(archive, tmp_path, monkeypatch):
    torch = pytest.importorskip("torch")
    before = torch.get_num_threads()
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    extract_here(ExtractConfig(archive=archive, out=str(tmp_path), extractor="onepass"))
    assert torch.get_num_threads() == before
    assert "OMP_NUM_THREADS" not in os.environ


def test_a_worker_that_cannot_start_ends_the_run(archive, tmp_path):
    """An extractor that ends each process that loads it, but not the driver."""
    name = f"{EXTRACTORS}:ends_workers"
    with pytest.raises(ClusterError, match="before they read a study"):
        extract_beside(ExtractConfig(archive=archive, out=str(tmp_path), extractor=name))


def test_a_run_that_stops_early_leaves_no_process(tmp_path):
    members = make_studies(40) | {f"{n}.xml": b"<" for n in range(90, 99)}
    config = ExtractConfig(
        archive=str(write_tar(tmp_path / "b.tgz", members)),
        out=str(tmp_path / "out"),
        extractor=f"{EXTRACTORS}:words",
        unit_size=4,
        max_failed=0.0,
    )
    with pytest.raises(TooManyFailures):
        extract(config, LocalRunner(2))
    assert not _children()


def test_workers_end_with_a_driver_that_was_killed(archive, tmp_path):
    code = (
        "import sys\n"
        "from radkg.run.settings import ExtractConfig\n"
        "from tests.support.runs.extracting import extract_beside\n"
        "if __name__ == '__main__':\n"
        "    archive, out, extractor = sys.argv[1:]\n"
        "    extract_beside(ExtractConfig(archive=archive, out=out, extractor=extractor,"
        " unit_size=4))\n"
    )
    script = tmp_path / "driver.py"
    script.write_text(code)
    out = tmp_path / "out"
    driver = subprocess.Popen(
        [sys.executable, str(script), archive, str(out), f"{EXTRACTORS}:slow"],
        env=os.environ | {"PYTHONPATH": os.getcwd()},
    )
    _wait_until(lambda: list(out.glob("journal/*/*.parquet")))
    workers = _children(driver.pid)
    assert workers
    driver.kill()
    driver.wait()
    _wait_until(lambda: not any(os.path.exists(f"/proc/{pid}") for pid in workers))
    extract_here(
        ExtractConfig(archive=archive, out=str(out), extractor=f"{EXTRACTORS}:slow", unit_size=4)
    )
    quiet = str(tmp_path / "quiet")
    extract_here(ExtractConfig(archive=archive, out=quiet, extractor=f"{EXTRACTORS}:words"))
    assert published(out) == published(quiet)
    assert len(open_archive(archive).index()) == 40


def _children(parent: int | None = None) -> list[int]:
    """Return the processes of a parent that spawn has started as workers."""
    found = subprocess.run(
        ["ps", "-o", "pid=,args=", "--ppid", str(parent or os.getpid())],
        capture_output=True,
        text=True,
        check=False,
    )
    lines = [line.split(None, 1) for line in found.stdout.splitlines()]
    return [int(pid) for pid, command in lines if "spawn_main" in command]


def _wait_until(holds):
    deadline = time.monotonic() + 120
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.05)
