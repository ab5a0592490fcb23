"""The texts that a generator learns, and the figures of what it wrote."""

import pytest

from radkg.gold.coded import load_coded_studies
from radkg.gold.filing import fit_filing
from radkg.rules import RulesExtractor
from radkg.schema.records import Section, Study
from radkg.train.reports.scores import compute_bleu_4, read_written
from radkg.train.reports.texts import make_target


def make_study(**sections: str) -> Study:
    report, found = "", []
    for name, text in sections.items():
        found.append(Section(name, len(report), len(report) + len(text)))
        report += text + "\n\n"
    return Study("s", "p", "a", None, report, tuple(found), (), None, "f")


@pytest.mark.parametrize(
    ("sections", "target"),
    [
        (
            {"indication": "Pain.", "findings": "Heart is\nnormal. ", "impression": "No edema"},
            "Heart is normal. No edema.",
        ),
        ({"findings": "XXXX lungs are clear. No effusion."}, "No effusion."),
        ({"findings": "Compared to ___. No effusion."}, "No effusion."),
        ({"impression": "1. Effusion. 2. Old rib fracture."}, "Effusion. Old rib fracture."),
        ({"findings": "XXXX."}, ""),
        ({"comparison": "None."}, ""),
        ({"findings": " . "}, ""),
    ],
)  # fmt: skip
def test_a_target_is_findings_and_impression_without_masks(sections, target):
    assert make_target(make_study(**sections)) == target


@pytest.mark.long
def test_no_target_of_open_i_holds_a_mask():
    coded = load_coded_studies("openi", "train")
    targets = [make_target(study) for study in coded.studies]
    assert sum(map(bool, targets)) > 3000
    assert not any("xx" in target.lower() for target in targets)


def test_bleu_is_of_words_whatever_their_case():
    text = "The heart is normal. No effusion is seen."
    assert compute_bleu_4([text], [text.lower()]) == 1.0
    assert 0 < compute_bleu_4([text], ["The heart is normal. No edema is seen."]) < 1
    assert compute_bleu_4([text], [""]) == 0.0
    assert compute_bleu_4([], []) == 0.0


def test_written_texts_are_read_as_coders_would_file_them(place):
    coded = load_coded_studies(str(place.archive), "train")
    filing = fit_filing(RulesExtractor()(coded.studies), coded.golds)
    texts = ["There is a left pleural effusion.", "No pleural effusion.", ""]
    assert [one.findings for one in read_written(texts, filing)] == [{"effusion"}, set(), set()]
