"""From confidences to a report: how often which answer is given, chosen on validation reports.

A readout that learnt an answer from ten images knows little of it. So the confidence of an answer
is averaged with what its parent's confidence says: the share of the parent's yes that have it. An
answer too rare for the readout has that alone.

An answer is given to the images that are surest of it: as many as the training has, times a factor.
There are few factors for all answers, since most answers are true in one or two reports. The
template decides what may be given: an element is looked at only where its topic is answered yes, an
option only where its element is.

R rows, A = 2,470 answers.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tests.support.restruct.reports import Question
from tests.support.restruct.scores import Scores, count_scores, make_consistent
from tests.support.restruct.sight import Sight

MIN_KNOWN = 3  # training images with an answer, for it to be given
_CHOICES = {
    "topics": (0.5, 0.75, 1.0, 1.5, 2.0),
    "elements": (0.5, 1.0, 1.5, 2.0, 3.0),
    "options": (1.0, 2.0, 4.0, 8.0, 16.0),
    "sure_options": (0.0, 0.25, 0.5, 1.0, 2.0),
    "silent": (0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6),
}


@dataclass(frozen=True, kw_only=True)
class Habits:
    """How often answers are given: factors on how often the training images have them."""

    topics: float = 1.0
    elements: float = 1.0
    options: float = 4.0
    """of an option, where its element is answered yes"""
    sure_options: float = 0.5
    """of an option that makes its element answered yes; 0: none does"""
    silent: float = 0.4
    """share of the rows, those surest to be normal, without any yes"""


@dataclass(frozen=True)
class Thresholds:
    """From which confidence on an answer is given."""

    given: np.ndarray
    """(A,); infinite: never"""
    sure: np.ndarray
    """(A,) from which an option makes its element answered yes"""
    abnormal: float


def count_shares(answers: np.ndarray, is_no: np.ndarray) -> np.ndarray:
    """Return (A,) the share of the rows (R, A) with each answer; 0 of a no, and of what is rare."""
    return np.where((answers.sum(0) >= MIN_KNOWN) & ~is_no, answers.mean(0), 0)


def ask_parents(
    sight: Sight, shares: np.ndarray, abnormal: float, questions: Sequence[Question]
) -> Sight:
    """Return the confidences, each the geometric mean with what the parent's says.

    Args:
        shares: (A,) of the training images that have each answer; 0: the answer is never given.
        abnormal: share of the training images with any yes.
    """
    blended = np.zeros_like(sight.answers)
    for q in questions:
        above = q.before if q.before is not None else q.parent
        if above is None:
            parent, share = sight.abnormal, abnormal
        else:
            parent, share = blended[:, questions[above].first], shares[questions[above].first]
        if not share:
            continue  # never given, nor what is below it
        columns = slice(q.first, q.stop)
        expected = np.minimum(parent[:, None] * (shares[columns] / share), 1)
        own = sight.answers[:, columns]
        blended[:, columns] = np.where(own > 0, np.sqrt(own * expected), expected)
    return Sight(sight.abnormal, blended)


def fit_thresholds(
    sight: Sight, shares: np.ndarray, habits: Habits, questions: Sequence[Question]
) -> Thresholds:
    """Return the thresholds with which answers are given as often as the habits say.

    Args:
        sight: of the validation rows.
        shares: (A,) of the training images that have each answer; 0: it is never given.
    """
    given, sure = np.zeros(len(shares)), np.zeros(len(shares))
    for q in questions:
        columns = slice(q.first, q.stop)
        if q.kind != "binary":
            given[columns], sure[columns] = habits.options, habits.sure_options
        else:
            given[columns] = habits.topics if q.parent is None else habits.elements
    return Thresholds(
        _find_quantiles(sight.answers, given * shares),
        _find_quantiles(sight.answers, sure * shares),
        float(np.quantile(sight.abnormal, habits.silent)),
    )


def _find_quantiles(confidences: np.ndarray, shares: np.ndarray) -> np.ndarray:
    """Return above which value each column has its share of the rows, but one row at least."""
    number = len(confidences)
    ranks = np.clip(np.round(shares * number), 1, number).astype(int) - 1
    sorted_ = -np.sort(-confidences, axis=0)
    return np.where(shares > 0, sorted_[ranks, np.arange(len(shares))], np.inf)


def give_answers(sight: Sight, thresholds: Thresholds, questions: Sequence[Question]) -> np.ndarray:
    """Return the reports (R, A), consistent as the evaluator wants them."""
    certainty = sight.answers / thresholds.given
    is_sure = sight.answers >= thresholds.sure
    rows = np.arange(len(certainty))
    given = np.zeros(certainty.shape, bool)
    for q in reversed(questions):  # options come behind their element, later instances behind first
        mine = certainty[:, q.first : q.stop]
        if q.kind == "binary":
            given[:, q.first] |= mine[:, 0] >= 1
            if q.before is not None:
                given[:, questions[q.before].first] |= given[:, q.first]
            continue
        told = [column for column in range(q.first, q.stop) if column != q.empty]
        assert q.parent is not None, q
        given[:, questions[q.parent].first] |= is_sure[:, told].any(1)
        best = q.first + mine.argmax(1)
        if q.kind == "multi_choice":
            given[:, q.first : q.stop] = mine >= 1
            if q.empty is not None:
                continue  # given where nothing else is
            none = ~given[:, q.first : q.stop].any(1)
            given[rows[none], best[none]] = True
        else:
            if q.empty is not None:
                best[mine.max(1) < 1] = q.empty
            given[rows, best] = True
    for q in questions:
        if q.kind == "binary":
            given[:, q.first] &= sight.abnormal >= thresholds.abnormal
    return make_consistent(given, questions)


def choose_habits(
    sight: Sight,
    shares: np.ndarray,
    true: np.ndarray,
    questions: Sequence[Question],
    least_accuracy: float,
) -> tuple[Habits, Scores]:
    """Return the habits with the best F1 among those that reach a report accuracy, and its scores.

    One factor after the other is tried, until none makes it better.
    """

    def rate(habits: Habits) -> Scores:
        thresholds = fit_thresholds(sight, shares, habits, questions)
        return count_scores(give_answers(sight, thresholds, questions), true)

    def prefer(scores: Scores) -> float:
        return scores.f1 - max(0.0, least_accuracy - scores.report_accuracy)

    best, reached = Habits(), rate(Habits())
    known = {best: reached}
    while True:
        near = [
            dataclasses.replace(best, **{name: value})
            for name, values in _CHOICES.items()
            for value in values
        ]
        for habits in near:
            if habits not in known:
                known[habits] = rate(habits)
        next_ = max(near, key=lambda habits: prefer(known[habits]))
        if prefer(known[next_]) <= prefer(reached):
            return best, reached
        best, reached = next_, known[next_]
