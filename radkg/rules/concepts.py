"""Canonical names of mentions that somebody else found, by the lexicon of the rules."""

from __future__ import annotations

from collections.abc import Sequence

from radkg.rules.lexicon import ANATOMY_KINDS, Item, Lexicon, load_lexicon
from radkg.schema.linearize import Link, Span
from radkg.schema.sentences import words


def concepts(sentence: str, spans: Sequence[Span], links: Sequence[Link]) -> list[str]:
    """Return the concept of each span of a sentence; what the lexicon lacks is named by its words.

    Of two mentions with one span the first gets the first name ("bibasilar": bilateral, base).
    """
    lexicon = load_lexicon()
    listed: dict[tuple[int, int, bool], list[str]] = {}
    for item in lexicon.find(words(sentence)):
        if item.concept:
            listed.setdefault(_key(item), []).append(item.concept)
    names: list[str] = []
    given: dict[tuple[int, int, bool], int] = {}
    for start, end, label in spans:
        key = (start, end, label == "ANAT-DP")
        known = listed.get(key) or [_named(lexicon, sentence[start:end])]
        names.append(known[min(given.get(key, 0), len(known) - 1)])
        given[key] = given.get(key, 0) + 1
    return in_context(lexicon, names, links)


def in_context(lexicon: Lexicon, names: Sequence[str], links: Sequence[Link]) -> list[str]:
    """Return the names after what each makes of the one it is related to (contexts.csv)."""
    changed = list(names)
    for head, tail, _ in links:
        for one, other in ((head, tail), (tail, head)):
            changed[one] = lexicon.contexts.get((names[one], names[other]), changed[one])
    return changed


def _key(item: Item) -> tuple[int, int, bool]:
    return item.start, item.end, item.kind in ANATOMY_KINDS


def _named(lexicon: Lexicon, text: str) -> str:
    found = words(text)
    items = [i for i in lexicon.find(found) if i.concept and i.word_end - i.word == len(found)]
    return items[0].concept if items else " ".join(w for w, _, _ in found) or text.lower()
