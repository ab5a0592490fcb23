"""AUROC over several seeds, with an interval over studies and seeds, as report_scores has others.

S seeds, N studies, L labels.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from radkg.experiments.table import Figure

Vector = npt.NDArray[np.float64]

_SAMPLES = 1000


def estimate_auroc(
    labels: Sequence[Sequence[bool]], confidences: Sequence[object]
) -> Figure | None:
    """Return the mean over the seeds of the macro AUROC; None where no label can be ranked.

    Args:
        labels: which study has which label (N, L).
        confidences: by seed (S, N, L).
    """
    has = np.asarray(labels, bool)
    shares = np.asarray(confidences, np.float64)
    ranked = [i for i in range(has.shape[1]) if 0 < has[:, i].sum() < len(has)]
    if not ranked:
        return None
    wins = [[_compare(has[:, i], own[:, i]) for i in ranked] for own in shares]

    draw = np.random.default_rng(0)
    means = []
    for _ in range(_SAMPLES):
        weights = np.bincount(draw.integers(0, len(has), len(has)), minlength=len(has))
        areas = [_average(has, ranked, own, weights) for own in wins]
        means.append(np.mean([areas[i] for i in draw.integers(0, len(wins), len(wins))]))
    low, high = np.quantile(means, (0.025, 0.975))
    value = np.mean([_average(has, ranked, own, np.ones(len(has))) for own in wins])
    return Figure(float(value), float(low), float(high), len(has))


def _average(
    has: npt.NDArray[np.bool_], ranked: Sequence[int], wins: Sequence[Vector], weights: Any
) -> float:
    """Return the mean AUROC of the labels; `weights` is how often each study was drawn."""
    areas = []
    for i, won in zip(ranked, wins, strict=True):
        one, other = weights[has[:, i]], weights[~has[:, i]]
        pairs = one.sum() * other.sum()
        if pairs:
            areas.append(float(one @ won @ other / pairs))
    return sum(areas) / len(areas) if areas else 0.5


def _compare(has: npt.NDArray[np.bool_], shares: Vector) -> Vector:
    """Return for each pair of a study with the label and one without which is the surer."""
    one, other = shares[has][:, None], shares[~has][None]
    won: Vector = (one > other) + 0.5 * (one == other)
    return won
