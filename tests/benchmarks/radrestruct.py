"""The eye on Rad-ReStruct: python -m tests.benchmarks.radrestruct --images DIR --out DIR

Gives a structured report for each frontal image, from the image alone, and scores it with the
published evaluator. Tower and readout learn from the published training ids alone, from ImageNet's
weights on; how often which answer is given is chosen on the validation ids. Prints a Markdown table
with floors: every answer no; the most frequent answer to each question; the eye's reports given to
the images of other reports. Intervals are over reports.

    --images DIR    the images of Open-i
    --out DIR       working directory: a tower that is trained there is used again
    --split NAME    val or test; default: val
    --steps N       training steps of the tower; default: as many as the preset `eye` has
    --accuracy X    report accuracy to reach on the validation ids, in [0, 1]; default: 0.36
    --parts N ...   also readouts that learnt from the first 1/N of the training ids; default: none

The data is in images_extra/radrestruct under RADKG_TEST_DATA.
"""

from __future__ import annotations

import argparse
import dataclasses
import os
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from tests.support.restruct.decisions import (
    Habits,
    ask_parents,
    choose_habits,
    count_shares,
    fit_thresholds,
    give_answers,
)
from tests.support.restruct.reports import (
    SPLITS,
    Question,
    Split,
    read_is_no,
    read_questions,
    read_split,
)
from tests.support.restruct.scores import (
    Published,
    estimate_intervals,
    make_consistent,
)
from tests.support.restruct.sight import Seen, learn_reader, look, train_tower


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--images", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--split", choices=("val", "test"), default="val")
    parser.add_argument("--steps", type=int)
    parser.add_argument("--accuracy", type=float, default=0.36)
    parser.add_argument("--parts", type=int, nargs="*", default=[])
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    folder = Path(os.environ["RADKG_TEST_DATA"], "images_extra/radrestruct")
    questions, is_no = read_questions(folder), read_is_no(folder)
    splits = {name: read_split(folder, args.images, name) for name in SPLITS}
    train, tested = splits["train"], splits[args.split]
    tower = train_tower(train, is_no, args.out, args.steps)
    seen = {name: look(tower, splits[name]) for name in {"train", "val", args.split}}
    table = Table(Published(folder, questions), tested)
    for part in (*sorted(args.parts, reverse=True), 1):
        number = train.num_reports // part
        given, chosen = give_reports(seen, args.split, number, questions, is_no, args.accuracy)
        levels = table.show(f"eye, readout of {number} reports", given)
    nothing = np.zeros_like(given)
    table.show("floor: every answer no", make_consistent(nothing, questions))
    table.show("floor: most frequent answers", nothing | find_usual(train.answers, questions))
    table.show("control: reports of other images", exchange(given, tested.reports))
    print(f"\nChosen on the validation ids: {chosen}\n")
    for level, figures in levels.items():
        print(f"- {level}: {figures}")


def give_reports(
    seen: Mapping[str, Seen],
    name: str,
    number: int,
    questions: Sequence[Question],
    is_no: np.ndarray,
    accuracy: float,
) -> tuple[np.ndarray, Habits]:
    """Return the reports (R, A) of a split, of a readout that learnt from `number` reports."""
    train, val = seen["train"].take_first(number), seen["val"]
    reader = learn_reader(train, is_no)
    shares = count_shares(train.split.answers[train.split.at_hand], is_no)
    abnormal = float(reader.shares[0])
    known = {
        one: ask_parents(reader.see(seen[one]), shares, abnormal, questions)
        for one in ("val", name)
    }
    habits, _ = choose_habits(known["val"], shares, val.split.answers, questions, accuracy)
    thresholds = fit_thresholds(known["val"], shares, habits, questions)
    return give_answers(known[name], thresholds, questions), habits


def find_usual(answers: np.ndarray, questions: Sequence[Question]) -> np.ndarray:
    """Return (A,) the most frequent answer to each question, among those who are asked it."""
    usual = np.zeros(answers.shape[1], bool)
    for q in questions:
        usual[q.first + answers[:, q.first : q.stop].sum(0).argmax()] = True
    found: np.ndarray = make_consistent(usual[None], questions)[0]
    return found


def exchange(given: np.ndarray, reports: np.ndarray) -> np.ndarray:
    """Return the rows with the answers of another report's first image, by a fixed shuffle."""
    order = np.random.default_rng(0).permutation(reports.max() + 1)
    other = np.roll(order, 1)[np.argsort(order)]  # a cycle: no report keeps its own
    return given[np.searchsorted(reports, other[reports])]


class Table:
    """Prints a row for each way to report."""

    def __init__(self, evaluate: Published, tested: Split) -> None:
        self._evaluate, self._tested = evaluate, tested
        print(f"{len(tested.images)} images of {tested.num_reports} reports\n")
        print("| read | report accuracy | F1 | precision | recall |")
        print("|---|--:|--:|--:|--:|")

    def show(self, name: str, given: np.ndarray) -> dict[str, str]:
        """Print the scores of answers (R, A); return the published evaluator's of each level."""
        scores, levels = self._evaluate(given, self._tested.answers)
        bounds = estimate_intervals(given, self._tested.answers, self._tested.reports)
        cells = []
        for score, value in dataclasses.asdict(scores).items():
            low, high = bounds[score]
            cells.append(f"{100 * value:.1f} ({100 * low:.1f} to {100 * high:.1f})")
        print(f"| {name} | " + " | ".join(cells) + " |")
        return levels


if __name__ == "__main__":
    main()
