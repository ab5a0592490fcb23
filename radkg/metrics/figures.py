"""Scores as JSON-ready values, four digits."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from radkg.metrics.calibration import Pair, bin_by_confidence, compute_calibration_error
from radkg.metrics.triplets import Score, bootstrap_rate, compute_rate


def round_scores(counts: Score) -> dict[str, float]:
    """Return precision, recall and F1."""
    return {
        "precision": round(counts.precision, 4),
        "recall": round(counts.recall, 4),
        "f1": round(counts.f1, 4),
    }


def round_scores_by_name(by_name: Mapping[str, Score]) -> dict[str, dict[str, float]]:
    """Return the scores of each name with how often the gold has it, the most frequent first."""
    order = sorted(by_name.items(), key=lambda item: -item[1].gold)
    return {name: {"gold": counts.gold, **round_scores(counts)} for name, counts in order}


def round_interval(interval: tuple[float, float]) -> list[float]:
    """Return the ends of an interval."""
    return [round(value, 4) for value in interval]


def round_rate(counts: Iterable[tuple[int, int]]) -> float:
    """Return the rate over all studies."""
    pairs = list(counts)
    return round(compute_rate(sum(n for n, _ in pairs), sum(total for _, total in pairs)), 4)


def estimate_rate(counts: Sequence[tuple[int, int]]) -> dict[str, Any]:
    """Return the rate over all studies, of how many, and its interval; None of nothing."""
    total = sum(of for _, of in counts)
    if not total:
        return {"rate": None, "of": 0, "interval_95": None}
    return {
        "rate": round_rate(counts),
        "of": total,
        "interval_95": round_interval(bootstrap_rate(counts)),
    }


def measure_calibration(pairs: Sequence[Pair]) -> dict[str, Any]:
    """Return the reliability table, empty bins left out, and the expected calibration error."""
    bins = bin_by_confidence(pairs)
    return {
        "expected_calibration_error": round(compute_calibration_error(bins), 4),
        "bins": [
            {key: _short(value) for key, value in dataclasses.asdict(b).items()}
            for b in bins
            if b.count
        ],
    }


def _short(value: float | None) -> float | None:
    return None if value is None else round(value, 4)
