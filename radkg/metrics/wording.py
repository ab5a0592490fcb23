"""Generated reports against true ones by their words: BLEU, ROUGE-L, CIDEr, as papers give them.

A text becomes tokens as R2Gen cleans reports (Chen et al., EMNLP 2020): lower case, no punctuation
but hyphens, numbers of lists dropped, a full stop as a token behind each sentence. The mark of a
word that de-identification removed ("xxxx") is no word: it is dropped, so that a text gains nothing
by writing it. Published figures on Open-i keep it (`keep_removed`). One constant text does well by
these scores: they say nothing by themselves.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import starmap
from typing import NamedTuple

from radkg.metrics.cider import score_cider
from radkg.metrics.text import compute_bleu_of, count_bleu, score_rouge_l

STOP = "."
REMOVED = "xxxx"

_LIST_NUMBER = re.compile(r"(?:^|(?<=\s))\d{1,2}\. ")
_SENTENCE_END = re.compile(r"\.+(?:\s|$)")
_PUNCTUATION = re.compile(r"""[][.,?;:*!%^&_+()<=>@{}"'/\\]""")


class Wording(NamedTuple):
    """What the words of some texts are worth against their references, document by document."""

    bleu_counts: tuple[tuple[int, ...], ...]
    """as `count_bleu` gives them"""
    rouge_l: tuple[float, ...]
    cider: tuple[float, ...]

    @property
    def bleu(self) -> tuple[float, float, float, float]:
        """Return corpus BLEU-1 to BLEU-4 in [0, 1]."""
        return compute_bleu_of([sum(column) for column in zip(*self.bleu_counts, strict=True)])


def split_report(text: str, *, keep_removed: bool = False) -> list[str]:
    """Return the tokens of a report, a full stop behind each sentence."""
    tokens: list[str] = []
    for sentence in _SENTENCE_END.split(_LIST_NUMBER.sub(". ", " ".join(text.lower().split()))):
        words = _PUNCTUATION.sub("", sentence).split()
        if not keep_removed:
            words = [word for word in words if word != REMOVED]
        tokens += [*words, STOP] if words else []
    return tokens


def has_removed_word(text: str) -> bool:
    """Tell whether a text holds the mark of a removed word."""
    return REMOVED in text.lower()


def score_wording(
    references: Sequence[Sequence[str]], hypotheses: Sequence[Sequence[str]]
) -> Wording:
    """Return the scores of token lists, one reference each.

    Raises:
        ValueError: the sequences differ in length or are empty.
    """
    cider = score_cider(references, hypotheses)
    pairs = list(zip(references, hypotheses, strict=True))
    return Wording(
        tuple(starmap(count_bleu, pairs)), tuple(starmap(score_rouge_l, pairs)), tuple(cider)
    )
