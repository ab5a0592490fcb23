"""Score written reports over several seeds, with intervals over studies and seeds.

An interval draws studies again, and for each drawing also seeds: the figure is the mean over seeds.
A difference is paired: the same studies and the same seeds on both sides.

K counts of one study under one seed.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from radkg.experiments.scoring import FINDINGS, NORMAL, Figures
from radkg.experiments.table import Figure
from radkg.metrics import Score
from radkg.metrics.text import compute_bleu_of, count_bleu
from radkg.metrics.triplets import compute_rate, resample
from radkg.metrics.wording import split_report

BLEU, DIFFERENT, GAIN = "BLEU-4", "different reports", "findings F1 above full"

_Counts = list[tuple[int, ...]]  # of each study


@dataclass(frozen=True)
class Scored:
    """The counts of one arm, seed by seed."""

    findings: list[_Counts]
    """agreed, predicted, gold"""
    words: list[_Counts]
    """as `count_bleu` gives them"""
    normal: list[_Counts]
    """of each study without a coded finding: whether it got one, 1"""
    different: list[int]
    """texts that are not equal"""


def count(
    golds: Sequence[frozenset[str]],
    references: Sequence[str],
    said: Sequence[Sequence[frozenset[str]]],
    texts: Sequence[Sequence[str]],
) -> Scored:
    """Return the counts of an arm.

    Args:
        golds: the coded findings of each study.
        references: the true text of each.
        said: what is read in the texts of each seed, study by study.
        texts: the texts of each seed.
    """
    tokens = [split_report(reference) for reference in references]
    return Scored(
        [[(len(g & s), len(s), len(g)) for g, s in zip(golds, one, strict=True)] for one in said],
        [
            [count_bleu(t, split_report(text)) for t, text in zip(tokens, one, strict=True)]
            for one in texts
        ],
        [[(int(bool(s)), 1) for g, s in zip(golds, one, strict=True) if not g] for one in said],
        [len(set(one)) for one in texts],
    )


def score_arm(scored: Scored, full: Scored | None) -> Figures:
    """Return the figures of an arm; `full` is what it is compared with, None for itself."""
    number = len(scored.words[0])
    shares = [n / number for n in scored.different]
    figures: Figures = {
        FINDINGS: estimate_over_seeds(scored.findings, compute_f1),
        BLEU: estimate_over_seeds(scored.words, lambda sums: compute_bleu_of(sums)[3]),
        NORMAL: estimate_over_seeds(scored.normal, lambda sums: compute_rate(sums[0], sums[1])),
        DIFFERENT: Figure(sum(shares) / len(shares), min(shares), max(shares), number),
        GAIN: None,
    }
    if full is not None:
        pairs = [
            [(*a, *b) for a, b in zip(own, other, strict=True)]
            for own, other in zip(scored.findings, full.findings, strict=True)
        ]
        figures[GAIN] = estimate_over_seeds(pairs, lambda s: compute_f1(s[:3]) - compute_f1(s[3:]))
    return figures


def estimate_over_seeds(
    seeds: Sequence[Sequence[tuple[int, ...]]], statistic: Callable[[Sequence[int]], float]
) -> Figure | None:
    """Return the mean of a statistic over seeds, with its interval; None where nothing counts.

    Args:
        seeds: counts by seed and study.
        statistic: of the counts, summed over studies.
    """
    if not seeds[0]:
        return None
    width, draw = len(seeds[0][0]), random.Random(0)
    rows = [tuple(n for one in study for n in one) for study in zip(*seeds, strict=True)]

    def average(sums: Sequence[float], chosen: Sequence[int]) -> float:
        each = [statistic([int(n) for n in sums[i * width :][:width]]) for i in chosen]
        return sum(each) / len(each)

    order = range(len(seeds))
    value = average([sum(column) for column in zip(*rows, strict=True)], order)
    low, high = resample(rows, lambda sums: average(sums, draw.choices(order, k=len(order))))
    return Figure(value, low, high, len(rows))


def compute_f1(sums: Sequence[int]) -> float:
    """Return F1 of what agreed, what was said, and what was there."""
    return Score(sums[0], sums[1], sums[2]).f1
