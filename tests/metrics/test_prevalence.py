import random

import pytest

from radkg.metrics.prevalence import ErrorCounts, correct_prevalence

PERFECT = ErrorCounts(10**7, 0, 10**7, 0)


def test_rogan_and_gladen_by_hand():
    """30 % read as present, sensitivity .8, specificity .9: (.3 + .9 - 1) / (.8 + .9 - 1)."""
    found = correct_prevalence(300, 1000, ErrorCounts(80, 20, 90, 10))
    assert found is not None
    assert found.rate == pytest.approx(0.2 / 0.7)
    assert found.low < found.rate < found.high


def test_a_perfect_reader_leaves_the_interval_of_agresti_and_coull():
    """50 of 100: (50 + z^2 / 2) / (100 + z^2) = .5, half width z sqrt(.25 / (100 + z^2))."""
    found = correct_prevalence(50, 100, PERFECT)
    assert found is not None
    assert found == pytest.approx((0.5, 0.40383, 0.59617), abs=1e-4)


def test_an_error_that_is_less_well_known_widens_the_interval():
    widths = []
    for scale in (1, 10, 1000):
        counts = ErrorCounts(8 * scale, 2 * scale, 9 * scale, scale)
        found = correct_prevalence(300, 1000, counts)
        assert found is not None
        widths.append(found.high - found.low)
    assert widths[0] > widths[1] > widths[2]


@pytest.mark.parametrize(
    ("studies", "of", "error"),
    [
        (0, 0, PERFECT),
        (1, 10, ErrorCounts(0, 0, 10, 0)),
        (1, 10, ErrorCounts(10, 0, 0, 0)),
        (1, 10, ErrorCounts(50, 50, 50, 50)),  # a coin
        (1, 10, ErrorCounts(10, 90, 10, 90)),
        (1, 10, ErrorCounts(2, 0, 0, 1)),  # specificity 0
        (1, 1000, ErrorCounts(80, 20, 90, 10)),  # by error alone it would be 100
        (999, 1000, ErrorCounts(80, 20, 90, 10)),
    ],
)
def test_where_nothing_can_be_said(studies, of, error):
    assert correct_prevalence(studies, of, error) is None


def test_a_prevalence_stays_one():
    """Fewer are read as present than the false positives alone would be, but not by much."""
    found = correct_prevalence(9, 100, ErrorCounts(80, 20, 90, 10))
    assert found is not None
    assert found.rate == found.low == 0
    assert 0 < found.high < 0.3


@pytest.mark.parametrize(
    ("prevalence", "sensitivity", "specificity"),
    [(0.05, 0.8, 0.99), (0.2, 0.9, 0.95), (0.5, 0.7, 0.9), (0.01, 0.95, 0.995)],
)
def test_the_interval_covers_the_truth_as_often_as_it_says(prevalence, sensitivity, specificity):
    """Drawn again and again, as if from a population and from a validation study of 575."""
    draw = random.Random(0)

    def binomial(n: int, p: float) -> int:
        return sum(draw.random() < p for _ in range(n))

    covered, trials = 0, 300
    for _ in range(trials):
        with_finding = max(1, binomial(575, prevalence))
        true_positives = binomial(with_finding, sensitivity)
        true_negatives = binomial(575 - with_finding, specificity)
        error = ErrorCounts(
            true_positives,
            with_finding - true_positives,
            true_negatives,
            575 - with_finding - true_negatives,
        )
        apparent = prevalence * sensitivity + (1 - prevalence) * (1 - specificity)
        found = correct_prevalence(binomial(1000, apparent), 1000, error)
        covered += found is not None and found.low <= prevalence <= found.high
    assert covered / trials > 0.92
