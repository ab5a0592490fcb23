"""Measurements among the words of a sentence: 4 cm, 2.4 x 1.9 cm, 25 mm, 30%."""

from __future__ import annotations

import re
from collections.abc import Sequence

from radkg.schema.synonyms import Word

_NUMBER = re.compile(r"\d+(?:\.\d+)?")
_WITH_UNIT = re.compile(r"\d+(?:\.\d+)?(?:%|cm|mm|ml|cc|fr)")
_UNITS = frozenset({"cm", "mm", "ml", "cc", "fr", "french", "degrees", "degree"})
_BETWEEN = frozenset({"x", "by", "to"})
MAX_WORDS = 8  # of one measurement


def find_measurement(sentence: Sequence[Word], i: int) -> int:
    """Return the index behind the measurement that begins at word `i`; `i` where there is none."""
    if _WITH_UNIT.fullmatch(sentence[i][0]):
        return i + 1
    if not _NUMBER.fullmatch(sentence[i][0]):
        return i
    for j in range(i + 1, min(len(sentence), i + MAX_WORDS)):
        word = sentence[j][0]
        if word in _UNITS or _WITH_UNIT.fullmatch(word):
            again = j + 2 < len(sentence) and sentence[j + 1][0] in _BETWEEN
            end = find_measurement(sentence, j + 2) if again else 0
            return max(j + 1, end) if end > j + 2 else j + 1
        if word not in _BETWEEN and not _NUMBER.fullmatch(word):
            return i
    return i
