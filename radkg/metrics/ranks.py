"""How far two lists of numbers put the same things in the same order."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt


def compute_rank_correlation(one: Sequence[float], other: Sequence[float]) -> float | None:
    """Return Spearman's rank correlation in [-1, 1]; equal numbers share their mean rank.

    None where it is undefined: fewer than two things, or all numbers of a list equal.

    Raises:
        ValueError: the lists are of different lengths.
    """
    if len(one) != len(other):
        raise ValueError(f"{len(one)} numbers against {len(other)}")
    ranks = [rank_values(values) for values in (one, other)]
    if len(one) < 2 or any(np.ptp(each) == 0 for each in ranks):
        return None
    return float(np.corrcoef(ranks[0], ranks[1])[0, 1])


def rank_values(values: Sequence[float]) -> npt.NDArray[np.float64]:
    """Return the rank of each value, from 1 for the least; equal values share their mean rank."""
    _, place, counts = np.unique(np.asarray(values), return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    mean: npt.NDArray[np.float64] = (last - (counts - 1) / 2)[place]
    return mean
