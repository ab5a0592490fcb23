"""Scores: sets against sets, graphs, text, confidence, readers; with intervals; plain Python."""

from radkg.metrics.triplets import (
    Score,
    bootstrap,
    bootstrap_gain,
    bootstrap_rate,
    by_relation,
    rate,
    relaxed,
    score,
)

__all__ = [
    "Score",
    "bootstrap",
    "bootstrap_gain",
    "bootstrap_rate",
    "by_relation",
    "rate",
    "relaxed",
    "score",
]
