import pytest

from radkg.metrics.agreement import compute_cohen_kappa, compute_fleiss_kappa, compute_raw_agreement


def test_cohen_by_hand():
    # 20 yes-yes, 5 yes-no, 10 no-yes, 15 no-no: observed .7, by chance .5
    one = ["y"] * 25 + ["n"] * 25
    other = ["y"] * 20 + ["n"] * 5 + ["y"] * 10 + ["n"] * 15
    assert compute_raw_agreement([one, other]) == pytest.approx(0.7)
    assert compute_cohen_kappa(one, other) == pytest.approx(0.4)


def test_fleiss_on_the_published_example():
    # Fleiss 1971 as worked out in Wikipedia's article: 10 items, 14 readers, 5 answers
    table = [
        (0, 0, 0, 0, 14),
        (0, 2, 6, 4, 2),
        (0, 0, 3, 5, 6),
        (0, 3, 9, 2, 0),
        (2, 2, 8, 1, 1),
        (7, 7, 0, 0, 0),
        (3, 2, 6, 3, 0),
        (2, 5, 3, 2, 2),
        (6, 5, 2, 1, 0),
        (0, 2, 2, 3, 7),
    ]
    items = [[answer for answer, n in enumerate(row) for _ in range(n)] for row in table]
    readings = list(zip(*items, strict=True))
    assert compute_fleiss_kappa(readings) == pytest.approx(0.210, abs=0.001)
    assert compute_raw_agreement(readings) == pytest.approx(0.378, abs=0.001)


def test_full_agreement_is_1_and_one_answer_alone_undefined():
    assert compute_cohen_kappa(["y", "n"], ["y", "n"]) == 1
    assert compute_fleiss_kappa([["y", "n"]] * 3) == 1
    assert compute_cohen_kappa(["y", "y"], ["y", "y"]) is None
    assert compute_fleiss_kappa([["y", "y"]] * 3) is None


def test_no_agreement_is_below_chance():
    assert compute_cohen_kappa(["y", "n"], ["n", "y"]) == -1


def test_wrong_arguments_are_refused():
    with pytest.raises(ValueError, match="1 readers"):
        compute_raw_agreement([["y"]])
    with pytest.raises(ValueError, match="at least one item"):
        compute_fleiss_kappa([[], []])
    with pytest.raises(ValueError, match=r"shorter|longer"):
        compute_cohen_kappa(["y"], ["y", "n"])
