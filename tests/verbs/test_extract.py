"""The policy of an extraction, on the runner of this machine: what is read, published, refused."""

import json
import signal
import subprocess
import time
from pathlib import Path

import pytest

from radkg.cli.output import print_values
from radkg.errors import (
    ArchiveError,
    ConfigError,
    SnapshotError,
    TooManyFailures,
)
from radkg.run.audit import AuditLog
from radkg.run.changes import find_changes
from radkg.run.local import LocalRunner
from radkg.run.settings import ExtractConfig, read_config
from radkg.run.snapshot import POINTER, read_snapshot
from radkg.storage import open_storage
from radkg.verbs.extract import extract_changes
from tests.support.archives.openi import make_studies, make_xml, write_tar
from tests.support.runs import EXTRACTORS
from tests.support.runs.demo_run import RADKG, radkg, user_environment
from tests.support.runs.extracting import (
    extract_beside,
    extract_here,
    published,
    rows_of,
)

WORDS = f"{EXTRACTORS}:words"
ROOT = Path(__file__).parents[2]


@pytest.fixture
def archive(tmp_path):
    return str(write_tar(tmp_path / "a.tgz", make_studies(60)))


@pytest.mark.parametrize("extractor", [WORDS, "onepass"])
def test_units_do_not_change_the_published_bytes(archive, tmp_path, extractor):
    for unit_size in (1000, 13):
        out = str(tmp_path / str(unit_size))
        extract_here(
            ExtractConfig(archive=archive, out=out, extractor=extractor, unit_size=unit_size)
        )
    assert published(tmp_path / "1000") == published(tmp_path / "13")


def test_s3_holds_the_same_snapshot(s3_bucket, archive, tmp_path):
    out, local = f"{s3_bucket}/{tmp_path.name}", str(tmp_path / "local")
    for place in (out, local):
        extract_here(ExtractConfig(archive=archive, out=place, extractor=WORDS, unit_size=20))
    assert extract_here(ExtractConfig(archive=archive, out=out, extractor=WORDS)).extracted == 0
    storage = open_storage(out)
    on_s3 = {n.removeprefix("snapshot/"): storage.read(n) for n in storage.list_names("snapshot")}
    assert on_s3 == published(local)
    assert storage.list_names("attempts") == []


def test_running_again_changes_nothing(archive, tmp_path):
    config = ExtractConfig(archive=archive, out=str(tmp_path / "out"), extractor=WORDS)
    extract_here(config)
    stamps = {p: p.stat().st_mtime_ns for p in (tmp_path / "out").rglob("*.parquet")}
    report = extract_here(config)
    assert report.extracted == 0
    assert stamps == {p: p.stat().st_mtime_ns for p in (tmp_path / "out").rglob("*.parquet")}


def test_a_night_extracts_what_changed_and_drops_what_went(tmp_path):
    members, out = make_studies(40), str(tmp_path / "out")
    path = write_tar(tmp_path / "a.tgz", members)
    extract_here(ExtractConfig(archive=str(path), out=out, extractor=WORDS, unit_size=10))
    del members["ecgen-radiology/7.xml"]
    members["ecgen-radiology/8.xml"] = make_xml(8, findings="Clear.", impression="")
    members["ecgen-radiology/99.xml"] = make_xml(99)
    write_tar(path, members)
    before = read_snapshot(open_storage(out))
    config = ExtractConfig(archive=str(path), out=out, extractor=WORDS, unit_size=10)
    report, changes = extract_changes(config, LocalRunner(0))
    assert (report.studies, report.rows, report.extracted) == (40, 40, 2)
    compared = find_changes(before, read_snapshot(open_storage(out)))
    assert changes == compared  # what came and went is known without comparing any row
    assert (compared.before.num_rows, compared.after.num_rows) == (2, 2)
    fresh = str(tmp_path / "fresh")
    extract_here(ExtractConfig(archive=str(path), out=fresh, extractor=WORDS))
    assert rows_of(out) == rows_of(fresh)
    assert published(out)["CURRENT"] == published(fresh)["CURRENT"]


def test_another_model_extracts_everything_again(archive, tmp_path):
    out = str(tmp_path / "out")
    extract_here(ExtractConfig(archive=archive, out=out, extractor=WORDS))
    before = read_snapshot(open_storage(out))
    config = ExtractConfig(archive=archive, out=out, extractor=WORDS + "_two")
    report, changes = extract_changes(config, LocalRunner(0))
    assert report.extracted == 60
    assert changes == find_changes(before, read_snapshot(open_storage(out)))
    assert {row.model_id for row in rows_of(out)} == {"words-2"}


def test_a_failed_study_is_a_row_with_its_reason(tmp_path):
    members = make_studies(20) | {
        "21.xml": make_xml(21)[:200],
        "22.xml": make_xml(22, findings="RAISE"),
    }
    path = write_tar(tmp_path / "a.tgz", members)
    config = ExtractConfig(
        archive=str(path), out=str(tmp_path / "out"), extractor=WORDS, max_failed=0.2
    )
    report = extract_here(config)
    assert (report.studies, report.rows, report.failed) == (22, 22, 2)
    reasons = {row.study_id: row.reason for row in rows_of(tmp_path / "out") if row.reason}
    assert sorted(reasons) == ["CXR21", "CXR22"]
    assert "well-formed" in reasons["CXR21"]


def test_too_many_failures_stop_the_run_and_publish_nothing(tmp_path):
    members = make_studies(20) | {f"{n}.xml": b"<" for n in range(30, 35)}
    path = write_tar(tmp_path / "a.tgz", members)
    config = {"archive": str(path), "out": str(tmp_path / "out"), "extractor": WORDS}
    with pytest.raises(TooManyFailures, match=r"5 of 25 studies failed.*CXR3\d: not well-formed"):
        extract_here(ExtractConfig(**config, max_failed=0.1))
    assert not (tmp_path / "out" / POINTER).exists()
    report = extract_here(ExtractConfig(**config, max_failed=0.2))
    assert (report.failed, report.extracted) == (5, 0)
    storage = open_storage(config["out"])
    assert [line["outcome"] for line in AuditLog(storage).read_lines()] == [
        "TooManyFailures",
        "published",
    ]
    assert AuditLog(storage).verify().ok


def test_a_study_that_kills_its_process_costs_itself_alone(archive, tmp_path):
    out = str(tmp_path / "out")
    report = extract_beside(
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


@pytest.mark.parametrize("kind", ["hangs", "hangs_in_c"])
def test_a_study_that_hangs_costs_itself_alone(archive, tmp_path, kind):
    out = str(tmp_path / "out")
    config = {"archive": archive, "out": out, "extractor": f"{EXTRACTORS}:{kind}"}
    report = extract_beside(ExtractConfig(**config, unit_size=10, study_timeout=2))
    assert (report.rows, report.failed) == (60, 1)
    (bad,) = [row for row in rows_of(out) if row.status == "failed"]
    assert bad.study_id == "CXR3"
    assert bad.reason == "the study took longer than --study-timeout 2 s"
    assert open_storage(out).list_names("attempts") == []


@pytest.mark.parametrize("max_memory", [None, 0.5])
def test_a_study_that_eats_memory_costs_itself_alone(archive, tmp_path, max_memory):
    out = str(tmp_path / "out")
    config = {"archive": archive, "out": out, "extractor": f"{EXTRACTORS}:eats"}
    report = extract_beside(ExtractConfig(**config, unit_size=10, max_memory=max_memory))
    assert (report.rows, report.failed) == (60, 1)
    (bad,) = [row for row in rows_of(out) if row.status == "failed"]
    assert bad.study_id == "CXR3"
    assert "--max-memory" in bad.reason


@pytest.mark.parametrize("kind", ["stranger", "wrong_type", "exits"])
def test_a_row_that_is_wrong_fails_its_study_alone(archive, tmp_path, kind):
    config = ExtractConfig(
        archive=archive,
        out=str(tmp_path / "out"),
        extractor=f"{EXTRACTORS}:{kind}",
    )
    report = extract_here(config)
    assert (report.rows, report.failed) == (60, 1)
    (bad,) = [row for row in rows_of(tmp_path / "out") if row.status == "failed"]
    assert bad.study_id == "CXR3"
    assert {"stranger": "study_id", "wrong_type": "is no text", "exits": "SystemExit"}[kind] in (
        bad.reason
    )


def test_finished_units_still_fit_when_a_study_comes(tmp_path):
    members = make_studies(60) | {"zz.xml": b"<"}  # the last unit ends the run
    path, out = write_tar(tmp_path / "a.tgz", members), str(tmp_path / "out")
    config = {"archive": str(path), "out": out, "extractor": WORDS, "unit_size": 5}
    with pytest.raises(TooManyFailures):
        extract_here(ExtractConfig(**config, max_failed=0.0))
    write_tar(path, {"99.xml": make_xml(99)} | members)
    report = extract_here(ExtractConfig(**config))
    assert (report.rows, report.failed) == (62, 1)
    assert report.extracted < 45  # all 62, if the count cut the units


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


def test_a_run_leaves_its_settings(archive, tmp_path):
    config = ExtractConfig(archive=archive, out=str(tmp_path / "out"), limit=5)
    assert extract_here(config).rows == 5
    saved = json.loads((tmp_path / "out/config.json").read_text())
    assert ExtractConfig.from_mapping(saved) == config
    assert read_config(open_storage(config.out), ExtractConfig) == config
    (tmp_path / "out/config.json").write_text("{")
    with pytest.raises(SnapshotError, match="run `radkg extract` again"):
        read_config(open_storage(config.out), ExtractConfig)


def test_wrong_settings_are_refused_before_anything_starts(tmp_path):
    for wrong in ({"max_failed": 2.0}, {"limit": 0}, {"unit_size": 0}, {"extractor": ""}):
        with pytest.raises(ConfigError):
            ExtractConfig(archive="openi", out="x", **wrong)
    with pytest.raises(ArchiveError, match="no archive at"):
        extract_here(ExtractConfig(archive=str(tmp_path / "gone"), out=str(tmp_path / "out")))
    assert not (tmp_path / "out").exists()


def test_the_summary_names_the_first_failed_and_empty_studies(tmp_path):
    rows = [
        ("s0", "effusion"),
        *((f"f{i}", "RAISE") for i in range(5)),
        ("e0", ""),
        ("e1", "Clear."),
    ]
    (tmp_path / "a.csv").write_text(
        "\n".join(["study_id,report", *(f"{name},{text}" for name, text in rows)])
    )
    config = ExtractConfig(
        archive=str(tmp_path / "a.csv"), out=str(tmp_path / "out"), extractor=WORDS, max_failed=1.0
    )
    report = extract_here(config)
    assert (report.failed, report.empty) == (5, 2)
    *named, more = report.failed_studies
    assert [line.partition(": ")[0] for line in named] == ["f0", "f1", "f2"]
    assert all("ZeroDivisionError in" in line for line in named)
    assert more == "and 2 more"
    assert report.empty_studies == ("e0: no entity was found", "e1: no entity was found")
    line = next(line for line in AuditLog(open_storage(config.out)).read_lines())
    assert line["failed"] == 5
    assert "failed_studies" not in line  # the log names no study


def test_the_command_prints_the_named_studies_a_line_each(capsys):
    print_values({"failed": 1, "failed_studies": ("f0: why", "and 2 more"), "empty_studies": ()})
    told = capsys.readouterr().out
    assert told == "failed: 1\nfailed_studies:\n  f0: why\n  and 2 more\nempty_studies: none\n"
