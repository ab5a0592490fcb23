"""What `radkg evaluate` prints."""

import json

import pytest
from typer.testing import CliRunner

from radkg.cli.app import app, run
from radkg.evaluation import check_question
from tests.evaluation.coded_archive import coded_archive
from tests.support.runs import EXTRACTORS


@pytest.fixture(scope="module")
def archive(tmp_path_factory):
    return str(coded_archive(tmp_path_factory.mktemp("coded") / "a.tgz"))


def printed(*arguments):
    done = CliRunner().invoke(app, ["evaluate", *arguments], env={"COLUMNS": "120"})
    assert done.exit_code == 0, done.output
    return done.stdout


def test_people_see_the_extractor_its_floors_and_what_the_figures_were_measured_on(archive):
    text = printed("--archive", archive, "--extractor", "ngram", "--target", "codes")
    for words in ("ngram (codes)", "lexicon_negation", "rules", "24 studies (test)"):
        assert words in text
    assert "hallucination report: 0.000 [0.000, 0.000] of" in text
    assert "(prediction, list, order sorted, whitespace)" in text
    assert "(gold, list, order shuffled, whitespace)" in text
    assert "contradiction report: " in text


def test_json_is_one_line_with_target_and_condition(archive):
    text = printed("--archive", archive, "--extractor", f"{EXTRACTORS}:words", "--json")
    report = json.loads(text)
    assert (report["target"], report["condition"]) == ("copy", "report")
    assert report["silver"]["sentences"] == 24


def test_the_silver_figures_are_printed_too(archive):
    text = printed("--archive", archive, "--extractor", f"{EXTRACTORS}:words")
    assert "silver, 24 unseen sentences: entities" in text


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--target", "x"], "'x' is not one of 'copy', 'codes'"),
        (["--split", "x"], "'x' is not one of 'train', 'dev', 'test'"),
        (["--condition", "x"], "'x' is not one of"),
        (["--floors", "x"], "'x' is not one of 'quick', 'all'"),
        (["--condition", "image"], "needs --images"),
    ],
)
def test_a_wrong_name_is_a_usage_error(archive, capfd, arguments, message):
    with pytest.raises(SystemExit) as end:
        run(app, ["evaluate", "--archive", archive, "--extractor", "rules", *arguments])
    assert end.value.code == 2
    assert message in " ".join(capfd.readouterr().err.replace("│", " ").split())


@pytest.mark.parametrize("wrong", ["target", "condition", "floors", "split"])
def test_a_wrong_name_is_a_value_error_in_a_notebook(wrong):
    question = {"split": "test", "target": "copy", "condition": None, "images": None}
    question |= {"floors": None, wrong: "x"}
    with pytest.raises(ValueError, match=f"{wrong} 'x' is none of"):
        check_question(question.pop("split"), **question)
