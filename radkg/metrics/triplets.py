"""Micro precision, recall and F1 of predicted against gold sets, one pair of sets per study.

The members are anything that can be compared: triplets, findings, entities. It counts what agrees,
and does not know what a member means.
"""

from __future__ import annotations

import random
from collections.abc import Hashable, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass


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


def bootstrap(
    gold: Sequence[AbstractSet[Hashable]],
    predicted: Sequence[AbstractSet[Hashable]],
    *,
    num_samples: int = 1000,
    seed: int = 0,
) -> tuple[float, float]:
    """Return the 95 % interval of F1 when the studies are drawn again with replacement."""
    studies = [_study(g, p) for g, p in zip(gold, predicted, strict=True)]
    if not studies:
        raise ValueError("an interval needs at least one study")
    draw = random.Random(seed)
    values = []
    for _ in range(num_samples):
        sample = draw.choices(studies, k=len(studies))
        values.append(
            Score(
                sum(s.agreed for s in sample),
                sum(s.predicted for s in sample),
                sum(s.gold for s in sample),
            ).f1
        )
    values.sort()
    tail = round(0.025 * (num_samples - 1))
    return values[tail], values[-1 - tail]


def _study(gold: AbstractSet[Hashable], predicted: AbstractSet[Hashable]) -> Score:
    return Score(len(gold & predicted), len(predicted), len(gold))
