import dataclasses
import json

import pytest

from radkg.errors import ArchiveError, ExtractorError
from radkg.evaluation import evaluate, has_asserted_finding
from radkg.extractor import load_extractor
from radkg.rules import RulesExtractor
from tests.rules.reading import study
from tests.support.archives.openi import make_studies, write_tar


@pytest.fixture(scope="module")
def report():
    return evaluate("openi", "rules")


def test_findings_reach_the_goal_on_the_test_split(report):
    assert report["findings"]["f1"] >= 0.90


def test_triplets_are_clearly_above_every_floor(report):
    floors = report["floors"]
    assert set(floors) == {"constant", "lexicon", "lexicon_negation"}
    for floor in floors.values():
        assert report["triplets"]["f1"] > floor["triplets"]["f1"] + 0.05
        assert report["findings"]["f1"] > floor["findings"]["f1"]
    crude = floors["lexicon_negation"]["normal_reports_with_false_triplet"]
    assert report["normal_reports"]["with_false_triplet"] < crude


def test_the_split_is_by_text(report):
    assert (report["split"], report["studies"], report["failed"]) == ("test", 575, 0)
    assert 0 < report["normal_reports"]["with_false_triplet"] < report["normal_reports"]["total"]


def test_the_report_is_json_with_its_definitions(report):
    again = json.loads(json.dumps(report))
    assert again == report
    for name in ("findings", "triplets", "triplets_as_stated"):
        assert set(report[name]) == {"precision", "recall", "f1"}
        assert report["definitions"][name]
    assert (report["extractor"], len(report["model_id"])) == ("rules", 16)
    low, high = report["intervals_95"]["findings_f1"]
    assert low < report["findings"]["f1"] < high
    assert len(report["classes"]) >= 40
    assert next(iter(report["classes"])) in ("degenerative", "opacity")


class Silent(RulesExtractor):
    """Finds nothing."""

    name = "silent"

    def __call__(self, studies):
        empty = {"status": "failed", "reason": "says nothing", "entities": (), "relations": ()}
        return [dataclasses.replace(row, **empty) for row in super().__call__(studies)]


def test_an_extractor_that_finds_nothing_scores_nothing():
    report = evaluate("openi", Silent())
    assert report["findings"] == {"precision": 0.0, "recall": 0.0, "f1": 0.0}
    assert report["normal_reports"]["with_false_triplet"] == 0
    assert (report["extractor"], report["failed"]) == ("silent", report["studies"])


@pytest.mark.parametrize(
    ("sentence", "expected"),
    [
        ("Heart size is normal.", False),
        ("No effusion in the left base.", False),
        ("Possible opacity in the left base.", False),
        ("Stable mediastinal contours.", False),
        ("Normal interstitial markings.", False),
        ("Clear left lung.", False),
        ("Mild edema.", True),
        ("Opacity in the left base.", True),
        ("Tortuous aorta.", True),
        ("Left pacemaker.", True),
    ],
)
def test_what_counts_as_a_false_triplet(sentence, expected):
    (extraction,) = RulesExtractor()([study(sentence)])
    assert has_asserted_finding(extraction) is expected


def test_a_degree_of_normality_is_no_finding():
    (extraction,) = load_extractor("onepass")(
        [study("Negative chest. Bony thorax and soft tissues grossly unremarkable.")]
    )
    assert {"normal"} <= {entity.concept for entity in extraction.entities}
    assert "grossly" in {entity.concept for entity in extraction.entities}
    assert not has_asserted_finding(extraction)


def test_an_archive_without_a_test_split_is_refused(tmp_path):
    path = write_tar(tmp_path / "few.tgz", make_studies(3))
    with pytest.raises(ArchiveError, match="no coded study in split 'test'"):
        evaluate(str(path), "rules")


def test_wrong_arguments_are_refused():
    with pytest.raises(ValueError, match="split 'dev'"):
        evaluate("openi", "rules", "dev")
    with pytest.raises(ExtractorError):
        evaluate("openi", "nonesuch")
