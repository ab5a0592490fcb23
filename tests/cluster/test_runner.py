import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from radkg.archive import open_archive
from radkg.cluster.runner import extract
from radkg.errors import (
    ArchiveError,
    ConfigError,
    SnapshotError,
    StorageError,
    TooManyFailures,
)
from radkg.extractor import extract_rows, load_extractor
from radkg.run import audit
from radkg.run.isolation import Limits
from radkg.run.journal import Journal
from radkg.run.settings import ExtractConfig, read_config
from radkg.run.snapshot import POINTER, read_snapshot
from radkg.run.units import plan_units
from radkg.run.worker import UnitWorker
from radkg.schema.arrow import from_table
from radkg.storage import open_storage
from tests.support.archives.openi import Odd, studies, write_archive, xml
from tests.support.runs import EXTRACTORS
from tests.support.runs.demo_run import RADKG, radkg, user_environment
from tests.support.runs.disks import grow, small_disk

pytestmark = pytest.mark.ray

WORDS = f"{EXTRACTORS}:words"
ROOT = Path(__file__).parents[2]


def published(out) -> dict[str, bytes]:
    root = Path(out) / "snapshot"
    return {str(p.relative_to(root)): p.read_bytes() for p in root.rglob("*") if p.is_file()}


def rows_of(out):
    return [r for t in read_snapshot(open_storage(str(out))).tables() for r in from_table(t)]


@pytest.fixture
def archive(tmp_path):
    return str(write_archive(tmp_path / "a.tgz", studies(60)))


@pytest.mark.parametrize("name", ["rules", "small"])
def test_ray_gives_what_the_bare_loop_gives(ray_session, archive, tmp_path, name):
    out = str(tmp_path / "out")
    report = extract(ExtractConfig(archive=archive, out=out, extractor=name, unit_size=15))
    bare = open_archive(archive)
    expected = extract_rows(load_extractor(name), bare.read(bare.index().to_pylist()))
    assert rows_of(tmp_path / "out") == sorted(expected, key=lambda row: row.study_id)
    assert (report.studies, report.rows, report.extracted) == (60, 60, 60)


@pytest.mark.parametrize("extractor", [WORDS, "onepass"])
def test_units_do_not_change_the_published_bytes(ray_session, archive, tmp_path, extractor):
    for unit_size in (1000, 13):
        out = str(tmp_path / str(unit_size))
        extract(ExtractConfig(archive=archive, out=out, extractor=extractor, unit_size=unit_size))
    assert published(tmp_path / "1000") == published(tmp_path / "13")


def test_s3_holds_the_same_snapshot(ray_session, s3_bucket, archive, tmp_path):
    out, local = f"{s3_bucket}/{tmp_path.name}", str(tmp_path / "local")
    for place in (out, local):
        extract(ExtractConfig(archive=archive, out=place, extractor=WORDS, unit_size=20))
    assert extract(ExtractConfig(archive=archive, out=out, extractor=WORDS)).extracted == 0
    storage = open_storage(out)
    on_s3 = {n.removeprefix("snapshot/"): storage.read(n) for n in storage.names("snapshot")}
    assert on_s3 == published(local)
    assert storage.names("attempts") == []


def test_running_again_changes_nothing(ray_session, archive, tmp_path):
    config = ExtractConfig(archive=archive, out=str(tmp_path / "out"), extractor=WORDS)
    extract(config)
    stamps = {p: p.stat().st_mtime_ns for p in (tmp_path / "out").rglob("*.parquet")}
    report = extract(config)
    assert report.extracted == 0
    assert stamps == {p: p.stat().st_mtime_ns for p in (tmp_path / "out").rglob("*.parquet")}


def test_a_night_extracts_what_changed_and_drops_what_went(ray_session, tmp_path):
    members, out = studies(40), str(tmp_path / "out")
    path = write_archive(tmp_path / "a.tgz", members)
    extract(ExtractConfig(archive=str(path), out=out, extractor=WORDS, unit_size=10))
    del members["ecgen-radiology/7.xml"]
    members["ecgen-radiology/8.xml"] = xml(8, findings="Clear.", impression="")
    members["ecgen-radiology/99.xml"] = xml(99)
    write_archive(path, members)
    report = extract(ExtractConfig(archive=str(path), out=out, extractor=WORDS, unit_size=10))
    assert (report.studies, report.rows, report.extracted) == (40, 40, 2)
    fresh = str(tmp_path / "fresh")
    extract(ExtractConfig(archive=str(path), out=fresh, extractor=WORDS))
    assert rows_of(out) == rows_of(fresh)
    assert published(out)["CURRENT"] == published(fresh)["CURRENT"]


def test_another_model_extracts_everything_again(ray_session, archive, tmp_path):
    out = str(tmp_path / "out")
    extract(ExtractConfig(archive=archive, out=out, extractor=WORDS))
    report = extract(ExtractConfig(archive=archive, out=out, extractor=WORDS + "_two"))
    assert report.extracted == 60
    assert {row.model_id for row in rows_of(out)} == {"words-2"}


def test_a_failed_study_is_a_row_with_its_reason(ray_session, tmp_path):
    members = studies(20) | {"21.xml": xml(21)[:200], "22.xml": xml(22, findings="RAISE")}
    path = write_archive(tmp_path / "a.tgz", members)
    config = ExtractConfig(
        archive=str(path), out=str(tmp_path / "out"), extractor=WORDS, max_failed=0.2
    )
    report = extract(config)
    assert (report.studies, report.rows, report.failed) == (22, 22, 2)
    reasons = {row.study_id: row.reason for row in rows_of(tmp_path / "out") if row.reason}
    assert sorted(reasons) == ["CXR21", "CXR22"]
    assert "well-formed" in reasons["CXR21"]


def test_too_many_failures_stop_the_run_and_publish_nothing(ray_session, tmp_path):
    members = studies(20) | {f"{n}.xml": b"<" for n in range(30, 35)}
    path = write_archive(tmp_path / "a.tgz", members)
    config = {"archive": str(path), "out": str(tmp_path / "out"), "extractor": WORDS}
    with pytest.raises(TooManyFailures, match=r"5 of 25 studies failed.*CXR3\d: not well-formed"):
        extract(ExtractConfig(**config, max_failed=0.1))
    assert not (tmp_path / "out" / POINTER).exists()
    report = extract(ExtractConfig(**config, max_failed=0.2))
    assert (report.failed, report.extracted) == (5, 0)
    storage = open_storage(config["out"])
    assert [line["outcome"] for line in audit.lines(storage)] == ["TooManyFailures", "published"]
    assert audit.verify(storage).ok


def test_a_study_that_kills_its_process_costs_itself_alone(ray_session, archive, tmp_path):
    out = str(tmp_path / "out")
    report = extract(
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
    assert open_storage(out).names("attempts") == []


@pytest.mark.parametrize("kind", ["hangs", "hangs_in_c"])
def test_a_study_that_hangs_costs_itself_alone(ray_session, archive, tmp_path, kind):
    out = str(tmp_path / "out")
    config = {"archive": archive, "out": out, "extractor": f"{EXTRACTORS}:{kind}"}
    report = extract(ExtractConfig(**config, unit_size=10, study_timeout=2))
    assert (report.rows, report.failed) == (60, 1)
    (bad,) = [row for row in rows_of(out) if row.status == "failed"]
    assert bad.study_id == "CXR3"
    assert bad.reason == "the study took longer than --study-timeout 2 s"
    assert open_storage(out).names("attempts") == []


@pytest.mark.parametrize("max_memory", [None, 0.5])
def test_a_study_that_eats_memory_costs_itself_alone(ray_session, archive, tmp_path, max_memory):
    out = str(tmp_path / "out")
    config = {"archive": archive, "out": out, "extractor": f"{EXTRACTORS}:eats"}
    report = extract(ExtractConfig(**config, unit_size=10, max_memory=max_memory))
    assert (report.rows, report.failed) == (60, 1)
    (bad,) = [row for row in rows_of(out) if row.status == "failed"]
    assert bad.study_id == "CXR3"
    assert "--max-memory" in bad.reason


@pytest.mark.parametrize("kind", ["stranger", "wrong_type", "exits"])
def test_a_row_that_is_wrong_fails_its_study_alone(ray_session, archive, tmp_path, kind):
    config = ExtractConfig(
        archive=archive,
        out=str(tmp_path / "out"),
        extractor=f"{EXTRACTORS}:{kind}",
    )
    report = extract(config)
    assert (report.rows, report.failed) == (60, 1)
    (bad,) = [row for row in rows_of(tmp_path / "out") if row.status == "failed"]
    assert bad.study_id == "CXR3"
    assert {"stranger": "'X'", "wrong_type": "7 is no text", "exits": "SystemExit"}[kind] in (
        bad.reason
    )


def test_finished_units_still_fit_when_a_study_comes(ray_session, tmp_path):
    members = studies(60) | {"zz.xml": b"<"}  # the last unit ends the run
    path, out = write_archive(tmp_path / "a.tgz", members), str(tmp_path / "out")
    config = {"archive": str(path), "out": out, "extractor": WORDS, "unit_size": 5}
    with pytest.raises(TooManyFailures):
        extract(ExtractConfig(**config, max_failed=0.0))
    write_archive(path, {"99.xml": xml(99)} | members)
    report = extract(ExtractConfig(**config))
    assert (report.rows, report.failed) == (62, 1)
    assert report.extracted < 45  # all 62, if the count cut the units


def test_an_archive_that_goes_away_is_no_failed_study(archive, tmp_path):
    """In the child of a unit that was begun twice, too."""
    opened = open_archive(archive)
    records = opened.index().to_pylist()[:3]
    out = str(tmp_path / "out")
    worker = UnitWorker(opened, (WORDS, None), "words-1", out, Limits(60, None))
    journal = Journal(open_storage(str(tmp_path / "out")), "words-1")
    for _ in range(2):
        journal.begin("u")
    Path(archive).unlink()
    with pytest.raises(ArchiveError, match="cannot read"):
        worker("u", records)
    assert journal.done() == set()
    assert open_storage(out).names("attempts") == []  # no study is to blame


def test_a_study_that_the_reader_breaks_on_costs_itself_alone(archive, tmp_path):
    opened, out = open_archive(archive), str(tmp_path / "out")
    records = opened.index().to_pylist()[:5]
    worker = UnitWorker(Odd(opened, "CXR3"), (WORDS, None), "words-1", out, Limits(60, None))
    assert worker("u", records) == {
        "studies": 5,
        "failed": 1,
        "reasons": ["CXR3: cannot be read: ZeroDivisionError: asked for"],
    }


def test_no_ray_at_ray_address_is_said(archive, tmp_path):
    done = radkg("extract", "--archive", archive, "--out", str(tmp_path), RAY_ADDRESS="127.0.0.1:9")
    assert done.returncode == 5
    assert "no Ray at 127.0.0.1:9" in done.stderr


def test_stdout_is_json_alone_even_when_a_worker_dies(archive, tmp_path):
    done = radkg(
        *("extract", "--archive", archive, "--out", str(tmp_path / "out"), "--json"),
        *("--extractor", f"{EXTRACTORS}:poisoned"),
        PYTHONPATH=str(ROOT),
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["failed"] == 1


def test_sigterm_leaves_what_is_finished(archive, tmp_path):
    out = tmp_path / "out"
    command = [RADKG, "extract", "--archive", archive, "--out", str(out), "--unit-size", "4"]
    driver = subprocess.Popen(
        [*command, "--extractor", f"{EXTRACTORS}:slow"],
        env=user_environment(PYTHONPATH=str(ROOT)),
        stderr=subprocess.PIPE,
        text=True,
    )
    deadline = time.monotonic() + 90
    while not list(out.glob("journal/*/*.parquet")):
        assert time.monotonic() < deadline, "no unit was written"
        time.sleep(0.02)
    driver.send_signal(signal.SIGTERM)
    _, said = driver.communicate(timeout=60)
    assert driver.returncode == 4, said
    assert "run the same command again" in said
    assert list(out.glob("journal/*/*.parquet"))
    assert not (out / POINTER).exists()


DRIVER = """
import sys
from radkg.cluster.runner import extract
from radkg.run.worker import UnitWorker
from radkg.run.journal import Journal
from radkg.run.units import plan_units
from radkg.run.settings import ExtractConfig, read_config
extract(ExtractConfig(archive=sys.argv[1], out=sys.argv[2], extractor=sys.argv[3], unit_size=4))
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
    report = extract(ExtractConfig(archive=archive, out=str(out), extractor=slow, unit_size=4))
    assert report.rows == 60
    assert report.extracted == 60 - num_done
    assert done.items() <= {p: p.read_bytes() for p in out.glob("journal/*/*.parquet")}.items()
    extract(ExtractConfig(archive=archive, out=str(quiet), extractor=WORDS, unit_size=16))
    assert published(out) == published(quiet)


def test_a_full_disk_stops_the_run_and_the_next_one_finishes_it(ray_session, archive, tmp_path):
    with small_disk(tmp_path / "small") as out:
        config = ExtractConfig(archive=archive, out=str(out), extractor=WORDS, unit_size=4)
        with pytest.raises(StorageError, match="No space left on device"):
            extract(config)
        assert not (out / POINTER).exists()
        grow(out)
        assert extract(config).rows == 60


def test_a_run_leaves_its_settings(ray_session, archive, tmp_path):
    config = ExtractConfig(archive=archive, out=str(tmp_path / "out"), limit=5)
    assert extract(config).rows == 5
    saved = json.loads((tmp_path / "out/config.json").read_text())
    assert ExtractConfig.from_mapping(saved) == config
    assert read_config(open_storage(config.out)) == config
    (tmp_path / "out/config.json").write_text("{")
    with pytest.raises(SnapshotError, match="run `radkg extract` again"):
        read_config(open_storage(config.out))


def test_wrong_settings_are_refused_before_anything_starts(tmp_path):
    for wrong in ({"max_failed": 2.0}, {"limit": 0}, {"unit_size": 0}, {"extractor": ""}):
        with pytest.raises(ConfigError):
            ExtractConfig(archive="openi", out="x", **wrong)
    with pytest.raises(ArchiveError, match="no archive at"):
        extract(ExtractConfig(archive=str(tmp_path / "gone"), out=str(tmp_path / "out")))
    assert not (tmp_path / "out").exists()
