"""Figures over several seeds: the mean, and an interval that grows with what differs."""

import random

import pytest

from radkg.experiments.seeds import estimate_auroc, estimate_counts
from radkg.metrics.auroc import compute_macro_auroc


def compute_share(sums) -> float:
    return float(sums[0] / sums[1])


def test_the_mean_over_the_seeds_has_an_interval_of_seeds_and_studies():
    same = [[(1, 1)] * 5 + [(0, 1)] * 5] * 3
    figure = estimate_counts(same, compute_share, 10)
    assert figure.value == 0.5
    assert figure.of == 10
    assert 0.15 < figure.low < 0.35 < 0.65 < figure.high < 0.85  # ten studies say little
    # each seed answers all studies alike: other studies change nothing, another seed does
    apart = [[(1, 1)] * 10, [(0, 1)] * 10, [(1, 1)] * 10]
    figure = estimate_counts(apart, compute_share, 10)
    assert figure.value == pytest.approx(2 / 3)
    assert figure.low < 0.34
    assert figure.high == 1.0
    alike = estimate_counts([[(1, 1)] * 10] * 3, compute_share, 10)
    assert alike[:3] == (1.0, 1.0, 1.0)


def test_the_area_is_the_mean_of_the_seeds_areas():
    rng = random.Random(0)
    labels = [[rng.random() < 0.4 for _ in range(3)] for _ in range(30)]
    shares = [[[rng.randrange(9) / 9 for _ in range(3)] for _ in labels] for _ in range(2)]
    figure = estimate_auroc(labels, shares)
    each = [compute_macro_auroc(labels, own) for own in shares]
    assert figure.value == pytest.approx(sum(each) / 2)
    assert figure.low < figure.value < figure.high
    assert estimate_auroc([[True]] * 4, [[[0.5]] * 4]) is None
