"""Typing errors: a word that the lists lack, one slip away from exactly one that they have.

A slip is a letter too much, too few, another one, or two neighbours swapped. Short words and words
of plain English are left alone: `data/plain.csv` lists those that a slip would turn into a term.
"""

from __future__ import annotations

from collections.abc import Iterable

MIN_LETTERS = 6  # of the word and of the term: shorter ones have too many neighbours
_MAX_KEPT = 50_000  # words that are remembered, so that hostile text does not fill the memory


class Spelling:
    """Finds the term that a mistyped word stands for; built when the first such word is met."""

    def __init__(self, terms: Iterable[str], plain: Iterable[str]) -> None:
        self.known = frozenset(terms)
        self._plain = frozenset(plain)
        self._terms_by_rest: dict[str, list[str]] = {}  # what is left without one letter -> terms
        self._mended: dict[str, str] = {}

    def mend(self, word: str) -> str:
        """Return the term that the word stands for, or the word where there is none or several."""
        mended = self._mended.get(word)
        if mended is None:
            mended = self._find(word)
            if len(self._mended) < _MAX_KEPT:
                self._mended[word] = mended
        return mended

    def _find(self, word: str) -> str:
        if len(word) < MIN_LETTERS or not word.isalpha() or word in self._plain:
            return word
        if not self._terms_by_rest:
            for term in sorted(self.known):
                if len(term) >= MIN_LETTERS and term.isalpha():
                    for rest in {term, *_leave_one_out(term)}:
                        self._terms_by_rest.setdefault(rest, []).append(term)
        near = {
            term
            for rest in {word, *_leave_one_out(word)}
            for term in self._terms_by_rest.get(rest, ())
            if term[0] == word[0] and _is_one_slip(word, term)
        }
        return near.pop() if len(near) == 1 else word


def _leave_one_out(word: str) -> list[str]:
    return [word[:i] + word[i + 1 :] for i in range(len(word))]


def _is_one_slip(word: str, term: str) -> bool:
    """Tell whether one slip makes the word out of the term."""
    start = 0
    while start < min(len(word), len(term)) and word[start] == term[start]:
        start += 1
    a, b = word[start:], term[start:]
    return a[1:] == b or a == b[1:] or a[1:] == b[1:] or (a[:2] == b[:2][::-1] and a[2:] == b[2:])
