"""Templates: of the texts that say nothing special, the one that is nearest to many reports.

It is found by local search among sentences of usual claims: one is put in, taken out or exchanged
as long as the score rises. The score of one text against all references is a sum over its n-grams
and its entities, so a step costs microseconds.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import replace
from functools import cache

import numpy as np

from radkg.metrics.constant import ConstantBleu
from radkg.reporter.bank import BankSentence
from radkg.schema.drafts import Claim

_CANDIDATES = 1200
_BLEU = 6.0  # weight of BLEU-4 beside F1-RadGraph
_LEAST_REPORTS = 3  # with a sentence
_ROUNDS = 40
_GAIN = 1e-5

_WORD = re.compile(r"[^a-z0-9 ]")

Tokens = Sequence[str]
Entities = AbstractSet[Hashable]


class ConstantScorer:
    """Scores one text against all references: BLEU-4 and F1-RadGraph (partial) together.

    A constant text wins much of either by itself: a reporter begins where such a text ends.

    Args:
        tokens: of each reference.
        entities: of each reference, as F1-RadGraph compares them.
    """

    def __init__(self, tokens: Sequence[Tokens], entities: Sequence[Entities]) -> None:
        self._bleu = ConstantBleu(tokens)
        ids: defaultdict[Hashable, int] = defaultdict(lambda: len(ids))
        self._ids = ids
        for one in entities:
            for entity in one:
                _ = ids[entity]
        self._has = np.zeros((len(ids), len(entities)), np.float32)
        for i, one in enumerate(entities):
            self._has[[ids[entity] for entity in one], i] = 1
        self._sizes = self._has.sum(0)

    def score(self, tokens: Tokens, entities: Entities) -> float:
        """Return the score of a text."""
        return _BLEU * self._bleu.score(tokens) + self.compute_radgraph(entities)

    def compute_radgraph(self, entities: Entities) -> float:
        """Return the mean F1 of one set of entities against every reference's."""
        known = [self._ids[entity] for entity in entities if entity in self._ids]
        met = self._has[known].sum(0)
        return float(np.mean(2 * met / np.maximum(1, self._sizes + len(entities))))


def find_template(
    sentences: Iterable[BankSentence],
    allowed: frozenset[Claim],
    scorer: ConstantScorer,
    entities: Mapping[str, Entities],
) -> tuple[BankSentence, ...]:
    """Return the sentences of a text of usual claims alone, in the order of a report.

    No claim is made twice.

    Args:
        sentences: of the bank.
        allowed: the usual claims that may be made; a denial has no degree there.
        scorer: of the reports that the text is to be near to.
        entities: of each sentence, by its words.
    """
    pool = [
        one
        for one in sentences
        if one.count >= _LEAST_REPORTS and allowed.issuperset(map(drop_degree, one.claims))
    ]
    pool = sorted(pool, key=lambda one: (-one.count, one.text))[:_CANDIDATES]

    def rate(chosen: tuple[BankSentence, ...]) -> float:
        text = [token for one in _order(chosen) for token in tokenise(one.text)]
        return scorer.score(text, frozenset().union(*(entities[one.text] for one in chosen)))

    chosen: tuple[BankSentence, ...] = ()
    best = 0.0
    for _ in range(_ROUNDS):
        value, found = max(
            ((rate(one), one) for one in _list_neighbours(chosen, pool)),
            key=lambda pair: pair[0],
            default=(0.0, ()),
        )
        if value < best + _GAIN:
            break
        best, chosen = value, found
    return tuple(_order(chosen))


def drop_degree(claim: Claim) -> Claim:
    """Return a denial without its degree: "no large effusion" is said where none is."""
    return replace(claim, degree=None) if claim.polarity == "absent" else claim


@cache
def tokenise(sentence: str) -> tuple[str, ...]:
    """Return the words of a sentence in small letters, without signs, and its full stop."""
    return (*_WORD.sub("", sentence.lower()).split(), ".")


def _list_neighbours(
    chosen: tuple[BankSentence, ...], pool: Sequence[BankSentence]
) -> Iterator[tuple[BankSentence, ...]]:
    """Yield what one step makes of a text: a sentence more, one less, or another in its place."""
    shorter = [chosen[:i] + chosen[i + 1 :] for i in range(len(chosen))]
    yield from (one for one in shorter if one)
    for kept in (chosen, *shorter):
        made = {claim for one in kept for claim in one.claims}
        for one in pool:
            if made.isdisjoint(one.claims):
                yield (*kept, one)


def _order(chosen: Iterable[BankSentence]) -> list[BankSentence]:
    return sorted(chosen, key=lambda one: (one.place, one.text))
