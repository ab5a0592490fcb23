import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from radkg.metrics import (
    Score,
    bootstrap,
    bootstrap_gain,
    bootstrap_rate,
    compute_rate,
    score,
    score_by_relation,
    score_relaxed,
)

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


@settings(deadline=None)  # a busy machine is no bug
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


def test_relations_are_scored_apart_and_relaxed_forgets_them():
    gold = [{("a", "modify", "b"), ("c", "located_at", "d")}, {("e", "modify", "f")}]
    predicted = [{("a", "modify", "b"), ("c", "suggestive_of", "d")}, set()]
    assert score_by_relation(gold, predicted) == {
        "located_at": Score(0, 0, 1),
        "modify": Score(1, 1, 2),
        "suggestive_of": Score(0, 1, 0),
    }
    assert score_relaxed(gold, predicted) == Score(2, 2, 3)


def test_the_interval_of_a_rate_is_over_studies():
    counts = [(1, 2)] * 50 + [(0, 2)] * 50
    low, high = bootstrap_rate(counts)
    assert low < compute_rate(50, 200) == 0.25 < high
    assert bootstrap_rate([(10, 20)] * 30) == (0.5, 0.5)  # studies that are alike
    assert bootstrap_rate([(0, 0)] * 3) == (0, 0)
    with pytest.raises(ValueError, match="at least one"):
        bootstrap_rate([])


def test_a_gain_on_the_same_studies_is_surer_than_two_intervals():
    gold = [{i, i + 1} for i in range(60)]
    before = [{i} if i % 2 else set() for i in range(60)]
    after = [{i} for i in range(60)]
    low, high = bootstrap_gain(gold, before, after)
    gain = score(gold, after).f1 - score(gold, before).f1
    assert 0 < low < gain < high
    assert bootstrap_gain(gold, after, after) == (0, 0)
    assert bootstrap_gain(gold, after, before)[1] < 0
