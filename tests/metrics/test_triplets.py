import pytest
from hypothesis import given
from hypothesis import strategies as st

from radkg.metrics import Score, bootstrap, score

SETS = st.lists(st.tuples(st.frozensets(st.integers(0, 9)), st.frozensets(st.integers(0, 9))))


def split(pairs):
    return [gold for gold, _ in pairs], [predicted for _, predicted in pairs]


def test_counts_are_summed_over_studies():
    gold = [{"a", "b"}, {"a"}, set()]
    predicted = [{"a"}, {"b"}, {"c"}]
    found = score(gold, predicted)
    assert found == Score(agreed=1, predicted=3, gold=3)
    assert (found.precision, found.recall, found.f1) == (1 / 3, 1 / 3, 1 / 3)


def test_the_same_member_in_another_study_does_not_count():
    assert score([{"a"}, set()], [set(), {"a"}]).agreed == 0


def test_nothing_expected_and_nothing_found_is_right():
    found = score([set()], [set()])
    assert (found.precision, found.recall, found.f1) == (1.0, 1.0, 1.0)


def test_one_side_empty_is_wrong():
    assert score([{"a"}], [set()]).f1 == 0
    assert score([{"a"}], [set()]).precision == 0
    assert score([set()], [{"a"}]).recall == 0


def test_lengths_must_agree():
    with pytest.raises(ValueError, match=r"shorter|longer"):
        score([set()], [])


@given(SETS)
def test_scores_are_bounded_and_f1_lies_between(pairs):
    found = score(*split(pairs))
    low, high = sorted((found.precision, found.recall))
    assert 0 <= low <= found.f1 + 1e-12
    assert found.f1 <= high + 1e-12 <= 1 + 1e-12


@given(SETS)
def test_f1_is_symmetric(pairs):
    gold, predicted = split(pairs)
    assert score(gold, predicted).f1 == score(predicted, gold).f1
    assert score(gold, predicted).precision == score(predicted, gold).recall


@given(SETS)
def test_perfect_answers_score_one(pairs):
    gold, _ = split(pairs)
    assert score(gold, gold).f1 == 1


@given(SETS, SETS)
def test_scores_add_up(first, second):
    assert score(*split(first)) + score(*split(second)) == score(*split(first + second))


@given(SETS.filter(bool), st.integers(0, 5))
def test_the_interval_is_ordered_bounded_and_repeatable(pairs, seed):
    gold, predicted = split(pairs)
    low, high = bootstrap(gold, predicted, num_samples=50, seed=seed)
    assert 0 <= low <= high <= 1
    assert (low, high) == bootstrap(gold, predicted, num_samples=50, seed=seed)


def test_the_interval_holds_the_score_of_even_data():
    gold = [{"a", "b"}] * 40 + [{"a"}] * 40
    predicted = [{"a"}] * 80
    low, high = bootstrap(gold, predicted)
    assert low < score(gold, predicted).f1 < high


def test_an_interval_over_nothing_is_refused():
    with pytest.raises(ValueError, match="at least one"):
        bootstrap([], [])
