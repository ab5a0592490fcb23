import pytest

from radkg.metrics.ranks import compute_rank_correlation, rank_values


def test_equal_values_share_their_mean_rank():
    assert rank_values([10, 30, 10, 20]).tolist() == [1.5, 4.0, 1.5, 3.0]


def test_the_order_counts_and_nothing_else():
    assert compute_rank_correlation([1, 2, 3], [10, 200, 201]) == pytest.approx(1)
    assert compute_rank_correlation([1, 2, 3], [5, 4, 3]) == pytest.approx(-1)
    # by hand: ranks 1 2 3 4 against 2 1 4 3, 1 - 6 * 4 / (4 * 15)
    assert compute_rank_correlation([1, 2, 3, 4], [2, 1, 4, 3]) == pytest.approx(0.6)


def test_where_it_is_undefined_there_is_none():
    assert compute_rank_correlation([], []) is None
    assert compute_rank_correlation([1], [2]) is None
    assert compute_rank_correlation([1, 2], [3, 3]) is None
    with pytest.raises(ValueError, match="1 numbers against 2"):
        compute_rank_correlation([1], [1, 2])
