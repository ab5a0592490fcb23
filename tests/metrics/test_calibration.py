import pytest

from radkg.metrics.calibration import bin_by_confidence, compute_calibration_error
from radkg.metrics.figures import measure_calibration


def test_bins_by_hand():
    pairs = [(0.05, False), (0.15, False), (0.15, True), (0.95, True), (1.0, True)]
    bins = bin_by_confidence(pairs)
    assert [b.count for b in bins] == [1, 2, 0, 0, 0, 0, 0, 0, 0, 2]
    assert (bins[1].confidence, bins[1].accuracy) == (pytest.approx(0.15), 0.5)
    assert (bins[5].confidence, bins[5].accuracy) == (None, None)
    # (1 * 0.05 + 2 * 0.35 + 2 * 0.025) / 5
    assert compute_calibration_error(bins) == pytest.approx(0.16)


def test_a_border_belongs_to_the_bin_above_it_and_1_to_the_last():
    assert [b.count for b in bin_by_confidence([(0.5, True), (1.0, True)], 2)] == [0, 2]


def test_nothing_has_no_error():
    assert compute_calibration_error(bin_by_confidence([])) == 0
    assert measure_calibration([]) == {"expected_calibration_error": 0, "bins": []}


def test_wrong_arguments_are_refused():
    for confidence in (-0.1, 1.1, float("nan")):
        with pytest.raises(ValueError, match=r"outside \[0, 1\]"):
            bin_by_confidence([(confidence, True)])
    with pytest.raises(ValueError, match="at least 1"):
        bin_by_confidence([], 0)
