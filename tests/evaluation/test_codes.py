"""Target `codes`, on a small archive of its own."""

import dataclasses
import json

import pytest

from radkg.errors import ConfigError, ExtractorError
from radkg.evaluation import evaluate, make_report, open_evaluation_set
from radkg.evaluation.readers import apply_condition, read_codes
from radkg.gold.coded import load_coded_studies
from radkg.rules import RulesExtractor
from radkg.schema.codes import Codes
from tests.evaluation.coded_archive import NUM_TEST, coded_archive
from tests.evaluation.readers import Alarmed, Broken, Failing, Oracle
from tests.support.runs.extractors import Words


@pytest.fixture(scope="module")
def archive(tmp_path_factory):
    return str(coded_archive(tmp_path_factory.mktemp("coded") / "a.tgz"))


@pytest.fixture(scope="module")
def golds(archive):
    return {
        study.study_id: gold
        for coded in (load_coded_studies(archive, split) for split in ("train", "test"))
        for study, gold in zip(coded.studies, coded.golds, strict=True)
    }


@pytest.fixture(scope="module")
def perfect(archive, golds):
    return evaluate(archive, Oracle(golds), target="codes")


def test_an_oracle_is_right_in_everything_that_is_counted(perfect):
    assert perfect["findings"]["f1"] == perfect["triplets"]["f1"] == 1
    assert perfect["triplets_relaxed"]["f1"] == 1
    assert {row["f1"] for row in perfect["per_relation"].values()} == {1}
    assert perfect["normal_reports"] == {"total": NUM_TEST // 4, "with_false_triplet": 0}
    assert perfect["intervals_95"]["false_triplet_rate"] == [0, 0]
    rates = perfect["rates"]
    assert rates["validity"]["rate"] == 1
    assert rates["hallucination"]["codes"]["rate"] == rates["hallucination"]["report"]["rate"] == 0
    assert rates["contradiction"]["report"]["rate"] == 0
    assert perfect["calibration"]["triplets"]["expected_calibration_error"] == pytest.approx(0.1)


def test_text_metrics_state_their_policies_and_the_control_of_order(perfect):
    row, plain, shuffled, control = perfect["text_metrics"]
    assert (row["of"], row["format"], row["order"], row["tokeniser"]) == (
        "prediction",
        "list",
        "sorted",
        "whitespace",
    )
    assert plain["format"] == "plain"
    assert row["bleu_4"] == plain["bleu_4"] == row["rouge_l"] == 1
    assert shuffled == {**control, "of": "prediction"}
    assert control["bleu_4"] < 0.9


def test_floors_stand_beside_it_on_the_same_studies(perfect):
    assert list(perfect["floors"]) == ["constant", "lexicon", "lexicon_negation", "ngram", "rules"]
    ngram = perfect["floors"]["ngram"]
    assert ngram["triplets"]["f1"] > perfect["floors"]["constant"]["triplets"]["f1"]
    assert ngram["normal_reports_with_false_triplet"] == 0
    assert all(row["comparable"] is False and row["reason"] for row in perfect["published"])


def test_answers_of_other_images_stand_beside_those_of_the_image(archive, golds):
    """They are as many, of as many kinds, and right by chance alone."""
    eval_set = open_evaluation_set(archive)
    found = make_report(
        dataclasses.replace(eval_set, images="somewhere"),
        Oracle(golds, "image"),
        target="codes",
        floors="quick",
    )
    other = found["floors"]["other_image"]
    assert found["findings"]["f1"] == 1
    assert other["findings"]["f1"] < 0.9
    assert other["findings"]["precision"] == other["findings"]["recall"]
    assert "other_image" in found["definitions"]


def test_the_report_is_json_and_defines_what_it_states(perfect):
    assert json.loads(json.dumps(perfect)) == perfect
    for name in ("findings", "triplets", "normal_reports", "per_relation", "calibration"):
        assert perfect["definitions"][name]
    for name in (*perfect["rates"], "text_metrics", "published", "intervals_95"):
        assert perfect["definitions"][name]
    assert (perfect["target"], perfect["condition"]) == ("codes", "report")


def test_the_ngram_model_is_a_reader_itself(archive):
    found = evaluate(archive, "ngram", target="codes")
    assert found["extractor"] == "ngram"
    assert found["triplets"] == found["floors"]["ngram"]["triplets"]
    assert found["triplets"]["f1"] > 0.9


def test_inventions_are_counted_against_codes_report_and_denials(archive, golds):
    found = evaluate(archive, Alarmed(golds), target="codes", floors="quick")
    assert list(found["floors"]) == ["constant", "lexicon", "lexicon_negation"]
    assert found["rates"]["hallucination"]["codes"] == {
        "rate": 1.0,
        "of": NUM_TEST,
        "interval_95": [1.0, 1.0],
    }
    assert found["rates"]["hallucination"]["report"]["rate"] == 1
    # one text in four says that there is no effusion
    assert found["rates"]["contradiction"]["report"]["rate"] == 0.25
    assert found["normal_reports"]["with_false_triplet"] == NUM_TEST // 4
    (row,) = found["calibration"]["triplets"]["bins"]
    assert (row["count"], row["accuracy"]) == (NUM_TEST, 0)


def test_a_study_that_fails_costs_itself_alone(archive, golds):
    found = evaluate(archive, Failing(golds), target="codes", floors="quick")
    assert found["failed"] == NUM_TEST // 4
    assert found["rates"]["validity"]["rate"] == 0.75
    assert found["triplets"]["f1"] == 1


def test_a_reader_that_always_fails_says_why(archive, golds):
    with pytest.raises(ExtractorError, match=r"oracle failed on every study: .*no weights"):
        evaluate(archive, Broken(golds), target="codes", floors="quick")


def test_images_choose_the_studies_of_every_condition(archive, golds, tmp_path):
    test_ids = [s.study_id for s in load_coded_studies(archive, "test").studies]
    for study_id in test_ids[:5]:
        (tmp_path / f"{study_id}_IM-1.png").write_bytes(b"never opened here")
    for condition in ("report", "image", "image+report"):
        found = evaluate(
            archive,
            Oracle(golds),
            target="codes",
            condition=condition,
            images=str(tmp_path),
            floors="quick",
        )
        assert (found["studies"], found["without_image"]) == (5, NUM_TEST - 5)
        assert found["condition"] == condition


def test_without_images_a_reader_that_can_is_put_under_the_report_alone(archive, golds):
    found = evaluate(archive, Oracle(golds, "image+report"), target="codes", floors="quick")
    assert found["condition"] == "report"


def test_one_evaluation_set_serves_several_readers_with_the_floors_made_once(
    archive, golds, perfect
):
    eval_set = open_evaluation_set(archive)
    assert make_report(eval_set, Oracle(golds), target="codes") == perfect
    other = make_report(eval_set, Alarmed(golds), target="codes")
    assert other["floors"] == perfect["floors"]
    assert make_report(eval_set, "ngram", target="codes")["model_id"] == eval_set.ngram.model_id


def test_what_cannot_be_asked_is_refused(archive, golds):
    with pytest.raises(ExtractorError, match="rules writes no codes: --target copy"):
        evaluate(archive, "rules", target="codes")
    with pytest.raises(ExtractorError, match="oracle extracts nothing: --target codes"):
        evaluate(archive, Oracle(golds))
    with pytest.raises(ConfigError, match="needs --images"):
        evaluate(archive, Oracle(golds), target="codes", condition="image")
    with pytest.raises(ExtractorError, match="words reads report, not image"):
        apply_condition(Words(), "image")
    for wrong in ({"target": "x"}, {"condition": "x"}, {"floors": "x"}):
        with pytest.raises(ValueError, match="'x' is none of"):
            evaluate(archive, RulesExtractor(), **wrong)


class Saying:
    name, model_id, condition = "saying", "1", "report"

    def __init__(self, codes):
        self.said = codes

    def read_codes(self, studies):
        return [Codes((), ()) if s.study_id.endswith("x") else self.said for s in studies]


@pytest.mark.parametrize(
    "wrong",
    [
        Codes((), ((("a", "near", "b"), 0.5),)),
        Codes((), ((("a", "modify", ""), 0.5),)),
        Codes((("a", 1.5),), ()),
        Codes((("a", float("nan")),), ()),
    ],
)
def test_wrong_codes_fail_their_study(archive, wrong):
    studies = load_coded_studies(archive, "test").studies[:1]
    with pytest.raises(ExtractorError, match=r"study CXR\d+: ValueError"):
        read_codes(Saying(wrong), studies)


def test_sites_have_one_name():
    said = Codes((), ((("effusion", "located_at", "pleural"), 0.5),))
    (codes,) = read_codes(Saying(said), [_study()])
    assert codes.triplets == ((("effusion", "located_at", "pleura"), 0.5),)


def _study():
    from tests.rules.reading import study

    return study("Effusion.")
