"""The reporter that plans, from images and from given plans, as a run uses it."""

import dataclasses
import json
import pickle
from pathlib import Path

import pytest

from radkg.errors import ConfigError, ExtractorError
from radkg.reporter import load_reporter, write_drafts
from radkg.reporter.bank import BANK
from radkg.reporter.given import read_plans
from radkg.run.kind import DRAFTS
from radkg.run.local import LocalRunner
from radkg.run.run import Run
from radkg.run.settings import DraftConfig
from radkg.schema.draft_table import from_draft_row
from radkg.schema.drafts import Claim
from radkg.schema.records import Unreadable
from radkg.verbs.draft import draft
from tests.extractor.models import blind, study, write_image
from tests.reporter.planners import NO_PNEUMOTHORAX, NORMAL_HEART, write_archive, write_planner


@pytest.fixture(scope="module")
def directory(tmp_path_factory) -> Path:
    return write_planner(tmp_path_factory.mktemp("planner"))


@pytest.fixture(scope="module")
def image(tmp_path_factory) -> Path:
    return write_image(tmp_path_factory.mktemp("image") / "1.png")


def test_a_draft_says_what_the_eye_plans(directory, image):
    """A readout that has learnt nothing is sure of everything by a half."""
    reporter = load_reporter(str(directory))
    (found,) = write_drafts(reporter, [study("", image)])
    assert found.status == "verified", found.reason
    assert found.text == "Cardiomegaly is present. Pleural effusion is seen. No pneumothorax."
    assert [claim.finding for claim in found.plan] == ["cardiomegaly", "effusion", "pneumothorax"]
    heart, effusion, _ = found.plan
    assert (heart.image_id, effusion.site, heart.confidence) == ("S1-0", "pleura", 0.5)
    assert heart.box is not None
    assert heart.box[2] - heart.box[0] == pytest.approx(0.5)  # an image of 64 px has 2 x 2 cells
    assert [s.claims for s in found.sentences] == [(0,), (1,), (2,)]


def test_the_report_of_the_study_is_not_read(directory, image):
    reporter = load_reporter(str(directory))
    one, other = write_drafts(
        reporter, [study("Large mass.", image), study("", image, study_id="S2")]
    )
    assert one.text == other.text


def test_a_study_without_an_image_has_no_draft(directory, image, tmp_path):
    reporter = load_reporter(str(directory))
    found = write_drafts(reporter, [study(""), study("", image, study_id="S2")])
    assert [row.status for row in found] == ["empty", "verified"]
    assert "no image at hand" in found[0].reason
    copy = write_planner(tmp_path / "planner")
    blind(copy / "eye")
    (row,) = write_drafts(load_reporter(str(copy)), [study("", image)])
    assert (row.status, row.text) == ("empty", "")
    assert "looks like a frontal" in row.reason


def test_a_damaged_image_fails_its_study_alone(directory, image, tmp_path):
    broken = tmp_path / "broken.png"
    broken.write_bytes(b"\x89PNG no image")
    lost = Unreadable(_record(), "it went away")
    items = [study("", broken), study("", image, study_id="S2"), lost]
    rows = write_drafts(load_reporter(str(directory)), items)
    assert [row.status for row in rows] == ["failed", "verified", "failed"]
    assert "broken.png" in rows[0].reason
    assert rows[2].reason == "it went away"


def test_a_reporter_travels_to_another_process(directory, image):
    reporter = load_reporter(str(directory))
    again = pickle.loads(pickle.dumps(reporter))
    assert again.model_id == reporter.model_id
    assert again([study("", image)]) == reporter([study("", image)])


def test_the_model_id_changes_with_the_bank(tmp_path):
    directory = write_planner(tmp_path / "planner")
    before = load_reporter(str(directory)).model_id
    rows = (directory / BANK).read_text().splitlines()
    (directory / BANK).write_text("\n".join(rows[:-1]) + "\n")
    assert load_reporter(str(directory)).model_id != before


def test_sentences_of_another_archive_are_refused(tmp_path):
    directory = write_planner(tmp_path / "planner")
    write_archive(directory / "archive.csv").write_text("study_id,report\n1,Nothing else.\n")
    with pytest.raises(ExtractorError, match=r"6 of 6 sentences .* do not stand in the training"):
        load_reporter(str(directory))
    (directory / BANK).write_text("id,count\nx,1\n")
    with pytest.raises(ExtractorError, match="is no bank of sentences"):
        load_reporter(str(directory))


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("no_such", "no reporter 'no_such': give plan, plan:FILE, a model directory"),
        ("plan:/no/such/file", "cannot read the plans in /no/such/file"),
        ("os:getcwd", "cannot load reporter 'os:getcwd'"),
    ],
)
def test_an_unknown_reporter_is_named(name, message):
    with pytest.raises(ConfigError, match=message):
        load_reporter(name)


def test_a_model_that_writes_nothing_is_named(directory):
    with pytest.raises(ConfigError, match="holds a 'eye', which writes no report"):
        load_reporter(str(directory / "eye"))


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("{", "line 1 of .* is no plan"),
        ("[]", "give .*study_id"),
        ('{"study_id": "1"}', "plan"),
        ('{"study_id": "1", "plan": [{"site": "lung"}]}', "a claim needs a finding"),
        ('{"study_id": "1", "plan": [{"finding": "mass", "sight": "x"}]}', "no 'sight'"),
        ('{"study_id": "1", "plan": [{"finding": "mass", "polarity": "no"}]}', "polarity 'no'"),
        ('{"study_id": "1", "plan": [{"finding": "mass", "side": "top"}]}', "side 'top'"),
        ('{"study_id": "1", "plan": [{"finding": "mass", "site": 1}]}', "site is no text"),
        ('{"study_id": "1", "plan": []}\n{"study_id": "1", "plan": []}', "a second plan"),
    ],
)
def test_a_file_that_holds_no_plans_is_refused_by_its_line(tmp_path, line, message):
    path = tmp_path / "plans.jsonl"
    path.write_text(line)
    with pytest.raises(ConfigError, match=message):
        read_plans(path)


def test_plans_of_a_person_are_written(directory):
    reporter = load_reporter(str(directory))
    plans = [
        (Claim("effusion", "present", "pleura", "left", "small"), NO_PNEUMOTHORAX),
        (NORMAL_HEART,),
    ]
    one, other = reporter.write_plans([study(""), study("", study_id="S2")], plans)
    assert one.text == "Small left pleural effusion. No pneumothorax."
    assert other.text == "The heart is normal in size."
    assert one.status == other.status == "verified"


def test_a_run_of_drafts_is_published_and_goes_on(directory, image, tmp_path):
    """Twice the same command: the second run writes nothing, and publishes the same snapshot."""
    archive = tmp_path / "archive.csv"
    archive.write_text("study_id,report,images\na,No effusion.,1.png\nb,Clear.,\n")
    config = DraftConfig(
        archive=str(archive),
        out=str(tmp_path / "out"),
        images=str(image.parent),
        reporter=str(directory),
    )
    report = draft(config, LocalRunner(0))
    assert (report.studies, report.rows, report.verified, report.empty) == (2, 2, 1, 1)
    assert report.empty_studies == ("b: study b has no image at hand: give --images",)
    assert report.written == 2
    again = draft(config, LocalRunner(0))
    assert (again.written, again.snapshot_id) == (0, report.snapshot_id)
    run = Run(config.out, DRAFTS)
    rows = [from_draft_row(row) for t in run.read_snapshot().read_tables() for row in t.to_pylist()]
    assert [row.status for row in rows] == ["verified", "empty"]
    assert json.loads((tmp_path / "out" / "config.json").read_text())["reporter"] == str(directory)


def test_a_plan_that_contradicts_itself_is_a_failed_row(tmp_path):
    """Plans of a file, as `radkg draft --reporter plan:FILE` reads them."""
    path = tmp_path / "plans.jsonl"
    effusion = {"finding": "effusion"}
    lines = [
        {"study_id": "a", "plan": [effusion, effusion | {"polarity": "absent"}]},
        {"study_id": "b", "plan": [effusion | {"side": "left"}]},
        {"study_id": "c", "plan": []},
    ]
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    archive = tmp_path / "archive.csv"
    archive.write_text("study_id,report\n" + "".join(f"{i},No effusion.\n" for i in "abcd"))
    config = DraftConfig(
        archive=str(archive),
        out=str(tmp_path / "out"),
        reporter=f"plan:{path}",
        max_failed=0.5,
    )
    report = draft(config, LocalRunner(0))
    assert (report.verified, report.failed, report.empty) == (1, 2, 1)
    first, second = report.failed_studies
    assert "the plan contradicts itself: effusion at the pleura and effusion at the" in first
    assert "the plan is empty" in second
    assert report.empty_studies == ("d: plans.jsonl holds no plan of the study",)


def test_drafts_need_images():
    with pytest.raises(ConfigError, match="a draft is written from images: give --images"):
        DraftConfig(archive="openi", out="x")
    assert dataclasses.asdict(DraftConfig(archive="openi", out="x", reporter="plan:f"))


def _record() -> dict:
    names = ("subject_id", "archive")
    return dict.fromkeys(names, "x") | {
        "study_id": "S3",
        "study_date": None,
        "fingerprint": "f",
        "images": [],
        "study_views": None,
        "age": None,
        "sex": None,
    }
