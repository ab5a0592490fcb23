"""Scores of sets against sets, with intervals; plain Python, nothing of radkg's records."""

from radkg.metrics.triplets import Score, bootstrap, score

__all__ = ["Score", "bootstrap", "score"]
