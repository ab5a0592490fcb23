"""Confidences that are shares of right answers."""

import random

import pytest

from radkg.metrics.calibration import bin_by_confidence, compute_calibration_error
from radkg.model.calibration import UNCALIBRATED, Calibration
from radkg.schema.linearize import Reading
from radkg.train.calibrating import fit_calibration, list_outcomes
from radkg.train.labelled import LabelledSentence

SPANS = ((0, 5, "OBS-DP"), (6, 14, "OBS-DP"))


def test_without_a_fit_nothing_changes():
    readings = [Reading(SPANS, ((0, 1, "modify"),), (0.0, 1.0), (0.3,)), Reading()]
    assert UNCALIBRATED.calibrate(readings) == readings


def test_each_reading_gets_its_own_confidences_back():
    readings = [
        Reading(SPANS, ((0, 1, "modify"),), (0.2, 0.9), (0.5,)),
        Reading(SPANS[:1], (), (0.7,)),
    ]
    one, other = Calibration(entity_slope=2.0, relation_shift=1.0).calibrate(readings)
    assert one.span_confidences == pytest.approx((0.2**2 / (0.2**2 + 0.8**2), 0.81 / 0.82))
    assert one.link_confidences == pytest.approx((0.7310586,))
    assert other.span_confidences == pytest.approx((0.49 / 0.58,))
    assert (one.spans, one.links, other.links) == (SPANS, readings[0].links, ())
    ends = Calibration(entity_slope=3.0).calibrate([Reading(SPANS, (), (0.0, 1.0))])
    assert all(0 <= sure <= 1 for sure in ends[0].span_confidences)


def make_overconfident(number):
    """Return readings whose confidence c is right in a share of c squared, and the annotations."""
    rng = random.Random(0)
    readings, annotated = [], []
    for _ in range(number):
        sure = rng.uniform(0.5, 1)
        label = "OBS-DP" if rng.random() < sure**2 else "OBS-DA"
        annotated.append(
            LabelledSentence("Small effusion", (SPANS[0], (6, 14, label)), ((0, 1, "modify"),))
        )
        readings.append(Reading(SPANS, ((0, 1, "modify"),), (0.99, sure), (sure,)))
    return readings, annotated


def measure(readings, annotated):
    return [
        compute_calibration_error(bin_by_confidence(pairs))
        for pairs in list_outcomes(readings, annotated)
    ]


def test_a_reader_too_sure_of_itself_is_calibrated():
    readings, annotated = make_overconfident(2000)
    calibration = fit_calibration(readings, annotated)
    before, after = (
        measure(readings, annotated),
        measure(calibration.calibrate(readings), annotated),
    )
    assert min(before) > 0.05
    assert max(after) < 0.03
    new, found = make_overconfident(300)
    assert fit_calibration(readings, annotated) == calibration
    assert max(measure(calibration.calibrate(new), found)) < min(before)


def test_a_reader_that_reads_nothing_or_all_right_is_fitted_too():
    annotated = [LabelledSentence("Small effusion", SPANS, ())] * 5
    assert fit_calibration([Reading()] * 5, annotated) == UNCALIBRATED
    right = [Reading(SPANS, (), (0.9, 0.8))] * 5
    (found, *_) = fit_calibration(right, annotated).calibrate(right)
    assert min(found.span_confidences) > 0.8
