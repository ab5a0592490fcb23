"""Labelled sentences made different without changing what they state: other words, typing slips.

A sentence whose entities are exchanged for others of the same role keeps its labels and links:
"small left effusion" becomes "patchy right opacity". So a reader learns the grammar of reports
apart from their words, and reads words that the annotated texts do not hold.
"""

from __future__ import annotations

import random
import string
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence

from radkg.schema.linearize import Span
from radkg.schema.sentences import find_words
from radkg.train.labelled import LabelledSentence

_Role = tuple[bool, tuple[str, ...], tuple[str, ...]]  # is anatomy, relations as head, as tail

_EXCHANGED = 0.5  # share of the sentences in which entities are exchanged
_EXCHANGE = 0.25  # share of the entities exchanged there
_SLIP = 0.03  # share of the longer words with a typing slip
_SHORTEST = 5  # letters of a word that may have one


class Variation:
    """Varies sentences; entities are exchanged for those of the sentences given here."""

    def __init__(self, found: Iterable[LabelledSentence]) -> None:
        self._texts: defaultdict[_Role, list[str]] = defaultdict(list)
        for one in found:
            for (start, end, _), role in zip(one.spans, _list_roles(one), strict=True):
                self._texts[role].append(one.sentence[start:end])

    def vary(self, one: LabelledSentence, rng: random.Random) -> LabelledSentence:
        """Return the sentence, or one that differs in its words and states the same of them."""
        if rng.random() < _EXCHANGED:
            one = self._exchange(one, rng)
        return slip(one, rng)

    def _exchange(self, one: LabelledSentence, rng: random.Random) -> LabelledSentence:
        texts = [
            rng.choice(self._texts[role])
            if rng.random() < _EXCHANGE and role in self._texts
            else one.sentence[start:end]
            for (start, end, _), role in zip(one.spans, _list_roles(one), strict=True)
        ]
        return _replace(one, [(s, e) for s, e, _ in one.spans], texts)


def slip(one: LabelledSentence, rng: random.Random) -> LabelledSentence:
    """Return the sentence with slips of the fingers: letters lost, doubled, wrong, exchanged."""
    slips: tuple[Callable[[str, int], str], ...] = (
        lambda word, k: word[:k] + word[k + 1 :],
        lambda word, k: word[:k] + word[k] + word[k:],
        lambda word, k: word[:k] + rng.choice(string.ascii_lowercase) + word[k + 1 :],
        lambda word, k: word[:k] + word[k + 1] + word[k] + word[k + 2 :],
    )
    places = [
        (start, end)
        for word, start, end in find_words(one.sentence)
        if len(word) >= _SHORTEST and word.isalpha() and rng.random() < _SLIP
    ]
    texts = [
        rng.choice(slips)(one.sentence[start:end], rng.randrange(1, end - start - 1))
        for start, end in places
    ]
    return _replace(one, places, texts)


def _list_roles(one: LabelledSentence) -> list[_Role]:
    """Return the role of each span: what it is, and the relations in which it stands."""
    heads: defaultdict[int, set[str]] = defaultdict(set)
    tails: defaultdict[int, set[str]] = defaultdict(set)
    for head, tail, relation in one.links:
        heads[head].add(relation)
        tails[tail].add(relation)
    return [
        (label == "ANAT-DP", tuple(sorted(heads[i])), tuple(sorted(tails[i])))
        for i, (_, _, label) in enumerate(one.spans)
    ]


def _replace(
    one: LabelledSentence, places: Sequence[tuple[int, int]], texts: Sequence[str]
) -> LabelledSentence:
    """Return the sentence with other texts at some places, each within a span or outside of all.

    Where the result has spans that are no runs of words ("R>L" with a word for "R"), the sentence
    stays as it is.
    """
    pieces: list[str] = []
    moved: dict[int, int] = {}
    done = length = 0
    for (start, end), text in zip(places, texts, strict=True):
        moved |= {i: length + i - done for i in range(done, start + 1)}
        pieces += [one.sentence[done:start], text]
        length += start - done + len(text)
        done = end
    moved |= {i: length + i - done for i in range(done, len(one.sentence) + 1)}
    sentence = "".join([*pieces, one.sentence[done:]])
    spans: list[Span] = [(moved[s], moved[e], label) for s, e, label in one.spans]
    found = find_words(sentence)
    starts, ends = {start for _, start, _ in found}, {end for _, _, end in found}
    if not all(start in starts and end in ends for start, end, _ in spans):
        return one
    return LabelledSentence(sentence, tuple(spans), one.links)
