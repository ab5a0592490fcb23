"""Rad-ReStruct: our count of its scores is the published one, and reports obey its template."""

from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.benchmarks.radrestruct import exchange, find_usual
from tests.support.archives.data import require_data
from tests.support.restruct.decisions import (
    Habits,
    ask_parents,
    choose_habits,
    fit_thresholds,
    give_answers,
)
from tests.support.restruct.reports import Question, Split, read_questions, read_split
from tests.support.restruct.scores import Published, count_scores, make_consistent
from tests.support.restruct.sight import Seen, Sight, learn_reader

# A topic; two instances of an element, with one option or with several; another element.
TEMPLATE = (
    Question(0, 2, None, None, "binary", None),
    Question(2, 4, 0, None, "binary", None),
    Question(4, 7, 1, None, "single_choice", 6),
    Question(7, 9, 0, 1, "binary", None),
    Question(9, 12, 3, None, "multi_choice", 11),
    Question(12, 14, 0, None, "binary", None),
)
IS_NO = np.isin(np.arange(14), (1, 3, 8, 13))
SOME = np.random.default_rng(0).random((200, 14))


@pytest.fixture(scope="module")
def folder():
    return require_data("images_extra/radrestruct")


def give(habits, sight=None):
    sight = sight or Sight(SOME.mean(1), SOME)
    usual = np.full(14, 0.2)
    return give_answers(sight, fit_thresholds(sight, usual, habits, TEMPLATE), TEMPLATE)


def test_scores_are_the_published_evaluators(folder):
    questions = read_questions(folder)
    true = read_split(folder, Path(), "val").answers[:12]
    doubt = np.random.default_rng(0).random(true.shape)
    sight = Sight(np.arange(len(true)), np.where(true, 0.3, 0.1) + doubt)
    thresholds = fit_thresholds(sight, true.mean(0), Habits(silent=0.2), questions)
    given = give_answers(sight, thresholds, questions)
    published, levels = Published(folder, questions)(given, true)
    assert asdict(count_scores(given, true)) == pytest.approx(asdict(published))
    assert 0.1 < published.f1 < 0.9
    assert 0 < published.report_accuracy < 1
    assert {"l1", "l2", "l3"} <= set(levels)


def test_the_evaluator_has_nothing_to_change_in_true_reports(folder):
    true = read_split(folder, Path(), "val").answers
    assert np.array_equal(make_consistent(true, read_questions(folder)), true)


def test_a_child_is_answered_only_below_a_yes():
    given = give(Habits(topics=1.5, elements=2, options=3, sure_options=0, silent=0))
    assert np.array_equal(make_consistent(given, TEMPLATE), given)
    for question in TEMPLATE:
        count = given[:, question.first : question.stop].sum(1)
        above = None if question.parent is None else given[:, TEMPLATE[question.parent].first]
        if question.kind == "binary":
            assert (count == 1).all()
            assert above is None or not (given[:, question.first] & ~above).any()
        else:
            assert not count[~above].any()
            most = 1 if question.kind == "single_choice" else 3
            assert set(count[above]) <= set(range(1, most + 1))


def test_an_answer_asks_its_parent_and_a_rare_one_asks_it_alone():
    shares = np.zeros(14)
    shares[[0, 2, 4, 5]] = 0.4, 0.2, 0.1, 0.05
    own = np.zeros((1, 14))
    own[0, [0, 2, 4]] = 0.9, 0.4, 0.02
    asked = ask_parents(Sight(np.array([0.8]), own), shares, 0.5, TEMPLATE).answers[0]
    assert asked[0] == pytest.approx(np.sqrt(0.9 * 0.8 * 0.4 / 0.5))
    assert asked[2] == pytest.approx(np.sqrt(0.4 * asked[0] * 0.2 / 0.4))
    assert asked[4] == pytest.approx(np.sqrt(0.02 * asked[2] * 0.1 / 0.2))
    assert asked[5] == pytest.approx(asked[2] * 0.05 / 0.2)
    assert not asked[7:].any()


def test_a_sure_option_makes_its_element_a_yes():
    modest = Habits(topics=5, elements=0.25, options=1, sure_options=0, silent=0)
    bold = Habits(topics=5, elements=0.25, options=1, sure_options=1, silent=0)
    sure = (SOME[:, 4:6] >= np.quantile(SOME[:, 4:6], 0.81, axis=0)).any(1)
    assert not give(modest)[sure, 2].all()
    assert give(bold)[sure, 2].all()


def test_the_rows_least_abnormal_are_all_no():
    given = give(Habits(topics=2, elements=3, silent=0.5))
    calm = SOME.mean(1) < np.quantile(SOME.mean(1), 0.5)
    assert not given[calm][:, ~IS_NO].any()
    assert given[~calm][:, ~IS_NO].any()


def test_habits_reach_the_wanted_accuracy():
    true = give(Habits(silent=0.5))
    noise = np.random.default_rng(1).random(true.shape)
    sight = Sight(true[:, 0] + noise[:, 0], true + noise)
    for least in (0.0, 0.5):
        habits, scores = choose_habits(sight, true.mean(0), true, TEMPLATE, least)
        thresholds = fit_thresholds(sight, true.mean(0), habits, TEMPLATE)
        assert scores == count_scores(give_answers(sight, thresholds, TEMPLATE), true)
        assert scores.report_accuracy >= least


def test_a_reader_learns_from_the_first_reports_and_has_shares_without_an_image():
    answers = np.zeros((60, 14), bool)
    answers[:20, [0, 2]] = True
    answers[:, 1] = ~answers[:, 0]
    maps = torch.randn(60, 320, 2, 2, generator=torch.Generator().manual_seed(0))
    maps[:20, :100] += 1
    order = np.random.default_rng(0).permutation(60)
    split = Split(np.arange(60), answers[order], [Path()] * 60)
    seen = Seen(split, maps[torch.from_numpy(order)].half()).take_first(50)
    reader = learn_reader(seen, IS_NO)
    assert reader.columns.tolist() == [0, 2]
    blind = Split(np.arange(2), seen.split.answers[:2], [None, Path()])
    sight = reader.see(Seen(blind, seen.maps[1:2]))
    assert sight.abnormal[0] == pytest.approx(seen.split.answers[:, 0].mean())
    assert sight.answers[1, 2] == pytest.approx(reader.see(seen).answers[1, 2], abs=1e-5)
    yes = seen.split.answers[:, 2]
    read = reader.see(seen).answers[:, 2]
    assert read[yes].min() > read[~yes].max()


def test_floors():
    answers = give(Habits())
    assert find_usual(answers, TEMPLATE)[[1, 3, 8, 13]].all()
    reports = np.array([0, 0, 1, 2, 3])
    given = np.eye(5, dtype=bool)
    other = exchange(given, reports).argmax(1)
    assert sorted(set(other)) == [0, 2, 3, 4]
    assert (reports[other] != reports).all()
