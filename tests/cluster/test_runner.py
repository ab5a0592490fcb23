"""Ray as the runner: the bytes of a bare loop, and what dies on the way."""

import signal
import subprocess
import sys
import time
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from radkg.archive import open_archive
from radkg.errors import (
    StorageError,
)
from radkg.extractor import extract_rows, load_extractor
from radkg.run.settings import ExtractConfig
from radkg.run.snapshot import POINTER
from radkg.run.units import plan_units
from radkg.storage import open_storage
from tests.support.archives.openi import make_studies, write_tar
from tests.support.runs import EXTRACTORS
from tests.support.runs.demo_run import radkg, user_environment
from tests.support.runs.disks import grow, small_disk
from tests.support.runs.extracting import (
    extract_on_ray,
    published,
    rows_of,
)

pytestmark = pytest.mark.ray

WORDS = f"{EXTRACTORS}:words"
ROOT = Path(__file__).parents[2]


@pytest.fixture
def archive(tmp_path):
    return str(write_tar(tmp_path / "a.tgz", make_studies(60)))


@pytest.mark.parametrize("name", ["rules", pytest.param("small", marks=pytest.mark.long)])
def test_ray_gives_what_the_bare_loop_gives(ray_session, archive, tmp_path, name):
    out = str(tmp_path / "out")
    report = extract_on_ray(ExtractConfig(archive=archive, out=out, extractor=name, unit_size=15))
    bare = open_archive(archive)
    expected = extract_rows(load_extractor(name), bare.read(bare.index().to_pylist()))
    assert rows_of(tmp_path / "out") == sorted(expected, key=lambda row: row.study_id)
    assert (report.studies, report.rows, report.extracted) == (60, 60, 60)


def test_a_study_that_kills_its_process_costs_itself_alone(ray_session, archive, tmp_path):
    out = str(tmp_path / "out")
    report = extract_on_ray(
        ExtractConfig(
            archive=archive,
            out=out,
            extractor=f"{EXTRACTORS}:poisoned",
            unit_size=10,
        )
    )
    assert (report.rows, report.failed) == (60, 1)
    (bad,) = [row for row in rows_of(out) if row.status == "failed"]
    assert bad.study_id == "CXR3"
    assert "exit status 77" in bad.reason
    assert open_storage(out).list_names("attempts") == []


def test_no_ray_at_ray_address_is_said(archive, tmp_path):
    done = radkg("extract", "--archive", archive, "--out", str(tmp_path), RAY_ADDRESS="127.0.0.1:9")
    assert done.returncode == 5
    assert "no Ray at 127.0.0.1:9" in done.stderr


DRIVER = """
import sys
from tests.support.runs.extracting import extract_on_ray
from radkg.run.settings import ExtractConfig
archive, out, extractor = sys.argv[1:]
extract_on_ray(ExtractConfig(archive=archive, out=out, extractor=extractor, unit_size=4))
"""


@pytest.mark.long
def test_a_killed_driver_loses_nothing(ray_session, archive, tmp_path):
    """SIGKILL the driver twice in the middle; then the bytes are those of a quiet run."""
    out, quiet = tmp_path / "out", tmp_path / "quiet"
    slow = f"{EXTRACTORS}:slow"
    command = [sys.executable, "-c", DRIVER, archive, str(out), slow]
    counts = []
    for target in (2, 7):
        driver = subprocess.Popen(command, env=user_environment(), stderr=subprocess.DEVNULL)
        deadline = time.monotonic() + 90
        while len(list(out.glob("journal/*/*.parquet"))) < target and driver.poll() is None:
            assert time.monotonic() < deadline, "no unit was written"
            time.sleep(0.02)
        driver.send_signal(signal.SIGKILL)
        driver.wait()
        counts.append(len(list(out.glob("journal/*/*.parquet"))))
        assert not (out / POINTER).exists()
    records = open_archive(archive).index().to_pylist()
    num_units = len(plan_units(records, {}, "any", 4))
    assert counts[-1] < num_units, "the driver was killed too late to prove anything"
    done = {p: p.read_bytes() for p in out.glob("journal/*/*.parquet")}
    num_done = sum(pq.read_metadata(path).num_rows for path in done)
    report = extract_on_ray(
        ExtractConfig(archive=archive, out=str(out), extractor=slow, unit_size=4)
    )
    assert report.rows == 60
    assert report.extracted == 60 - num_done
    assert done.items() <= {p: p.read_bytes() for p in out.glob("journal/*/*.parquet")}.items()
    extract_on_ray(ExtractConfig(archive=archive, out=str(quiet), extractor=WORDS, unit_size=16))
    assert published(out) == published(quiet)


def test_a_full_disk_stops_the_run_and_the_next_one_finishes_it(ray_session, archive, tmp_path):
    with small_disk(tmp_path / "small") as out:
        config = ExtractConfig(archive=archive, out=str(out), extractor=WORDS, unit_size=4)
        with pytest.raises(StorageError, match="No space left on device"):
            extract_on_ray(config)
        assert not (out / POINTER).exists()
        grow(out)
        assert extract_on_ray(config).rows == 60
