"""AUROC over several seeds: the mean, and an interval that grows with what differs."""

import random

import pytest

from radkg.experiments.ranking_scores import estimate_auroc
from radkg.metrics.auroc import compute_macro_auroc


def test_the_area_is_the_mean_of_the_seeds_areas():
    rng = random.Random(0)
    labels = [[rng.random() < 0.4 for _ in range(3)] for _ in range(30)]
    shares = [[[rng.randrange(9) / 9 for _ in range(3)] for _ in labels] for _ in range(2)]
    figure = estimate_auroc(labels, shares)
    each = [compute_macro_auroc(labels, own) for own in shares]
    assert figure.value == pytest.approx(sum(each) / 2)
    assert figure.low < figure.value < figure.high
    sure = estimate_auroc(labels, [[[float(has) for has in row] for row in labels]] * 2)
    assert sure[:3] == (1.0, 1.0, 1.0)
    right = [[float(has) for has in row] for row in labels]
    apart = estimate_auroc(labels, [right, [[1 - share for share in row] for row in right]])
    assert apart[:3] == (0.5, 0.0, 1.0)  # another seed would change all
    assert estimate_auroc([[True]] * 4, [[[0.5]] * 4]) is None
