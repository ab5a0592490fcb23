"""Target `copy` of an extractor that is not the rules, on a small archive of its own."""

import dataclasses

import pytest

from radkg.evaluation import evaluate
from radkg.evaluation.unseen import list_unseen_sentences
from radkg.rules import RulesExtractor
from tests.evaluation.coded_archive import NUM_TEST, coded_archive
from tests.rules.reading import study


class Student(RulesExtractor):
    """The rules under another name."""

    name = "student"

    def __init__(self):
        super().__init__()
        self.model_id = "student-1"

    def __call__(self, studies):
        return [self.change(row) for row in super().__call__(studies)]

    def change(self, row):
        return row


class Contrary(Student):
    """Says the opposite of every observation."""

    def change(self, row):
        flipped = {"OBS-DP": "OBS-DA", "OBS-DA": "OBS-DP"}
        entities = tuple(
            dataclasses.replace(e, label=flipped.get(e.label, e.label)) for e in row.entities
        )
        return dataclasses.replace(row, entities=entities)


class Inventive(Student):
    """Names every observation something that no report says."""

    def change(self, row):
        entities = tuple(
            dataclasses.replace(e, concept="unheard") if e.label == "OBS-DP" else e
            for e in row.entities
        )
        return dataclasses.replace(row, entities=entities)


@pytest.fixture(scope="module")
def archive(tmp_path_factory):
    return str(coded_archive(tmp_path_factory.mktemp("coded") / "a.tgz"))


def test_a_perfect_student_agrees_with_the_rules_and_scores_as_they_do(archive):
    rules, student = evaluate(archive, "rules"), evaluate(archive, Student())
    for name in ("findings", "triplets", "normal_reports", "classes", "text_metrics"):
        assert student[name] == rules[name]
    assert rules["silver"] is None
    silver = student["silver"]
    assert silver["sentences"] == NUM_TEST  # the sentence on the rib is each study's own
    assert silver["entities"]["f1"] == silver["triplets"]["f1"] == 1
    assert silver["triplets_relaxed"]["f1"] == 1
    assert silver["f1_radgraph"]["complete"] == 1
    texts = silver["text_metrics"]
    assert [t["order"] for t in texts] == ["report", "report", "sorted", "shuffled", "shuffled"]
    assert texts[0]["bleu_4"] == 1 > texts[3]["bleu_4"]
    assert student["rates"]["contradiction"]["silver"]["rate"] == 0
    assert student["rates"]["hallucination"]["silver"]["rate"] == 0
    assert student["calibration"]["bins"][0]["accuracy"] == 1


def test_there_is_no_silver_where_every_sentence_was_seen(archive):
    report = evaluate(archive, Student(), "train")
    assert (report["silver"], report["calibration"]) == (None, None)
    assert report["rates"]["contradiction"]["silver"]["rate"] == 0


def test_flipped_polarity_is_contradiction_and_no_hallucination(archive):
    report = evaluate(archive, Contrary())
    assert report["rates"]["contradiction"]["silver"]["rate"] == 1
    assert report["rates"]["contradiction"]["codes"]["rate"] > 0.2
    assert report["rates"]["hallucination"]["silver"]["rate"] == 0
    assert report["silver"]["entities"]["f1"] < 1
    assert report["silver"]["triplets_relaxed"]["f1"] == 1


def test_names_that_nobody_said_are_hallucinations(archive):
    report = evaluate(archive, Inventive())
    rate = report["rates"]["hallucination"]["silver"]
    low, high = rate["interval_95"]
    assert 0 < low <= rate["rate"] <= high <= 1
    assert report["rates"]["contradiction"]["silver"]["rate"] == 0


def test_a_sentence_is_unseen_whatever_its_capitals_and_blanks():
    training = [study("Clear lungs. Small  effusion.")]
    found = list_unseen_sentences(
        training, [study("CLEAR LUNGS. Small effusion. New opacity. New  opacity.")]
    )
    assert found == ["New  opacity"]
