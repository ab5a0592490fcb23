"""How far a confidence can be believed: shares of right answers per range of confidence.

A pair is (confidence in [0, 1], whether it was right). It knows nothing of what was missed.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

Pair = tuple[float, bool]


@dataclass(frozen=True, slots=True)
class Bin:
    """The answers with a confidence in [low, high); the last bin holds 1 too."""

    low: float
    high: float
    count: int
    confidence: float | None  # mean, None where nothing is in the bin
    accuracy: float | None  # share that is right


def bin_by_confidence(pairs: Iterable[Pair], num_bins: int = 10) -> list[Bin]:
    """Return the bins of equal width, the lowest first, empty ones too.

    Raises:
        ValueError: a confidence is outside [0, 1], or there is no bin.
    """
    if num_bins < 1:
        raise ValueError(f"{num_bins} bins: at least 1")
    members: list[list[Pair]] = [[] for _ in range(num_bins)]
    for confidence, right in pairs:
        if not 0 <= confidence <= 1:
            raise ValueError(f"confidence {confidence!r} is outside [0, 1]")
        members[min(int(confidence * num_bins), num_bins - 1)].append((confidence, right))
    return [
        Bin(
            low=i / num_bins,
            high=(i + 1) / num_bins,
            count=len(inside),
            confidence=sum(c for c, _ in inside) / len(inside) if inside else None,
            accuracy=sum(right for _, right in inside) / len(inside) if inside else None,
        )
        for i, inside in enumerate(members)
    ]


def compute_calibration_error(bins: Sequence[Bin]) -> float:
    """Return the mean gap between confidence and accuracy, weighted by count; 0 without answers."""
    total = sum(b.count for b in bins)
    gaps = (
        b.count * abs(b.confidence - b.accuracy)
        for b in bins
        if b.confidence is not None and b.accuracy is not None
    )
    return sum(gaps) / total if total else 0.0
