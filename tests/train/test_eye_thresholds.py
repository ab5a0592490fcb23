"""Thresholds of an eye: the best findings that few normal studies pay for."""

import dataclasses

from radkg.gold.coded import CodedStudies
from radkg.gold.filing import list_gold_findings, list_gold_triplets
from radkg.model.vision.eye import EyeConfig
from radkg.schema.codes import Codes
from radkg.train.eye_thresholds import choose_eye_thresholds
from tests.train.test_supervision import coded

AT_BASE = ("opacity", "located_at", "base")
NUM = 20
HELD_OUT: CodedStudies = coded(
    *[(f"Opacity {i}.", ["Opacity/lung/base"]) for i in range(NUM)],
    *[(f"Clear {i}.", ["normal"]) for i in range(NUM)],
)
CONFIG = EyeConfig(findings=("opacity",), triplets=(AT_BASE,))


def see(abnormal_from, normal_to):
    """Return codes that tell most opacities from most normal studies."""
    sure = [abnormal_from + i * (1 - abnormal_from) / NUM for i in range(NUM)]
    sure += [i * normal_to / NUM for i in range(NUM)]
    return [Codes((("opacity", c),), ((AT_BASE, c),)) for c in sure], sure


def count_accused(config, found, abnormal):
    return sum(
        sure >= config.abnormal_threshold and codes.findings[0][1] >= config.finding_threshold
        for codes, sure in list(zip(found, abnormal, strict=True))[NUM:]
    )


def test_a_finding_is_given_where_it_is_mostly_right():
    assert list_gold_findings(HELD_OUT.golds[0]) == {"opacity"}
    assert AT_BASE in list_gold_triplets(HELD_OUT.golds[0])
    found, abnormal = see(0.5, 0.4)
    config = choose_eye_thresholds(CONFIG, found, abnormal, HELD_OUT)
    assert count_accused(config, found, abnormal) == 0
    limits = (config.abnormal_threshold, config.finding_threshold, config.triplet_threshold)
    assert max(limits) <= 0.5
    assert 0 < config.sure_threshold <= 0.4
    assert config.findings == CONFIG.findings


def test_at_most_a_tenth_of_the_normal_studies_is_accused_whatever_that_costs():
    found, abnormal = see(0.2, 0.9)
    config = choose_eye_thresholds(CONFIG, found, abnormal, HELD_OUT)
    assert count_accused(config, found, abnormal) <= NUM // 10
    assert max(config.abnormal_threshold, config.finding_threshold) > 0.7


def test_what_is_never_right_is_never_sure():
    found, abnormal = see(0.5, 0.4)
    wrong = [Codes(c.findings, ((("mass", "located_at", "apex"), 0.9),)) for c in found]
    config = choose_eye_thresholds(
        dataclasses.replace(CONFIG, triplets=(("mass", "located_at", "apex"),)),
        wrong,
        abnormal,
        HELD_OUT,
    )
    assert config.sure_threshold == 1.0
