"""Canonical names of mentions: what each names alone, and what several name together.

Mentions are as short as the guide of the annotations asks for; the name of a concept often needs
more than one: of "airspace disease" the mention "disease" is named "airspace disease", of "right
lower lobe" the mention "lobe" is named "lower lobe". The phrases stand in lexicon.csv, what related
mentions name together across a sentence in contexts.csv.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from radkg.rules.lexicon import ANATOMY_KINDS, Item, Lexicon, load_lexicon
from radkg.schema.linearize import Link, Span
from radkg.schema.sentences import words


def concepts(sentence: str, spans: Sequence[Span], links: Sequence[Link]) -> list[str]:
    """Return the concept of each span; what the lexicon lacks is named by its own words."""
    lexicon = load_lexicon()
    phrases: dict[tuple[int, int], list[Item]] = {}
    for item in lexicon.find(words(sentence)):
        if item.concept:
            phrases.setdefault((item.start, item.end), []).append(item)
    names = _name_alone(lexicon, sentence, spans, phrases)
    for (start, end), items in phrases.items():
        inside = [i for i, (a, b, _) in enumerate(spans) if start <= a and b <= end]
        if len(inside) > 1 or (inside and spans[inside[0]][:2] != (start, end)):
            for item, head in _find_heads(items, inside, spans, links):
                names[head] = item.concept
    return in_context(lexicon, names, links)


def in_context(lexicon: Lexicon, names: Sequence[str], links: Sequence[Link]) -> list[str]:
    """Return the names after what each makes of the one it is related to (contexts.csv)."""
    changed = list(names)
    for head, tail, _ in links:
        for one, other in ((head, tail), (tail, head)):
            changed[one] = lexicon.contexts.get((names[one], names[other]), changed[one])
    return changed


def _name_alone(
    lexicon: Lexicon,
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
        items = phrases.get((start, end), [])
        known = [i for i in items if (i.kind in ANATOMY_KINDS) == (label == "ANAT-DP")]
        known.sort(key=lambda item: item.kind == "side")
        names.append(known[0].concept if known else _named(lexicon, sentence[start:end]))
    return names


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


def _named(lexicon: Lexicon, text: str) -> str:
    found = words(text)
    items = [i for i in lexicon.find(found) if i.concept and i.word_end - i.word == len(found)]
    items.sort(key=lambda item: item.kind == "side")
    return items[0].concept if items else " ".join(w for w, _, _ in found) or text.lower()
