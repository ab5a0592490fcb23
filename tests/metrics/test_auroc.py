"""The area under the ROC curve, against pairs counted one by one."""

import random

import pytest

from radkg.metrics.auroc import compute_auroc, compute_macro_auroc


def count_pairs(labels, confidences) -> float:
    pairs = [
        1.0 if a > b else 0.5 if a == b else 0.0
        for a, has in zip(confidences, labels, strict=True)
        for b, other in zip(confidences, labels, strict=True)
        if has and not other
    ]
    return sum(pairs) / len(pairs)


def test_the_area_is_the_share_of_pairs_in_the_right_order():
    rng = random.Random(0)
    for _ in range(50):
        labels = [True, False, *(rng.random() < 0.3 for _ in range(20))]
        confidences = [rng.randrange(8) / 8 for _ in labels]  # many are equal
        found = compute_auroc(labels, confidences)
        assert found == pytest.approx(count_pairs(labels, confidences))
    assert compute_auroc([True, False], [0.5, 0.5]) == 0.5
    assert compute_auroc([True, True], [0.1, 0.9]) is None


def test_a_label_that_all_or_none_have_does_not_count():
    labels = [(True, False, True), (False, False, True)]
    assert compute_macro_auroc(labels, [(0.9, 0.1, 0.3), (0.2, 0.7, 0.1)]) == 1.0
    assert compute_macro_auroc([(True,)], [(0.5,)]) is None
