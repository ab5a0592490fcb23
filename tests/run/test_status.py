"""What a run does, from what stands under it: heartbeats of drivers, units, what is published."""

import json
import os
import platform
import signal
import subprocess
import sys
import time
from dataclasses import asdict, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace

import pytest
from prometheus_client.parser import text_string_to_metric_families
from typer.testing import CliRunner

from radkg.cli import runs
from radkg.cli.app import app
from radkg.errors import ArchiveError, SnapshotError
from radkg.progress import say_nothing
from radkg.run import heartbeat as beating
from radkg.run.gauges import METRICS, format_prometheus
from radkg.run.heartbeat import (
    Beat,
    Heartbeat,
    Stage,
    clear_beats,
    keep_heartbeat,
    read_beats,
)
from radkg.run.settings import ExtractConfig
from radkg.run.status import StatusReader
from radkg.run.work import UnitResult
from radkg.storage import open_storage
from tests.support.archives.openi import make_studies, make_xml, write_tar
from tests.support.runs import EXTRACTORS
from tests.support.runs.demo_run import user_environment
from tests.support.runs.extracting import extract_here

ROOT = Path(__file__).parents[2]
SLOW = """
import sys
from radkg.run.settings import ExtractConfig
from tests.support.runs.extracting import extract_here
archive, out = sys.argv[1:]
config = ExtractConfig(archive=archive, out=out, extractor="tests.support.runs.extractors:slow")
extract_here(config.from_mapping({**vars(config), "unit_size": 2}))
"""


@pytest.fixture(params=["disk", "s3"])
def storage(request, tmp_path, s3_bucket):
    place = tmp_path if request.param == "disk" else f"{s3_bucket}/{tmp_path.name}"
    return open_storage(str(place))


@pytest.fixture
def archive(tmp_path):
    """Forty studies, of which one raises and one cannot be read."""
    members = make_studies(38) | {"90.xml": make_xml(90, "RAISE"), "91.xml": b"<eCitation"}
    return str(write_tar(tmp_path / "a.tgz", members))


def config(archive, out):
    return ExtractConfig(
        archive=archive, out=str(out), extractor=f"{EXTRACTORS}:words", unit_size=10, max_failed=0.5
    )


def result(worker="a:1", **changes):
    made = UnitResult("u", 10, 0, (), 2.0, model_seconds=1.0, worker=worker)
    return replace(made, **changes)


def make_beat(driver, verb="extract", *, age_s=0.0, **changes):
    then = (datetime.now(UTC) - timedelta(seconds=age_s)).isoformat()
    return replace(Beat(driver, verb, "a@b", "elsewhere", 1, then, then), **changes)


def keep(storage, *beats):
    for beat in beats:
        storage.write(f"running/{beat.driver}.json", json.dumps(asdict(beat)).encode())


def test_a_finished_run_says_what_it_did(archive, tmp_path):
    extract_here(config(archive, tmp_path / "out"))
    found = StatusReader(open_storage(str(tmp_path / "out")), price=3600.0).read()
    (driver,) = found.drivers
    assert (driver.verb, driver.outcome, driver.alive) == ("extract", "done", False)
    assert (driver.studies, driver.finished, driver.made) == (40, 40, 40)
    assert driver.failed_by == {"archive": 1, "error": 1}
    assert [(s["name"], s["done"], s["total"]) for s in driver.stages] == [
        ("extract triplets", 40, 40)
    ]
    assert driver.units == driver.units_done > 1
    assert driver.workers == 1
    assert 0 < driver.model_busy <= driver.worker_busy <= 1
    assert found.published.failed_by == {"archive": 1, "error": 1}
    assert found.published.studies == 40
    assert found.published.time is not None
    assert (found.lag, found.lag_from) == (0, "the last plan")
    assert found.units_begun == 0
    assert found.cost == pytest.approx(driver.seconds)


def test_the_lag_is_counted_in_the_archive(archive, tmp_path):
    out = tmp_path / "out"
    extract_here(config(archive, out))
    reader = StatusReader(open_storage(str(out)))
    assert reader.read(count_lag=True).lag == 0
    write_tar(Path(archive), make_studies(38) | {"1.xml": make_xml(1, "new"), "99.xml": b"<a"})
    later = reader.read(count_lag=True)
    assert (later.lag, later.lag_from) == (2, "the archive")  # one changed, one is new
    Path(archive).unlink()
    with pytest.raises(ArchiveError):
        reader.read(count_lag=True)


def test_nothing_is_said_to_be_nothing(storage):
    with pytest.raises(SnapshotError, match="no run stands under"):
        StatusReader(storage).read()


def test_a_driver_that_fails_at_once_leaves_nothing(tmp_path):
    with pytest.raises(ArchiveError):
        extract_here(config(str(tmp_path / "none"), tmp_path / "out"))
    assert not (tmp_path / "out").exists()


def test_a_run_on_its_way_and_a_killed_one_are_told(archive, tmp_path):
    out = tmp_path / "out"
    command = [sys.executable, "-c", SLOW, archive, str(out)]
    process = subprocess.Popen(command, env=user_environment(PYTHONPATH=str(ROOT)))
    try:
        deadline = time.monotonic() + 60
        while len(list(out.glob("journal/*/*.parquet"))) < 2:
            assert process.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.05)
        reader = StatusReader(open_storage(str(out)))
        running = reader.read()
        assert running.is_alive
        assert running.drivers[0].studies == 40
        assert running.published is None
        assert running.lag == 40
        assert running.units_finished >= 2
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
    killed = reader.read()
    assert not killed.is_alive  # the process is gone, however young its beat is
    assert killed.drivers[0].outcome is None
    assert killed.units_begun < killed.drivers[0].units


def test_a_heartbeat_beats_by_itself_and_tells_the_stages(storage, monkeypatch):
    monkeypatch.setattr(beating, "BEAT_S", 0.05)
    with keep_heartbeat(storage, "nightly", say_nothing) as heartbeat:
        with keep_heartbeat(storage, "extract", heartbeat) as inner:
            assert inner is heartbeat  # a verb inside of another one is a part of it
        with heartbeat("load") as advance:
            advance(1, 4)
            deadline = time.monotonic() + 20
            while not (beats := read_beats(storage)):
                assert time.monotonic() < deadline
                time.sleep(0.02)
            assert beats[0].stage.name == "load"
            assert beats[0].is_alive
            advance(3, 4, 1)
        heartbeat.plan("m", "cuda", 100, 40, 4)
        heartbeat.count(result(failed_by={"hung": 1}, tokens=(5, 2)))
        heartbeat.count(result("b:2", failed_by={"hung": 1, "error": 2}))
        heartbeat.mark_verified()
    (beat,) = read_beats(storage)
    assert (beat.verb, beat.outcome) == ("nightly", "done")
    assert (beat.stage.done, beat.stage.total, beat.stage.failed) == (3, 4, 1)
    assert (beat.studies_done, beat.units_done, beat.workers) == (20, 2, 2)
    assert beat.failed_by == {"hung": 2, "error": 2}
    assert (beat.tokens_read, beat.tokens_written) == (5, 2)
    assert beat.verified is not None


def test_how_a_driver_ended_is_kept(storage):
    def end(error):
        with keep_heartbeat(storage, "load", say_nothing) as beat:
            beat.plan("m", "cpu", 1, 1, 1)
            raise error

    for error in (ArchiveError("it is gone"), KeyboardInterrupt()):
        with pytest.raises(type(error)):
            end(error)
    assert [beat.outcome for beat in read_beats(storage)] == ["interrupted"]
    assert read_beats(storage)[0].earlier_s > 0  # the failed driver's


def test_beats_that_say_nothing_go(storage):
    keep(
        storage,
        make_beat("1", age_s=9000, outcome="done"),
        make_beat("2", "nightly", age_s=8000, outcome="GraphError", verified="2026-11-30T01:00Z"),
        make_beat("3", age_s=7000, outcome="done"),
        make_beat("4", age_s=6000, seconds=5.0, earlier_s=2.0),  # killed
        make_beat("5", age_s=5000, seconds=3.0, outcome="ClusterError"),
        make_beat("6", "load", age_s=100),  # silent, and not for long
        make_beat("7", age_s=1),  # alive
    )
    storage.write("running/8.json", b"{")  # of a newer radkg, or damaged
    assert clear_beats(storage, "extract") == 10.0
    assert [beat.driver for beat in read_beats(storage)] == ["2", "3", "6", "7"]


def test_a_storage_that_cannot_be_written_stops_no_run(tmp_path, caplog):
    (tmp_path / "running").write_text("a file, where the folder would stand")
    heartbeat = Heartbeat(open_storage(str(tmp_path)), "extract", say_nothing)
    heartbeat.plan("m", "cpu", 1, 1, 1)
    assert "no heartbeat" in caplog.text


@pytest.mark.parametrize(
    ("changes", "rate", "left_s"),
    [
        ({}, None, None),
        ({"done": 10, "seconds": 20.0, "first_s": 20.0, "first_done": 10}, None, None),
        ({"done": 30, "seconds": 24.0, "first_s": 20.0, "first_done": 10}, 5.0, 14.0),
    ],
)
def test_a_rate_begins_with_the_first_things(changes, rate, left_s):
    stage = replace(Stage("extract", "2026-11-30T01:00+00:00", total=100), **changes)
    assert (stage.rate, stage.left_s) == (rate, left_s)


def read_samples(text):
    return {
        (sample.name, *sorted(v for k, v in sample.labels.items() if k != "run")): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def test_the_text_for_prometheus_has_every_metric(storage):
    verified = "2026-11-30T02:00:00+00:00"
    keep(
        storage,
        make_beat(
            "1", "nightly", age_s=3, outcome="done", model_id="m", device="cuda", studies=90,
            to_make=30, units=4, units_done=3, studies_done=20, failed_by={"hung": 2}, unit_s=8.0,
            model_s=6.0, worker_s=10.0, workers=2, tokens_read=7, tokens_written=5,
            verified=verified,
        ),
    )  # fmt: skip
    storage.write("snapshot/unused", b"")
    text = format_prometheus(StatusReader(storage).read())
    found = read_samples(text)
    assert found["radkg_studies_total", "nightly"] == 20
    assert found["radkg_studies_failed_total", "hung", "nightly"] == 2
    assert found["radkg_studies_failed_total", "error", "nightly"] == 0
    assert found["radkg_tokens_total", "nightly", "written"] == 5
    assert found["radkg_unit_seconds_sum", "nightly"] == 8.0
    assert found["radkg_unit_seconds_count", "nightly"] == 3
    assert found["radkg_units_queued", "nightly"] == 1
    assert found["radkg_worker_busy_ratio", "nightly"] == 0.8
    assert found["radkg_gpu_busy_ratio", "nightly"] == 0.6
    assert found["radkg_driver_alive", "nightly"] == 0
    assert found["radkg_driver_failed", "nightly"] == 0
    assert found["radkg_archive_lag_studies",] == 0
    when = datetime.fromisoformat(verified).timestamp()
    assert found["radkg_verified_night_timestamp_seconds",] == when
    of_what_is_published = {"radkg_published_studies", "radkg_published_timestamp_seconds"}
    shown = {line.split()[2] for line in text.splitlines() if line.startswith("# TYPE")}
    assert shown == {metric.name for metric in METRICS} - of_what_is_published


def test_the_command_tells_people_and_programs(archive, tmp_path):
    out = str(tmp_path / "out")
    extract_here(config(archive, out))
    said = CliRunner().invoke(app, ["status", out, "--watch", "--price-per-hour", "2"]).stdout
    for part in (
        "driver: extract by ",
        "ended: done",
        "studies: 40 of 40 have their row, 40 by this driver",
        "failed: 2: archive 1, error 1",
        "lag: 0 studies without their row, by the last plan",
        "cost: 0.00",
    ):
        assert part in said
    status = json.loads(CliRunner().invoke(app, ["status", out, "--json"]).stdout)
    assert status["published"]["studies"] == 40
    text = CliRunner().invoke(app, ["status", out, "--prometheus", "--lag"]).stdout
    assert read_samples(text)["radkg_published_studies", "failed"] == 2
    assert CliRunner().invoke(app, ["status", out, "--every", "0"]).exit_code != 0


def test_a_watch_ends_with_the_driver(tmp_path, monkeypatch):
    storage = open_storage(str(tmp_path))
    keep(storage, make_beat("1", host=platform.node(), pid=os.getpid()))
    slept = []

    def sleep(seconds):
        slept.append(seconds)
        keep(storage, make_beat("1", age_s=61))  # it is heard no more

    monkeypatch.setattr(runs, "time", SimpleNamespace(sleep=sleep))
    said = CliRunner().invoke(app, ["status", str(tmp_path), "--watch", "--every", "3"]).stdout
    assert slept == [3.0]
    assert "alive, heard" in said
    assert "lost: its last beat is" in said
