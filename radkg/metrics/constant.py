"""BLEU-4 of one text that is given for every document.

The n-grams that a text shares with all references are summed without looking at a reference: it is
enough to know how many references hold each n-gram once, twice and so on. So every training report,
or every step of a search, can be tried.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from radkg.metrics.text import MAX_N, compute_bleu_of, count_ngrams

_Gram = tuple[str, ...]


class ConstantBleu:
    """Scores one text against all references.

    Args:
        references: tokens of each document.
    """

    def __init__(self, references: Sequence[Sequence[str]]) -> None:
        self._number = len(references)
        self._length = sum(map(len, references))
        self._holding: Counter[tuple[_Gram, int]] = Counter(
            (gram, times)
            for reference in references
            for n in range(1, MAX_N + 1)
            for gram, count in count_ngrams(reference, n).items()
            for times in range(1, count + 1)
        )
        """how many references hold an n-gram at least so many times"""

    def score(self, tokens: Sequence[str]) -> float:
        """Return corpus BLEU-4 [0, 1] of a text given for every reference."""
        agreed, guessed = [], []
        for n in range(1, MAX_N + 1):
            counts = count_ngrams(tokens, n)
            agreed.append(
                sum(self._holding[gram, t] for gram, c in counts.items() for t in range(1, c + 1))
            )
            guessed.append(self._number * counts.total())
        lengths = (self._length, self._number * len(tokens))
        return compute_bleu_of((*agreed, *guessed, *lengths))[3]
