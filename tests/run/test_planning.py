"""The plan is the work of the run, and its forecast adds up."""

import json
from dataclasses import replace

import pytest
from typer.testing import CliRunner

from radkg.cli.app import app
from radkg.errors import ConfigError
from radkg.model.language import Prompt
from radkg.run.changes import find_changes
from radkg.run.diff import compare_snapshots
from radkg.run.kind import EXTRACTIONS
from radkg.run.planning import FORECAST, forecast, forecast_seconds, make_plan, save_forecast
from radkg.run.settings import ExtractConfig
from radkg.run.snapshot import publish, read_snapshot
from radkg.schema.arrow import EXTRACTION_SCHEMA, from_table, to_table
from radkg.storage import open_storage
from tests.extractor.models import write_vlm
from tests.support.archives.openi import make_studies, make_xml, write_tar
from tests.support.runs import EXTRACTORS

WORDS = "tests.support.runs.extractors:words"


def plan_of(tmp_path, members, **changes):
    uri = str(write_tar(tmp_path / "a.tgz", members))
    config = {"archive": uri, "out": str(tmp_path / "out"), "extractor": WORDS, "unit_size": 5}
    return make_plan(ExtractConfig(**config | changes), open_storage(config["out"]))


def extracted(plan, records=None):
    return to_table(plan.maker.make_rows(plan.archive.read(records or plan.records)))


def test_why_each_study_is_read(tmp_path):
    first = plan_of(tmp_path, make_studies(20))
    assert first.reasons == {"new": 20, "changed": 0, "other_model": 0}
    publish(first.journal.storage, extracted(first))
    members = make_studies(22, first=3) | {
        "ecgen-radiology/5.xml": make_xml(5, findings="No effusion.")
    }
    night = plan_of(tmp_path, members)
    assert night.reasons == {"new": 4, "changed": 1, "other_model": 0}
    assert night.gone == 2
    assert {r["study_id"] for r in night.to_extract} == {f"CXR{n}" for n in (5, 21, 22, 23, 24)}
    other = plan_of(tmp_path, members, extractor="rules")
    assert other.reasons == {"new": 4, "changed": 1, "other_model": 17}
    assert (other.gone, len(other.to_extract)) == (0, 22)


def test_a_snapshot_of_the_first_schema_is_read_anew(tmp_path):
    first = plan_of(tmp_path, make_studies(20))
    rows = extracted(first)
    old = rows.select(EXTRACTION_SCHEMA.names[:-3])
    first_kind = replace(EXTRACTIONS, schema=old.schema, version="1")
    publish(first.journal.storage, old, first_kind)
    night = read_snapshot(first.journal.storage)
    assert [row for table in night.read_tables() for row in from_table(table)] == sorted(
        from_table(rows), key=lambda row: row.study_id
    )  # Open-i without its metadata knows no view
    again = plan_of(tmp_path, make_studies(20))
    assert again.reasons == {"new": 20, "changed": 0, "other_model": 0}
    after = publish(first.journal.storage, rows)
    assert after.snapshot_id != night.snapshot_id
    assert compare_snapshots(night, after).studies == {
        "added": 0,
        "removed": 0,
        "changed": 0,
        "same": 20,
    }
    assert find_changes(night, after).after.num_rows == 0


def test_finished_units_are_not_read_again(tmp_path):
    plan = plan_of(tmp_path, make_studies(30))
    unit = plan.units[0]
    plan.journal.commit(unit.unit_id, extracted(plan, unit.records))
    again = plan_of(tmp_path, make_studies(30))
    assert len(again.to_extract) == 30 - len(unit.records)
    found = forecast(again, sample=4, workers=1, price=None)
    assert found.finished == len(unit.records)


def test_a_forecast_adds_up(tmp_path):
    plan = plan_of(tmp_path, make_studies(40))
    found = forecast(plan, sample=10, workers=4, price=2.5)
    assert (found.studies, found.to_extract, found.sample) == (40, 40, 10)
    assert found.bytes == sum(r["length"] for r in plan.records)
    assert found.words == 40 * 16  # of the invented report: findings and impression
    assert (found.tokens_read, found.tokens_written) == (None, None)  # it has no language model
    assert found.worker_hours == pytest.approx(found.seconds_per_study * 40 / 3600)
    assert found.hours == pytest.approx(found.worker_hours / 4)
    assert found.cost == pytest.approx(found.worker_hours * 2.5)
    for wrong in ({"sample": 0}, {"workers": 0}, {"price": -1.0}, {"price": float("nan")}):
        with pytest.raises(ConfigError):
            forecast(plan, **{"sample": 1, "workers": 1, "price": None} | wrong)


def test_tokens_are_those_of_the_language_model(tmp_path):
    """Each study has a sentence of its own, and two that the model has read with the first."""
    model = str(write_vlm(tmp_path / "model", encoder=None))
    plan = plan_of(tmp_path, make_studies(40), extractor=model)
    found = forecast(plan, sample=10, workers=1, price=None)
    ids = plan.maker.model.model.language.encode_prompt
    own = [ids(Prompt("copy", f"Rib {n} is intact.")) for n in range(1, 11)]
    assert found.tokens_read == pytest.approx(sum(map(len, own[1:])) * 4, rel=0.2)
    assert found.tokens_written is not None
    assert found.tokens_written > 0


def test_tokens_are_those_that_an_extractor_of_a_user_counts(tmp_path):
    plan = plan_of(tmp_path, make_studies(40), extractor=f"{EXTRACTORS}:tokens")
    found = forecast(plan, sample=40, workers=1, price=None)
    characters = sum(len(study.report) for study in plan.archive.read(plan.records))
    assert found.tokens_read == characters > 0
    assert found.tokens_written == 40  # an effusion in each report


def test_nothing_to_do_costs_nothing(tmp_path):
    plan = plan_of(tmp_path, make_studies(5))
    publish(plan.journal.storage, extracted(plan))
    found = forecast(plan_of(tmp_path, make_studies(5)), sample=8, workers=1, price=1.0)
    assert (found.to_extract, found.words, found.cost, found.sample) == (0, 0, 0, 0)


def test_a_kept_forecast_is_of_this_very_work(tmp_path):
    plan = plan_of(tmp_path, make_studies(8))
    storage = plan.journal.storage
    assert forecast_seconds(plan, storage) is None
    found = forecast(plan, sample=8, workers=2, price=None)
    save_forecast(found, storage)
    assert forecast_seconds(plan, storage) == pytest.approx(3600 * found.hours)
    assert forecast_seconds(plan_of(tmp_path, make_studies(9)), storage) is None
    assert forecast_seconds(plan_of(tmp_path, make_studies(8), extractor="rules"), storage) is None
    for damaged in (b"", b"[]", b'{"model_id": 1}'):
        storage.write(FORECAST, damaged)
        assert forecast_seconds(plan_of(tmp_path, make_studies(8)), storage) is None


def test_the_command_line(tmp_path):
    uri = str(write_tar(tmp_path / "a.tgz", make_studies(6)))
    arguments = ["plan", "--archive", uri, "--out", str(tmp_path / "out"), "--extractor", "rules"]
    done = CliRunner().invoke(app, [*arguments, "--workers", "3", "--price", "2", "--json"])
    assert done.exit_code == 0, done.output
    report = json.loads(done.stdout)
    assert report["to_extract"] == 6
    assert json.loads((tmp_path / "out" / FORECAST).read_text()) == report
    assert CliRunner().invoke(app, [*arguments, "--sample", "0"]).exit_code != 0
