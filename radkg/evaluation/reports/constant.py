"""The one training report that does best by BLEU-4 when it is given for every study.

All training reports are tried, on the training reports. The n-grams that a text shares with all
references are summed without looking at a reference: it is enough to know how many references hold
each n-gram once, twice and so on.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from radkg.metrics.text import MAX_N, compute_bleu_of, count_ngrams

_Gram = tuple[str, ...]


def find_best_constant(references: Sequence[Sequence[str]]) -> int:
    """Return the index of the token list with the best BLEU-4 against all; the first of equals.

    Raises:
        ValueError: there is no reference.
    """
    if not references:
        raise ValueError("a constant is chosen among at least one report")
    holding = _count_holders(references)
    lengths = sum(map(len, references))
    return max(range(len(references)), key=lambda i: _score(references, i, holding, lengths))


def _count_holders(references: Sequence[Sequence[str]]) -> Counter[tuple[_Gram, int]]:
    """Return how many references hold an n-gram at least so many times."""
    return Counter(
        (gram, times)
        for reference in references
        for n in range(1, MAX_N + 1)
        for gram, count in count_ngrams(reference, n).items()
        for times in range(1, count + 1)
    )


def _score(
    references: Sequence[Sequence[str]],
    index: int,
    holding: Counter[tuple[_Gram, int]],
    lengths: int,
) -> float:
    """Return BLEU-4 of one of the references, given for all of them."""
    tokens, total = references[index], len(references)
    agreed, guessed = [], []
    for n in range(1, MAX_N + 1):
        counts = count_ngrams(tokens, n)
        agreed.append(
            sum(holding[gram, t] for gram, count in counts.items() for t in range(1, count + 1))
        )
        guessed.append(total * counts.total())
    return compute_bleu_of((*agreed, *guessed, lengths, total * len(tokens)))[3]
