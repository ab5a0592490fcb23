"""Scores: sets against sets, graphs, text, confidence, readers; with intervals; plain Python."""

from radkg.metrics.triplets import (
    Score,
    bootstrap,
    bootstrap_gain,
    bootstrap_rate,
    compute_rate,
    score,
    score_by_relation,
    score_relaxed,
)

__all__ = [
    "Score",
    "bootstrap",
    "bootstrap_gain",
    "bootstrap_rate",
    "compute_rate",
    "score",
    "score_by_relation",
    "score_relaxed",
]
