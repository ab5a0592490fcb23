"""Sentences that no archive has: real ones taken apart and put together anew.

The rules can read any sentence, so there is no end of training data. What is invented holds terms
of the word lists that an archive seldom or never has, and words that are nearly one of them. It is
for training only: accuracy is measured on real sentences.
"""

from __future__ import annotations

import csv
import random
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import accumulate
from typing import NamedTuple

from radkg.rules.lexicon import DATA, ENTITY_KINDS, load_lexicon
from radkg.schema.sentences import find_words

MAX_WORDS = 60  # of an invented sentence; the longest of Open-i are shorter

# Cues that join two sentences, the findings of the first to those of the second.
_JOINERS = {
    **{"suggests": 10, "means": 6, "hedge": 4, "comma": 3, "and": 3, "with": 3, "or": 2},
    **{"stop": 2, "preposition": 1, "verb": 1, "release": 1},
}
# Cues that change what a sentence holds for true: where they may be put, and how often.
_FRONT = {"negated": 4, "uncertain": 3, "hedge": 2, "hypothetical": 1, "verb": 1}
_BACK = {"uncertain_before": 2, "negated_before": 1}
# Share of phrases that are nearly one of a list: the lists are exact, and so is who knows them.
_NEAR_PHRASES = 0.1
_NOISE = 0.35  # sentences as typing and de-identification leave them
_SUGGESTING = 0.12  # sentences made anew from one in which something suggests something


class _Piece(NamedTuple):
    """A phrase of the word lists with its kind, or the text between two of them (kind "")."""

    text: str
    kind: str


def invent_sentences(
    found: Iterable[str], n: int, seed: int, *, mild: bool = False
) -> Iterator[str]:
    """Yield `n` sentences made out of `found`, all different and none of them; same seed, same n.

    Args:
        mild: without slips of spelling and near-phrases. A language model that cuts words into
            pieces loses more by them than it learns: measured on held-out sentences.

    Raises:
        ValueError: `found` is empty.
    """
    real = sorted(set(found))
    if not real:
        raise ValueError("there is no sentence to invent others from")
    inventor = _Inventor(real, random.Random(seed), mild)
    seen = set(real)
    while n:
        sentence = inventor.sentence()
        if sentence not in seen and 0 < len(sentence.split()) <= MAX_WORDS:
            seen.add(sentence)
            n -= 1
            yield sentence


class _Inventor:
    """Takes real sentences apart once, then makes new ones for as long as it is asked."""

    def __init__(self, real: Sequence[str], rng: random.Random, mild: bool) -> None:
        self.rng = rng
        self.near_phrases = 0.0 if mild else _NEAR_PHRASES
        self.noise = 0.0 if mild else _NOISE
        self.real = [_pieces(sentence) for sentence in real]
        self.suggesting = [
            pieces for pieces in self.real if any(p.kind in ("suggests", "means") for p in pieces)
        ] or self.real
        self.listed = _listed()
        self.entity_kinds = {k for k in self.listed if set(k.split("+")) <= ENTITY_KINDS}
        self.used = self._phrases_in_use()
        gaps = (p.text for pieces in self.real for p in pieces if not p.kind)
        self.fillers = sorted({w for gap in gaps for w in gap.split()}) + self.listed["skip"]
        phrases = (phrase for listed in self.listed.values() for phrase in listed)
        self.words = sorted({w for phrase in phrases for w in phrase.split()}) + self.fillers

    def sentence(self) -> str:
        """Return one sentence; it may happen to be a real one."""
        rng = self.rng
        pieces = rng.choice(self.suggesting if rng.random() < _SUGGESTING else self.real)
        chance = rng.random()
        if chance < 0.3:
            pieces = self._joined(pieces, rng.choice(self.real))
        elif chance < 0.5:
            pieces = self._crossed(pieces, rng.choice(self.real))
        pieces = self._swapped(pieces)
        if rng.random() < 0.3:
            pieces = self._framed(pieces)
        text = " ".join("".join(p.text for p in pieces).split())
        return self._disturbed(text) if rng.random() < self.noise else text

    def phrase(self, kind: str) -> str:
        """Return a phrase of the kind: as often as it is in use, or any of the list."""
        if kind in self.used and self.rng.random() < 0.5:
            phrases, weights = self.used[kind]
            return self.rng.choices(phrases, cum_weights=weights)[0]
        return self.rng.choice(self.listed[kind])

    def _swapped(self, pieces: list[_Piece]) -> list[_Piece]:
        """Return the pieces with some phrases exchanged for others of their kind."""
        rate = self.rng.choice((0.0, 0.2, 0.5, 0.9))
        swapped = []
        for piece in pieces:
            kind = piece.kind
            if kind and self.rng.random() < rate * (1.0 if kind in self.entity_kinds else 0.5):
                if kind in ("finding", "quality", "modifier") and self.rng.random() < 0.1:
                    kind = self.rng.choice(("finding", "quality", "modifier", "normal"))
                piece = _Piece(self.phrase(kind), kind)
                if self.rng.random() < self.near_phrases:  # a part of a phrase, or parts of two
                    parts = [*piece.text.split(), *self.phrase(kind).split()]
                    piece = _Piece(" ".join(self.rng.sample(parts, min(2, len(parts)))), kind)
            elif not kind and self.rng.random() < self.near_phrases / 2:
                piece = _Piece(f"{piece.text} {self.make_near_word()} ", "")
            swapped.append(piece)
        return swapped

    def make_near_word(self) -> str:
        """Return the beginning of one word with the end of another, or any word in use."""
        one, other = self.rng.choice(self.words), self.rng.choice(self.words)
        if self.rng.random() < 0.3:
            return one
        return one[: self.rng.randint(1, len(one))] + other[self.rng.randrange(len(other)) :]

    def _joined(self, one: list[_Piece], other: list[_Piece]) -> list[_Piece]:
        """Return two sentences joined by a cue: with it the first may suggest the second."""
        kind = self._draw(_JOINERS)
        comma = ", " if self.rng.random() < 0.3 else " "
        tail = other
        if self.rng.random() < 0.5:  # the core of the second: what "there is" and its kin open
            first = next((i for i, p in enumerate(other) if p.kind in self.entity_kinds), 0)
            tail = other[first:]
        cue = _Piece(self.phrase(kind), kind)
        return [*one, _Piece(comma, ""), cue, _Piece(" ", ""), *tail]

    def _crossed(self, one: list[_Piece], other: list[_Piece]) -> list[_Piece]:
        """Return the beginning of one sentence with the end of another."""
        begin = one[: self.rng.randint(1, len(one))]
        return [*begin, _Piece(" ", ""), *other[self.rng.randrange(len(other)) :]]

    def _framed(self, pieces: list[_Piece]) -> list[_Piece]:
        """Return the pieces with a cue put in front, at the end or anywhere."""
        chance = self.rng.random()
        if chance < 0.2:
            return [*pieces, _Piece(" " + self.phrase(self._draw(_BACK)), "")]
        places = [i for i, p in enumerate(pieces) if p.kind in self.entity_kinds] or [0]
        place = places[0] if chance < 0.6 else self.rng.choice(places)
        kind = self._draw(_FRONT if chance < 0.85 else _JOINERS)
        blank, cue = _Piece(" ", ""), _Piece(self.phrase(kind), kind)
        return [*pieces[:place], blank, cue, blank, *pieces[place:]]

    def _disturbed(self, text: str) -> str:
        """Return the text as typing and de-identification leave it."""
        rng, found = self.rng, text.split()
        what, i = rng.randrange(8), rng.randrange(len(found)) if found else 0
        if what == 0:
            return text.lower()
        if what == 1:
            return text.upper()
        if what == 2:
            return text.replace(",", "")
        if what == 3 and len(found) > 2:
            del found[i]
        elif what == 4 and found:
            found[i] = "XXXX"
        elif what == 5 and found and len(found[i]) > 3:  # a slip of the fingers
            k = rng.randrange(len(found[i]) - 1)
            found[i] = found[i][:k] + found[i][k + 1] + found[i][k] + found[i][k + 2 :]
        elif what == 6 and self.fillers:
            found.insert(i, rng.choice(self.fillers))
        elif found:
            found[i] += ","
        return " ".join(found)

    def _draw(self, weights: dict[str, int]) -> str:
        return self.rng.choices(list(weights), list(weights.values()))[0]

    def _phrases_in_use(self) -> dict[str, tuple[list[str], list[float]]]:
        """Return for each kind the phrases of the real sentences and their summed weights."""
        counts: dict[str, Counter[str]] = {}
        for pieces in self.real:
            for piece in pieces:
                if piece.kind:
                    counts.setdefault(piece.kind, Counter())[piece.text.lower()] += 1
        # the square root: the few phrases of most sentences leave room for the others
        return {
            kind: (list(found), list(accumulate(count**0.5 for count in found.values())))
            for kind, found in counts.items()
        }


def _pieces(sentence: str) -> list[_Piece]:
    """Return the sentence in pieces, all of its characters; never empty."""
    pieces: list[_Piece] = []
    end = 0
    for item in load_lexicon().find(find_words(sentence)):
        if item.start < end:  # the second of two entities with one span
            pieces[-1] = _Piece(pieces[-1].text, f"{pieces[-1].kind}+{item.kind}")
            continue
        if item.start > end:
            pieces.append(_Piece(sentence[end : item.start], ""))
        pieces.append(_Piece(sentence[item.start : item.end], item.kind))
        end = item.end
    return [*pieces, _Piece(sentence[end:], "")]


def _listed() -> dict[str, list[str]]:
    """Return for each kind ("side+site" where a phrase is two) all phrases of the word lists."""
    kinds: dict[str, list[str]] = {}
    for name, column in (("lexicon.csv", "kind"), ("cues.csv", "cue")):
        with (DATA / name).open(encoding="ascii", newline="") as file:
            for row in csv.DictReader(line for line in file if not line.startswith("#")):
                kinds.setdefault(row["phrase"], []).append(row[column])
    listed: dict[str, list[str]] = {}
    for phrase, found in kinds.items():
        listed.setdefault("+".join(found), []).append(phrase)
    for kind in ("finding", "site"):
        listed[kind] += [plural for phrase in listed[kind] for plural in _plurals(phrase)]
    return listed


def _plurals(phrase: str) -> list[str]:
    """Return the plurals of the phrase that the lexicon knows and does not list."""
    lexicon = load_lexicon()
    ends = [f"{phrase}s", f"{phrase}es", f"{phrase[:-1]}ies"]
    whole = [lexicon.find([(w, 0, 0) for w in plural.split()]) for plural in ends]
    size = len(phrase.split())
    return [
        plural
        for plural, items in zip(ends, whole, strict=True)
        if len(items) == 1 and items[0].word_end - items[0].word == size
    ]
