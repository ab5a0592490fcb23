"""Words as hashed features: no vocabulary, so that no word is unknown.

A word is itself and the runs of 3 and 4 characters in it, each hashed into one of the rows of an
embedding table: a slip of the fingers or a word never met still has neighbours. Words are numbered
as they come, so that a word costs its hashing once.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from zlib import crc32

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from radkg.schema.sentences import is_entity_word
from radkg.schema.synonyms import Word

_MAX_CHARS = 32  # characters of a word that count; longer "words" are noise
_SIZES = (3, 4)

Ints = npt.NDArray[np.int64]


class WordTable:
    """Numbers words from 0 and keeps the features of each; `buckets` is the rows of the table."""

    def __init__(self, buckets: int) -> None:
        self.buckets = buckets
        self._number: dict[str, int] = {}
        self._features: list[list[int]] = []
        self._is_word: list[bool] = []  # False for punctuation

    def __len__(self) -> int:
        return len(self._features)

    def number_words(self, found: Sequence[Word]) -> list[int]:
        """Return the numbers of the words of a sentence; new words get the next ones."""
        try:
            return [self._number[word] for word, _, _ in found]
        except KeyError:
            return [self._add(word) for word, _, _ in found]

    def is_word(self) -> npt.NDArray[np.bool_]:
        """Tell for each number whether an entity may begin or end with it: not for punctuation."""
        return np.array(self._is_word, dtype=bool)

    def encode_features(self, numbers: Iterable[int]) -> tuple[Tensor, Tensor, Tensor]:
        """Return what an embedding bag takes for these words: rows, their weights, offsets.

        A word itself weighs 1, its runs of characters 1 together.
        """
        rows: list[int] = []
        weights: list[float] = []
        offsets: list[int] = []
        for number in numbers:
            found = self._features[number]
            offsets.append(len(rows))
            rows += found
            weights += [1.0] + [1.0 / (len(found) - 1)] * (len(found) - 1)
        return torch.tensor(rows), torch.tensor(weights), torch.tensor(offsets)

    def _add(self, word: str) -> int:
        number = self._number.get(word)
        if number is None:
            number = self._number[word] = len(self._features)
            self._features.append(_hashed(word, self.buckets))
            self._is_word.append(is_entity_word(word))
        return number


def _hashed(word: str, buckets: int) -> list[int]:
    """Return the rows of a word: first itself, then its runs of characters; two at least."""
    marked = f"<{word[:_MAX_CHARS]}>"
    runs = {marked[i : i + n] for n in _SIZES for i in range(len(marked) - n + 1)}
    # crc32: the same on every machine and in every process, other than hash()
    return [crc32(text.encode()) % buckets for text in (f"={word}", *sorted(runs))]
