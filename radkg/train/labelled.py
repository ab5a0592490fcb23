"""Sentences with what they state, as every reader of sentences learns them.

They come from texts that were annotated (gold/annotated.py), from a RadGraph JSON file that a user
brings, or from a reader whose answers another one imitates.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from radkg.gold.annotated import (
    AnnotatedText,
    cut_reading,
    is_kept_out,
    read_annotated_reports,
    read_annotated_sentences,
)
from radkg.schema.linearize import Link, Span, ground, make_items, parse, write
from radkg.schema.sentences import find_words, is_entity_word

ANNOTATED = """- Target `copy` is learnt from texts that language models annotated in RadGraph's
  schema (model-made, not human), without the tenth that is kept out.
"""
"""what the card of a model says that learnt from them"""


@dataclass(frozen=True, slots=True)
class LabelledSentence:
    """A sentence, its spans in order, and the links between them by their indices."""

    sentence: str
    spans: tuple[Span, ...]
    links: tuple[Link, ...]


def read_labelled_sentences(*, kept_out: bool = False) -> list[LabelledSentence]:
    """Return the sentences of the annotated texts: Open-i's, then those of invented reports.

    Args:
        kept_out: the tenth that no training sees, instead of the other nine.
    """
    texts = [*read_annotated_sentences(), *read_annotated_reports()]
    return [
        sentence
        for text in texts
        if is_kept_out(text.text) == kept_out
        for sentence in cut_labelled_sentences(text)
    ]


def cut_labelled_sentences(text: AnnotatedText) -> Iterator[LabelledSentence]:
    """Yield the sentences of an annotated text, those without a word left out."""
    for start, end in text.sentences:
        reading = cut_reading(text.spans, text.links, start, end)
        sentence = fit_to_words(text.text[start:end], reading.spans, reading.links)
        if find_words(sentence.sentence):
            yield sentence


def fit_to_words(sentence: str, spans: Sequence[Span], links: Iterable[Link]) -> LabelledSentence:
    """Return a labelled sentence whose spans are runs of words and do not overlap.

    An end inside a word moves to the word's end. Of spans that then overlap the first stands, and a
    span without a word is left out, with their links.
    """
    ends = [(start, end) for word, start, end in find_words(sentence) if is_entity_word(word)]
    fitted: dict[int, Span] = {}
    taken = 0
    for i in sorted(range(len(spans)), key=lambda i: spans[i]):
        start, end, label = spans[i]
        inside = [place for place in ends if place[0] < end and place[1] > start]
        if inside and inside[0][0] >= taken:
            fitted[i] = (inside[0][0], inside[-1][1], label)
            taken = inside[-1][1]
    number = {i: n for n, i in enumerate(fitted)}
    kept = ((number[h], number[t], r) for h, t, r in links if h in number and t in number)
    return LabelledSentence(
        sentence, tuple(fitted.values()), tuple(link for link in kept if link[0] != link[1])
    )


def can_be_stated(sentence: str, spans: Sequence[Span], links: Sequence[Link]) -> bool:
    """Tell whether spans and links come back from the language model's form as they went in."""
    try:
        back = ground(sentence, parse(write(make_items(sentence, spans, links)), "copy"))
    except ValueError:
        return False
    return _facts(spans, links) == _facts(back[0], back[1])


def _facts(spans: Sequence[Span], links: Sequence[Link]) -> tuple[Counter[Span], Counter[object]]:
    return Counter(spans), Counter((spans[head], spans[tail], r) for head, tail, r in links)
