"""The scores of Rad-ReStruct: the published evaluator itself, and the same numbers counted faster.

Two of them are published for hi-VQA. `report accuracy` is the share of the rows whose 2,470 answers
are all right. `F1` is the mean of the F1 of every answer that is true in some row, the four
averages that scikit-learn adds included; an answer `no` counts as much as an answer `yes`.
Precision and recall are means in the same way, and an answer that is never given has precision 1.

R rows (one for each image of a report), A = 2,470 answers.
"""

from __future__ import annotations

import json
import sys
import tempfile
import types
from collections.abc import Iterator, Sequence
from contextlib import chdir, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from tests.support.restruct.reports import Question

EVALUATOR = "evaluator_radrestruct.py.txt"
_CONSTANTS = {"NO": [0, 1], "YES": [1, 0], "NOT_PREDICTED": -2, "UNDEFINED": [-1, -1]}


@dataclass(frozen=True, slots=True)
class Scores:
    """What the evaluator returns of all answers together, in [0, 1]."""

    report_accuracy: float
    f1: float
    precision: float
    recall: float


class Published:
    """The published evaluator, executed from the folder of the data; it needs scikit-learn.

    It wants two files that follow from the template, and a module of four constants.
    """

    def __init__(self, folder: Path, questions: Sequence[Question]) -> None:
        self._folder = folder
        self._files = {
            "vectorized_question_ids.json": [
                number for number, q in enumerate(questions) for _ in range(q.first, q.stop)
            ],
            "vectorized_choice_options.json": {
                number: "single_choice" if q.kind == "binary" else q.kind
                for number, q in enumerate(questions)
            },
        }
        constants = types.ModuleType("evaluation.defs")
        vars(constants).update(_CONSTANTS)
        modules = {"evaluation": types.ModuleType("evaluation"), constants.__name__: constants}
        names: dict[str, Any] = {}
        sys.modules.update(modules)
        try:
            exec(compile((folder / EVALUATOR).read_text(), EVALUATOR, "exec"), names)
        finally:
            for name in modules:
                del sys.modules[name]
        with self._work_at_files():
            self._evaluator = names["AutoregressiveEvaluator"]()
        # it makes an array of them each time it looks
        self._evaluator.question_ids = np.array(self._evaluator.question_ids)

    def __call__(self, given: np.ndarray, true: np.ndarray) -> tuple[Scores, dict[str, str]]:
        """Return the scores of answers given (R, A), and what it says of each level."""
        with self._work_at_files():
            _, exact, f1, precision, recall, levels = self._evaluator.evaluate(
                given.astype(float), true.astype(float)
            )
        return Scores(*(float(one) for one in (exact, f1, precision, recall))), levels

    @contextmanager
    def _work_at_files(self) -> Iterator[None]:
        """Work in a directory that has the files where the evaluator looks for them."""
        with tempfile.TemporaryDirectory() as scratch, chdir(scratch):
            wanted = Path(scratch, "data/radrestruct")
            wanted.mkdir(parents=True)
            for file in self._folder.resolve().glob("*.json"):
                (wanted / file.name).symlink_to(file)
            for name, content in self._files.items():
                (wanted / name).write_text(json.dumps(content))
            yield


def make_consistent(given: np.ndarray, questions: Sequence[Question]) -> np.ndarray:
    """Return the answers (R, A) as the evaluator changes them before it counts.

    Below a no, each question is answered no or not at all. A question with several options has the
    empty one where it has no other.
    """
    made = given.copy()
    is_yes: dict[int, np.ndarray] = {}
    for number, q in enumerate(questions):
        if q.kind == "multi_choice" and q.empty is not None:
            count = made[:, q.first : q.stop].sum(1)
            made[:, q.empty] = np.where(count > 1, False, made[:, q.empty] | (count == 0))
        open_ = np.ones(len(made), bool)
        for other in (q.parent, q.before):
            if other is not None:
                open_ &= is_yes[other]
        if q.kind == "binary":
            yes = made[:, q.first] & open_
            made[:, q.first], made[:, q.first + 1] = yes, ~yes
            is_yes[number] = yes
        else:
            made[~open_, q.first : q.stop] = False
    return made


def count_scores(given: np.ndarray, true: np.ndarray, weights: np.ndarray | None = None) -> Scores:
    """Return the scores of consistent answers; a row may weigh more than another.

    Args:
        given, true: (R, A) bool.
        weights: (R,) of sum 1; None: equal.
    """
    if weights is None:
        weights = np.full(len(given), 1 / len(given))
    hit = given & true
    right, told, meant = (weights @ part.astype(float) for part in (hit, given, true))
    supported = meant > 0
    precision, recall, f1 = _rate(right, told, meant)
    rows = _rate(*(part.sum(1).astype(float) for part in (hit, given, true)))
    micro = _rate(*(np.array([part.sum()]) for part in (right, told, meant)))
    means = []
    for each, of_rows, of_all in zip((precision, recall, f1), rows, micro, strict=True):
        averages = [of_all[0], each.mean(), each @ meant / meant.sum(), weights @ of_rows]
        means.append(float(np.mean([*each[supported], *averages])))
    exact = float(weights @ (given == true).all(1))
    return Scores(exact, means[2], means[0], means[1])


def _rate(right: np.ndarray, told: np.ndarray, meant: np.ndarray) -> tuple[np.ndarray, ...]:
    """Return precision, recall and F1; 1 where nothing is divided by nothing."""

    def divide(above: np.ndarray, below: np.ndarray) -> np.ndarray:
        return np.divide(above, below, out=np.ones_like(below), where=below > 0)

    return divide(right, told), divide(right, meant), divide(2 * right, told + meant)


def estimate_intervals(
    given: np.ndarray, true: np.ndarray, reports: np.ndarray, draws: int = 1000
) -> dict[str, tuple[float, float]]:
    """Return 95 % intervals over reports drawn again, by name of the score.

    Reports have random weights (Rubin, 1981: the Bayesian bootstrap) instead of being drawn or not,
    for half of the answers are true in one or two reports: without them the score is another.

    Args:
        reports: (R,) the number of the report of each row, from 0 on.
    """
    rng = np.random.default_rng(0)
    found = []
    for _ in range(draws):
        weights = rng.exponential(size=reports.max() + 1)[reports]
        found.append(count_scores(given, true, weights / weights.sum()))
    names = Scores.__dataclass_fields__
    columns = {name: [getattr(one, name) for one in found] for name in names}
    return {
        name: (float(np.quantile(c, 0.025)), float(np.quantile(c, 0.975)))
        for name, c in columns.items()
    }
