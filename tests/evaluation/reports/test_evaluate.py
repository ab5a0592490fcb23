"""`radkg evaluate --target report`, on an invented archive and on Open-i."""

import json

import pytest
from typer.testing import CliRunner

from radkg.cli.app import app
from radkg.errors import ConfigError, SchemaError
from radkg.evaluation.reports import evaluate_reports
from radkg.evaluation.reports.floors import FLOORS, write_floors
from radkg.evaluation.reports.reading import TextReader
from radkg.evaluation.reports.studies import open_report_set
from radkg.evaluation.reports.table import list_report_notes, make_report_tables
from radkg.evaluation.reports.yardstick import Yardstick
from radkg.rules import RulesExtractor
from tests.evaluation.reports.invented import NUM_TEST, Knowing, Parrot, plan_codes
from tests.support.archives.data import require_data

RULES = ("rules",)


def invoke(*arguments):
    return CliRunner().invoke(app, ["evaluate", "--target", "report", *arguments])


@pytest.fixture(scope="module")
def report(invented):
    archive, images = invented
    return evaluate_reports(archive, Knowing(), images, plan_codes=plan_codes)


@pytest.fixture(scope="module")
def predictions(invented, tmp_path_factory):
    archive, _ = invented
    path = tmp_path_factory.mktemp("predictions") / "theirs.jsonl"
    scored = open_report_set(archive).scored
    rows = [{"study_id": study.study_id, "text": "Clear."} for study in scored.studies]
    rows[0]["text"] = ""
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return str(path)


def test_a_reporter_stands_beside_every_floor_by_every_reader(report):
    assert json.loads(json.dumps(report)) == report
    assert (report["reporter"], report["studies"]) == ("knowing", NUM_TEST)
    for part, studies in (("whole", NUM_TEST), ("findings", NUM_TEST - 2)):
        assert report[part]["studies"] == studies
        texts = report[part]["texts"]
        assert list(texts) == ["reporter", "shuffled_images", "oracle_plans", *FLOORS]
        for found in texts.values():
            assert list(found["read_by"]) == list(report["readers"]) == ["rules", "onepass"]
    assert set(FLOORS) < set(report["definitions"])


def test_who_knows_the_study_is_better_than_who_does_not(report):
    texts = report["whole"]["texts"]
    f1 = {name: found["read_by"]["rules"]["findings"]["f1"] for name, found in texts.items()}
    assert f1["reporter"] == f1["oracle_plans"] == f1["true_report"] == f1["oracle_codes"] == 1
    assert max(f1["shuffled_images"], f1["constant"], f1["most_common"]) < 0.7
    shuffled, own = texts["shuffled_images"]["words"], texts["reporter"]["words"]
    assert shuffled["cider"] < own["cider"]
    assert report["statuses"]["unverified"] == {"drafts": NUM_TEST, "share": 1}


def test_without_plans_or_images_their_rows_are_left_out(invented):
    archive, images = invented
    planless = evaluate_reports(archive, Parrot(), images, readers=RULES, plan_codes=plan_codes)
    assert "oracle_plans" not in planless["whole"]["texts"]
    floors = evaluate_reports(archive, None, readers=RULES)
    assert set(FLOORS) - set(floors["whole"]["texts"]) == {"nearest_image", "predicted_codes"}
    assert "without --images" in " ".join(list_report_notes(floors))
    assert floors["reporter"] is floors["statuses"] is None


def test_the_tables_hold_every_text(report):
    tables = make_report_tables(report)
    titles = [table.title for table in tables]
    assert len(set(titles)) == len(tables) == 8
    assert "human codes, read by rules" in titles[0]
    for table in tables:
        assert {len(row) for row in table.rows} == {len(table.columns)}
        assert [row[0] for row in table.rows][:2] == ["knowing", "shuffled_images"]
    notes = " ".join(list_report_notes(report))
    assert "1 with a text that stands in training" in notes
    assert "unverified 100.0%" in notes


def test_the_command_scores_texts_of_anybody(invented, predictions, tmp_path):
    archive, _ = invented
    pairs = tmp_path / "pairs.jsonl"
    done = invoke(
        *("--archive", archive, "--readers", "rules"),
        *("--predictions", predictions, "--export-pairs", str(pairs)),
    )
    assert "theirs.jsonl" in done.stdout
    assert "left out studies: 1 with a text that stands in training" in done.stdout
    assert "without a text: 1 studies" in done.stdout
    assert len(pairs.read_text().splitlines()) == NUM_TEST + 1


def test_the_command_scores_a_reporter_of_the_user(invented):
    archive, images = invented
    done = invoke(
        *("--archive", archive, "--images", images, "--readers", "rules", "--json"),
        *("--reporter", "tests.evaluation.reports.invented:make_knowing"),
    )
    printed = json.loads(done.stdout)
    assert (printed["reporter"], printed["model_id"]) == ("knowing", "parrot-1")
    assert printed["whole"]["texts"]["reporter"]["read_by"]["rules"]["findings"]["f1"] == 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--extractor", "rules"], "--extractor is for --target copy, codes or radgraph, not"),
        (["--floors", "all"], "--floors is for --target copy or codes, not for --target report"),
        (["--split", "train"], "--split dev"),
        (["--reporter", "x"], "needs --images"),
        (["--reporter", "x", "--images", "."], "no reporter 'x'"),
        ([], "needs --images"),
        (["--reporter", "x", "--predictions", "y"], "leave --reporter out"),
        (["--predictions", "y", "--readers", ","], "at least one"),
        (["--target", "copy", "--split", "dev"], "--split dev is for --target report"),
        (["--target", "copy", "--export-pairs", "y"], "--export-pairs is for --target report"),
    ],
)
def test_what_does_not_fit_is_refused(arguments, message):
    error = invoke(*arguments).exception
    assert isinstance(error, ConfigError)
    assert message in str(error)


def test_predictions_that_do_not_fit_are_refused_before_the_work(tmp_path):
    (tmp_path / "wrong.jsonl").write_text("Clear.\n")
    done = invoke("--archive", "/no/such", "--predictions", str(tmp_path / "wrong.jsonl"))
    assert isinstance(done.exception, SchemaError)


@pytest.mark.long
def test_two_floors_of_open_i_are_as_they_were_measured_before():
    """BLEU-4 of the best constant and findings-F1 of random reports, against findings alone."""
    report_set = open_report_set("openi", "test", str(require_data("openi/images")))
    reader = TextReader(RulesExtractor(), report_set.filing)
    yardstick = Yardstick("findings", report_set, (reader,))
    texts = write_floors(report_set, "findings", yardstick.indices, None)
    assert len(yardstick.indices) == 462
    constant, drawn = map(yardstick.score_texts, (texts["constant"], texts["random_training"]))
    assert constant["words"]["bleu_4"] == pytest.approx(0.169, abs=0.005)
    assert drawn["read_by"]["rules"]["findings"]["f1"] == pytest.approx(0.069, abs=0.02)
