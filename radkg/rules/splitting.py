"""Phrases of the lexicon to the words that are entities: the shortest spans that carry meaning.

"Pleural effusion" names one finding and is two entities, a site and an observation. Each word of a
phrase is what the lexicon says of that word alone. A phrase whose words mean nothing alone, such as
"endotracheal tube", stays one entity. Masks (XXXX) are part of no entity.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import NamedTuple

from radkg.rules.lexicon import ANATOMY_KINDS, ENTITY_KINDS, JOINTS, Item, load_lexicon
from radkg.schema.synonyms import Word

_NO_ENTITY = frozenset({"xxxx", "the", "a", "an", "with", "to", "from", "for"})
_DESCRIBES = frozenset({"modifier", "adverb", "normal"})
_WORDS_INSIDE = frozenset({"of", "preposition", "and", "or"})  # joints that a phrase may hold
_OBSERVED = ENTITY_KINDS - ANATOMY_KINDS


class _Part(NamedTuple):
    """A word of a phrase, or a run of its words: what it is, and where in the phrase."""

    kind: str
    concept: str
    word: int
    word_end: int
    text: str


def split_phrases(items: Sequence[Item], sentence: Sequence[Word]) -> list[Item]:
    """Return the words of the phrases in place of the phrases; cues stay as they are."""
    found: list[Item] = []
    end = -1
    for i, item in enumerate(items):
        if item.kind not in ENTITY_KINDS:
            found.append(item)
            continue
        if item.word < end:  # the second name of a phrase: levoscoliosis is scoliosis, left
            continue
        end = item.word_end
        second = items[i + 1] if i + 1 < len(items) and items[i + 1].word == item.word else None
        named = _choose(item, second)
        if item.word_end - item.word == 1 or item.kind == "amount":
            found.append(named)
            continue
        for part in _parts(item.phrase, named.kind, named.concept):
            a, b = item.word + part.word, item.word + part.word_end
            found.append(
                Item(part.kind, part.concept, sentence[a][1], sentence[b - 1][2], a, b, part.text)
            )
    return found


def _choose(item: Item, second: Item | None) -> Item:
    """Return the name that a phrase with two names goes by: the finding, else the site."""
    if second is None or item.kind == "finding":
        return item
    if second.kind == "finding" or (second.kind == "site" and item.kind == "side"):
        return second
    return item


@cache  # the lexicon bounds the phrases
def _parts(phrase: str, kind: str, concept: str) -> tuple[_Part, ...]:
    lexicon = load_lexicon()
    found = phrase.split()
    if phrase in lexicon.runs or kind == "side":
        return (_Part(kind, concept, 0, len(found), phrase),)
    parts: list[_Part] = []
    i = 0
    while i < len(found):
        run = _find_run(found, i)
        if run is not None:
            parts.append(run)
            i = run.word_end
            continue
        is_last = i == len(found) - 1 and (kind in ("finding", "site") or not parts)
        part = _read_word(found[i], i, kind, is_last=is_last)
        if part is not None:
            parts.append(part)
        i += 1
    parts = (
        [part for part in parts if part.kind in ENTITY_KINDS]
        if kind in ("modifier", "adverb")
        else parts
    )
    return tuple(_name_head(parts, kind, concept))


def _find_run(found: list[str], i: int) -> _Part | None:
    """Return the longest run that begins at word `i` of a phrase, which is no run itself."""
    lexicon = load_lexicon()
    for end in range(len(found), i + 1, -1):
        text = " ".join(found[i:end])
        if text in lexicon.runs:
            item = lexicon.find([(word, 0, 0) for word in found[i:end]])[0]
            return _Part(item.kind, item.concept, i, end, text)
    return None


def _read_word(word: str, i: int, kind: str, *, is_last: bool) -> _Part | None:
    """Return what a word is inside a phrase of the kind; None where the word is no entity."""
    if word in _NO_ENTITY:
        return None
    alone = load_lexicon().find([(word, 0, len(word))])
    own = _choose(alone[0], alone[1] if len(alone) > 1 else None) if alone else None
    if own is not None and own.kind in JOINTS:
        return _Part(own.kind, "", i, i + 1, word) if own.kind in _WORDS_INSIDE else None
    if own is not None and own.kind in ENTITY_KINDS:
        if kind == "site" and own.kind not in ANATOMY_KINDS:
            return _Part("site" if is_last else "side", own.concept, i, i + 1, word)
        if kind == "normal" and own.concept == "central":  # the trachea is CENTRAL
            return _Part("normal", own.concept, i, i + 1, word)
        return _Part(own.kind, own.concept, i, i + 1, word)
    if kind == "site":
        return _Part("site" if is_last else "side", word, i, i + 1, word)
    if kind == "finding":
        return _Part("finding" if is_last else "modifier", word, i, i + 1, word)
    return _Part(kind, word, i, i + 1, word) if is_last else None


def _name_head(parts: list[_Part], kind: str, concept: str) -> list[_Part]:
    """Give the concept of the phrase to the word that stands for the phrase."""
    wanted = ({"site", "naming"}, ANATOMY_KINDS) if kind == "site" else ({"finding"}, _OBSERVED)
    for kinds in wanted:
        heads = [k for k, part in enumerate(parts) if part.kind in kinds]
        if heads:
            is_cut = any(part.kind in JOINTS for part in parts[: heads[-1]])
            head = heads[0] if is_cut else heads[-1]  # "arch of the aorta", "lower lobe"
            parts[head] = parts[head]._replace(concept=concept)
            break
    return parts
