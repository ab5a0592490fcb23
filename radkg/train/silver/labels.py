"""Sentences with the rules' reading of them: silver labels, for a student that is to imitate them.

Silver measures agreement with the rules; what the rules misread is misread here too.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from radkg.rules.extractor import read_sentence
from radkg.rules.lexicon import load_lexicon
from radkg.rules.splitting import split
from radkg.schema.linearize import Link, Span, ground, make_items, parse, write
from radkg.schema.records import Study
from radkg.schema.sentences import study_sentences, words

Part = tuple[int, int, str]  # start and end in the sentence, what the rules take the phrase for


@dataclass(frozen=True, slots=True)
class SilverSentence:
    """A sentence, what the rules state of it, and what they take each of its phrases for.

    `parts` holds entities (kinds of the lexicon) and cues alike: the steps of the reasoning, which
    a student may learn as well.
    """

    sentence: str
    spans: tuple[Span, ...]
    links: tuple[Link, ...]
    parts: tuple[Part, ...]


def count_sentences(studies: Iterable[Study]) -> Counter[str]:
    """Return the sentences that extractors read, blanks around them off, with their counts."""
    counts: Counter[str] = Counter()
    for study in studies:
        counts.update(study.report[a:b].strip() for _, a, b in study_sentences(study))
    return counts


def label_sentences(found: Iterable[str], *, only_stated: bool = True) -> list[SilverSentence]:
    """Return the sentences with the rules' reading, in order.

    Args:
        found: sentences, as `count_sentences` or `invented` give them.
        only_stated: leave out what the language model's form (schema/linearize.py) cannot state
            exactly, 1 real sentence in 100: words that occur twice, in different relations.
    """
    lexicon = load_lexicon()
    kept = []
    for sentence in found:
        mentions, links = read_sentence(sentence)
        spans = tuple((start, end, label) for _, label, _, start, end in mentions)
        if not only_stated or can_be_stated(sentence, spans, links):
            in_words = words(sentence)
            parts = tuple(
                (item.start, item.end, item.kind)
                for item in split(lexicon.find(in_words), in_words)
            )
            kept.append(SilverSentence(sentence, spans, links, parts))
    return kept


def can_be_stated(sentence: str, spans: Sequence[Span], links: Sequence[Link]) -> bool:
    """Tell whether spans and links come back from the language model's form as they went in."""
    try:
        back = ground(sentence, parse(write(make_items(sentence, spans, links)), "copy"))
    except ValueError:
        return False
    return _facts(spans, links) == _facts(back[0], back[1])


def _facts(spans: Sequence[Span], links: Sequence[Link]) -> tuple[Counter[Span], Counter[object]]:
    return Counter(spans), Counter((spans[head], spans[tail], r) for head, tail, r in links)
