"""Canonical names of mentions: what each names alone, and what several name together.

Mentions are as short as the guide of the annotations asks for; the name of a concept often needs
more than one: of "airspace disease" the mention "disease" is named "airspace disease", of "right
lower lobe" the mention "lobe" is named "lower lobe". The phrases stand in lexicon.csv, what related
mentions name together across a sentence in contexts.csv.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache

from radkg.rules.lexicon import ANATOMY_KINDS, Item, Lexicon, load_lexicon
from radkg.schema.linearize import Link, Span
from radkg.schema.sentences import find_words

_MAX_NAMES = 20_000  # texts whose names are remembered
_NORMAL = "normal"
_STATES_NORMALITY = frozenset({"negative"})  # where stated itself: "Negative chest"


def name_concepts(sentence: str, spans: Sequence[Span], links: Sequence[Link]) -> list[str]:
    """Return the concept of each span; what the lexicon lacks is named by its own words."""
    return compose_concepts(load_lexicon().find(find_words(sentence)), sentence, spans, links)


def compose_concepts(
    items: Iterable[Item], sentence: str, spans: Sequence[Span], links: Sequence[Link]
) -> list[str]:
    """Return the concept of each span of a sentence whose phrases the lexicon has found."""
    phrases: dict[tuple[int, int], list[Item]] = {}
    for item in items:
        if item.concept:
            phrases.setdefault((item.start, item.end), []).append(item)
    names = _name_alone(sentence, spans, phrases)
    alone = {(start, end) for start, end, _ in spans}
    for place, items in phrases.items():
        if place not in alone:
            start, end = place
            inside = [i for i, (a, b, _) in enumerate(spans) if start <= a and b <= end]
            for item, head in _find_heads(items, inside, spans, links):
                names[head] = item.concept
    return name_in_context(load_lexicon(), names, links) if links else names


def name_in_context(lexicon: Lexicon, names: Sequence[str], links: Sequence[Link]) -> list[str]:
    """Return the names after what each makes of the one it is related to (contexts.csv)."""
    changed = list(names)
    for head, tail, _ in links:
        for one, other in ((head, tail), (tail, head)):
            changed[one] = lexicon.contexts.get((names[one], names[other]), changed[one])
    return changed


def _name_alone(
    sentence: str,
    spans: Sequence[Span],
    phrases: dict[tuple[int, int], list[Item]],
) -> list[str]:
    """Return what each span names by its own words.

    Of a word with two readings the site or the finding counts: "bibasilar" is named base, and its
    side is read from its text (schema/sides.py).
    """
    names = []
    for start, end, label in spans:
        known = [
            item
            for item in phrases.get((start, end), ())
            if (item.kind in ANATOMY_KINDS) == (label == "ANAT-DP")
        ]
        text = sentence[start:end]
        if len(known) > 1:
            known.sort(key=_is_side)
        if label == "OBS-DP" and text.lower() in _STATES_NORMALITY:
            names.append(_NORMAL)
        else:
            names.append(known[0].concept if known else _name_text(text))
    return names


def _is_side(item: Item) -> bool:
    return item.kind == "side"


def _find_heads(
    items: Sequence[Item], inside: Sequence[int], spans: Sequence[Span], links: Sequence[Link]
) -> Iterator[tuple[Item, int]]:
    """Yield each reading of a phrase with the span that carries the phrase's name.

    That is the last span of the phrase's kind (anatomy or observation) that modifies no other span
    of the phrase: "lobe" of "lower lobe", "heart" of "heart size".
    """
    among = set(inside)
    modifying = {h for h, t, kind in links if kind == "modify" and h in among and t in among}
    for item in items:
        alike = [i for i in inside if (spans[i][2] == "ANAT-DP") == (item.kind in ANATOMY_KINDS)]
        roots = [i for i in alike if i not in modifying] or alike
        if roots:
            yield item, roots[-1]


@lru_cache(maxsize=_MAX_NAMES)
def _name_text(text: str) -> str:
    """Return the concept of a text that the lexicon names as a whole; failing that, its words."""
    found = find_words(text)
    items = load_lexicon().find(found)
    whole = [i for i in items if i.concept and i.word_end - i.word == len(found)]
    whole.sort(key=_is_side)
    return whole[0].concept if whole else " ".join(w for w, _, _ in found) or text.lower()
