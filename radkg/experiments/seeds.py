"""Figures of a variant that was trained with several seeds: the mean, and an interval for both.

Drawn again with replacement are the seeds and, for all of them alike, the studies. So an interval
holds what another training and what other studies would change.

S seeds, N studies, K counts, L labels.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt

from radkg.experiments.table import Figure

Vector = npt.NDArray[np.float64]

_SAMPLES = 1000


def estimate_counts(
    counts: Sequence[Sequence[tuple[float, ...]]], statistic: Callable[[Vector], float], of: int
) -> Figure:
    """Return the mean over the seeds of a statistic of summed counts, with its interval.

    Args:
        counts: by seed and study (S, N, K).
        statistic: of counts (K,), summed over studies.
        of: what the figure is counted over.
    """
    table = np.asarray(counts, np.float64)

    def compute(weights: Vector) -> Vector:
        return np.array([statistic(weights @ rows) for rows in table])

    return _average(compute, len(counts), len(counts[0]), of)


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

    def compute(weights: Vector) -> Vector:
        found = []
        for own in wins:
            areas = []
            for i, won in zip(ranked, own, strict=True):
                one, other = weights[has[:, i]], weights[~has[:, i]]
                pairs = one.sum() * other.sum()
                if pairs:
                    areas.append(one @ won @ other / pairs)
            found.append(np.mean(areas) if areas else 0.5)
        return np.array(found)

    return _average(compute, len(shares), len(has), len(has))


def _compare(has: npt.NDArray[np.bool_], shares: Vector) -> Vector:
    """Return for each pair of a study with the label and one without which is the surer."""
    one, other = shares[has][:, None], shares[~has][None]
    won: Vector = (one > other) + 0.5 * (one == other)
    return won


def _average(compute: Callable[[Vector], Vector], seeds: int, studies: int, of: int) -> Figure:
    """Return the mean of a figure over the seeds, and the middle 95 % of drawn means."""
    draw = np.random.default_rng(0)
    means = []
    for _ in range(_SAMPLES):
        weights = np.bincount(draw.integers(0, studies, studies), minlength=studies).astype(float)
        means.append(compute(weights)[draw.integers(0, seeds, seeds)].mean())
    low, high = np.quantile(means, (0.025, 0.975))
    return Figure(float(compute(np.ones(studies)).mean()), float(low), float(high), of)
