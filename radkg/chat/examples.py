"""Annotated sentences as examples of a prompt: those that are like the sentence at hand.

They come from the texts that training learns from: the kept-out tenth, and whatever stands in the
report that is read, is never shown.
"""

from __future__ import annotations

import itertools
import math
from collections import Counter, defaultdict
from collections.abc import Iterable
from functools import cache
from hashlib import sha256
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from radkg.schema.linearize import make_items, split_words, write
from radkg.train.labelled import LabelledSentence, can_be_stated, read_labelled_sentences


class ExampleText(NamedTuple):
    """A sentence and what a reader of it writes."""

    sentence: str
    output: str


class ExampleBank:
    """Finds the examples that are most like a sentence.

    Likeness is the cosine of words and pairs of words, each weighed by how rare it is (tf-idf: G.
    Salton and C. Buckley, Information Processing & Management 24(5), 1988).
    """

    def __init__(self, known: Iterable[LabelledSentence]) -> None:
        texts: dict[str, LabelledSentence] = {}  # one of each wording
        for one in known:
            texts.setdefault(normalise(one.sentence), one)
        self._known = list(texts.values())
        self._wordings = list(texts)
        terms = [_count_terms(wording) for wording in self._wordings]
        in_texts = Counter(term for counts in terms for term in counts)
        self._weights = {t: math.log(len(terms) / n) + 1 for t, n in in_texts.items()}
        places: dict[str, list[tuple[int, float]]] = defaultdict(list)
        for i, counts in enumerate(terms):
            for term, weight in self._scale(counts).items():
                places[term].append((i, weight))
        self._places = {
            term: (np.array([i for i, _ in found]), np.array([w for _, w in found]))
            for term, found in places.items()
        }

    def compute_id(self) -> str:
        """Return the hash of all that can be chosen."""
        return sha256(repr(self._known).encode()).hexdigest()

    def choose(self, sentence: str, number: int, report: str = "") -> tuple[ExampleText, ...]:
        """Return the examples most like a sentence, the most like last.

        Args:
            sentence: at hand.
            number: of examples.
            report: normalised; no example that stands in it is chosen, nor one that equals the
                sentence.
        """
        wording = normalise(sentence)
        allowed = (
            self._known[i]
            for i in self._rank(wording)
            if (known := self._wordings[i]) != wording and f" {known} " not in f" {report} "
        )
        stated = (one for one in allowed if can_be_stated(one.sentence, one.spans, one.links))
        chosen = [
            ExampleText(one.sentence, write(make_items(one.sentence, one.spans, one.links)))
            for one in itertools.islice(stated, number)
        ]
        return tuple(reversed(chosen))

    def _rank(self, wording: str) -> npt.NDArray[np.int64]:
        scores = np.zeros(len(self._known))
        for term, weight in self._scale(_count_terms(wording)).items():
            if term in self._places:
                where, weights = self._places[term]
                scores[where] += weight * weights
        return np.argsort(-scores, kind="stable")

    def _scale(self, counts: Counter[str]) -> dict[str, float]:
        """Return the terms with their weights, of length one together."""
        raw = {term: n * self._weights.get(term, 0.0) for term, n in counts.items()}
        length = math.sqrt(sum(weight**2 for weight in raw.values())) or 1.0
        return {term: weight / length for term, weight in raw.items()}


def normalise(text: str) -> str:
    """Return the words of a text, lower-cased, without punctuation, one blank between them."""
    return " ".join(word for word, _, _ in split_words(text))


@cache
def read_example_bank() -> ExampleBank:
    """Return the examples of the annotated texts that training may learn from.

    Raises:
        ArchiveError: Open-i is not installed.
    """
    return ExampleBank(read_labelled_sentences())


def _count_terms(wording: str) -> Counter[str]:
    words = wording.split()
    pairs = (f"{one} {other}" for one, other in itertools.pairwise(words))
    return Counter([*words, *pairs])
