"""Micro precision, recall and F1 of predicted against gold sets, one pair of sets per study.

The members are anything that can be compared: triplets, findings, entities. It counts what agrees,
and does not know what a member means.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Hashable, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import TypeVar

Number = TypeVar("Number", int, float)
Triplet = tuple[str, str, str]


@dataclass(frozen=True, slots=True)
class Score:
    """Counts over all studies: members in both, in the prediction, in the gold."""

    agreed: int
    predicted: int
    gold: int

    @property
    def precision(self) -> float:
        """Return the share of the predicted that is gold, in [0, 1]; 1 where nothing stands."""
        return self.agreed / self.predicted if self.predicted else float(not self.gold)

    @property
    def recall(self) -> float:
        """Return the share of the gold that is predicted, in [0, 1]; 1 where nothing stands."""
        return self.agreed / self.gold if self.gold else float(not self.predicted)

    @property
    def f1(self) -> float:
        """Return the harmonic mean of precision and recall, in [0, 1]; 1 where nothing stands."""
        total = self.predicted + self.gold
        return 2 * self.agreed / total if total else 1.0

    def __add__(self, other: Score) -> Score:
        return Score(
            self.agreed + other.agreed, self.predicted + other.predicted, self.gold + other.gold
        )


def score(
    gold: Sequence[AbstractSet[Hashable]], predicted: Sequence[AbstractSet[Hashable]]
) -> Score:
    """Return the micro score of predicted against gold sets, study by study.

    Raises:
        ValueError: the sequences differ in length.
    """
    return sum((_study(g, p) for g, p in zip(gold, predicted, strict=True)), Score(0, 0, 0))


def score_by_relation(
    gold: Sequence[AbstractSet[Triplet]], predicted: Sequence[AbstractSet[Triplet]]
) -> dict[str, Score]:
    """Return the score of each relation that occurs on either side, by name."""
    kinds = sorted({kind for triplets in (*gold, *predicted) for _, kind, _ in triplets})
    return {
        kind: score(
            [{t for t in triplets if t[1] == kind} for triplets in gold],
            [{t for t in triplets if t[1] == kind} for triplets in predicted],
        )
        for kind in kinds
    }


def score_relaxed(
    gold: Sequence[AbstractSet[Triplet]], predicted: Sequence[AbstractSet[Triplet]]
) -> Score:
    """Return the score of heads with tails, whatever the relation."""
    return score(
        [{(head, tail) for head, _, tail in triplets} for triplets in gold],
        [{(head, tail) for head, _, tail in triplets} for triplets in predicted],
    )


def bootstrap(
    gold: Sequence[AbstractSet[Hashable]],
    predicted: Sequence[AbstractSet[Hashable]],
    *,
    num_samples: int = 1000,
    seed: int = 0,
) -> tuple[float, float]:
    """Return the 95 % interval of F1 when the studies are drawn again with replacement."""
    studies = [_study(g, p) for g, p in zip(gold, predicted, strict=True)]
    return bootstrap_f1(studies, num_samples=num_samples, seed=seed)


def bootstrap_f1(
    scores: Sequence[Score], *, num_samples: int = 1000, seed: int = 0
) -> tuple[float, float]:
    """Return the 95 % interval of F1 when the studies, a score each, are drawn again."""
    counts = [(s.agreed, s.predicted, s.gold) for s in scores]
    return resample(
        counts, lambda sums: Score(sums[0], sums[1], sums[2]).f1, num_samples=num_samples, seed=seed
    )


def bootstrap_gain(
    gold: Sequence[AbstractSet[Hashable]],
    before: Sequence[AbstractSet[Hashable]],
    after: Sequence[AbstractSet[Hashable]],
    *,
    num_samples: int = 1000,
    seed: int = 0,
) -> tuple[float, float]:
    """Return the 95 % interval of F1 after minus F1 before, on the same studies drawn again."""
    counts = [
        (len(g & b), len(b), len(g & a), len(a), len(g))
        for g, b, a in zip(gold, before, after, strict=True)
    ]
    return resample(
        counts,
        lambda s: Score(s[2], s[3], s[4]).f1 - Score(s[0], s[1], s[4]).f1,
        num_samples=num_samples,
        seed=seed,
    )


def bootstrap_rate(
    counts: Sequence[tuple[int, int]], *, num_samples: int = 1000, seed: int = 0
) -> tuple[float, float]:
    """Return the 95 % interval of a rate; each study gives (how often, of how many)."""
    return resample(counts, lambda sums: compute_rate(*sums), num_samples=num_samples, seed=seed)


def compute_rate(num: int, total: int) -> float:
    """Return a share in [0, 1]; 0 of nothing is 0."""
    return num / total if total else 0.0


def resample(
    counts: Sequence[tuple[Number, ...]],
    statistic: Callable[[Sequence[Number]], float],
    *,
    num_samples: int = 1000,
    seed: int = 0,
) -> tuple[float, float]:
    """Return the 95 % interval of a statistic of summed counts, studies drawn with replacement.

    Raises:
        ValueError: there is no study.
    """
    if not counts:
        raise ValueError("an interval needs at least one study")
    draw = random.Random(seed)
    values = sorted(
        statistic(
            [sum(column) for column in zip(*draw.choices(counts, k=len(counts)), strict=True)]
        )
        for _ in range(num_samples)
    )
    tail = round(0.025 * (num_samples - 1))
    return values[tail], values[-1 - tail]


def _study(gold: AbstractSet[Hashable], predicted: AbstractSet[Hashable]) -> Score:
    return Score(len(gold & predicted), len(predicted), len(gold))
