"""CIDEr of generated reports: n-grams weighed by how rare they are among the references.

Vedantam et al., CVPR 2015, in the form that report generation publishes: CIDEr-D (counts clipped,
difference of length punished), times 10. Rarity is counted on the references themselves, so a score
depends on which documents are scored together, and one document alone scores 0.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from radkg.metrics.text import MAX_N, count_ngrams

SIGMA = 6.0  # of the penalty, in pairs of tokens

_Gram = tuple[str, ...]


class _Vector(NamedTuple):
    """The n-grams of one n in one text, weighed."""

    weights: Mapping[_Gram, float]
    norm: float


def score_cider(
    references: Sequence[Sequence[str]], hypotheses: Sequence[Sequence[str]]
) -> list[float]:
    """Return CIDEr of each document in [0, 10], one reference each; the figure is their mean.

    Raises:
        ValueError: the sequences differ in length or are empty.
    """
    if not references:
        raise ValueError("CIDEr needs at least one document")
    totals = [0.0] * len(references)
    for n in range(1, MAX_N + 1):
        known = [count_ngrams(reference, n) for reference in references]
        num_documents = Counter(gram for counts in known for gram in counts)
        pairs = zip(known, hypotheses, strict=True)
        for i, (counts, hypothesis) in enumerate(pairs):
            ours = _weigh(counts, num_documents, len(references))
            theirs = _weigh(count_ngrams(hypothesis, n), num_documents, len(references))
            totals[i] += _compare(ours, theirs)
    penalties = (
        math.exp(-((_count_pairs(r) - _count_pairs(h)) ** 2) / (2 * SIGMA**2))
        for r, h in zip(references, hypotheses, strict=True)
    )
    return [10 * t / MAX_N * penalty for t, penalty in zip(totals, penalties, strict=True)]


def _weigh(counts: Counter[_Gram], num_documents: Mapping[_Gram, int], total: int) -> _Vector:
    """Return counts times log(documents / documents with the n-gram)."""
    weights = {
        gram: count * (math.log(total) - math.log(max(1, num_documents.get(gram, 0))))
        for gram, count in counts.items()
    }
    return _Vector(weights, math.sqrt(sum(weight**2 for weight in weights.values())))


def _compare(reference: _Vector, hypothesis: _Vector) -> float:
    """Return the cosine of two vectors, the hypothesis clipped to the reference, in [0, 1]."""
    if not reference.norm or not hypothesis.norm:
        return 0.0
    clipped = sum(
        min(weight, reference.weights[gram]) * reference.weights[gram]
        for gram, weight in hypothesis.weights.items()
        if gram in reference.weights
    )
    return clipped / (reference.norm * hypothesis.norm)


def _count_pairs(tokens: Sequence[str]) -> int:
    return max(len(tokens) - 1, 0)
