"""From what somebody writes to the concept that the graph calls so.

The readers name a mention by the lexicon: `PTX` in a report is `pneumothorax` in the graph, and so
a question about `PTX` is one about `pneumothorax`. `list_names` is the only function that knows the
lexicon.
"""

from __future__ import annotations

import difflib
from collections.abc import Sequence

from radkg.graph.engine.client import Graph
from radkg.rules.lexicon import load_lexicon
from radkg.schema.sentences import find_words

NEAREST = 3  # names in a hint
_SHOWN = 30  # names in a hint where none is near

_KNOWN = """
MATCH (c:Concept) WHERE c.name IN $names RETURN DISTINCT c.name AS name
"""
_TERMS = """
MATCH (k:Knowledge {name: $name}) RETURN count(k) AS number
"""
_NAMES = """
MATCH (c:Concept) RETURN DISTINCT c.name AS name
"""


def list_names(text: str) -> list[str]:
    """Return the names that a text may be in the graph: as it stands first, then the readers'.

    Canonical names are lower-case with single blanks.
    """
    literal = " ".join(text.lower().split())
    read = find_words(text)
    items = load_lexicon().find(read)
    whole = [i.concept for i in items if i.concept and i.word_end - i.word == len(read)]
    return list(dict.fromkeys([literal, *whole]))


def resolve_concept(graph: Graph, text: str) -> str:
    """Return the name of the concept that a text names.

    A name that the graph has as it stands is that name. Otherwise the name is the one by which the
    readers know the text, and where they know none, the text.
    """
    literal, *read = list_names(text)
    if not read:
        return literal
    known = {row["name"] for row in graph.read(_KNOWN, names=[literal, *read])}
    if literal in known or graph.read(_TERMS, name=literal)[0]["number"]:
        return literal
    return next((name for name in read if name in known), read[0])


def find_nearest_concepts(graph: Graph, name: str) -> list[str]:
    """Return names of the graph for one that the graph does not have, the nearest first."""
    return find_nearest_names(sorted(row["name"] for row in graph.read(_NAMES)), name)


def find_nearest_names(names: Sequence[str], text: str) -> list[str]:
    """Return those of the names that are nearest to a text, the nearest first.

    What a part of the text names comes before what is spelt alike: of `pleural effusion` the
    mentions are `pleural` and `effusion`.

    Args:
        names: sorted.
        text: in small letters, with single blanks.
    """
    items = load_lexicon().find(find_words(text))
    parts = [i.concept for kind in ("finding", "") for i in items if kind in ("", i.kind)]
    near = difflib.get_close_matches(text, names, n=NEAREST)
    found = dict.fromkeys([*(part for part in parts if part in set(names)), *near])
    return list(found)[:NEAREST]


def describe_unknown(graph: Graph, name: str) -> str:
    """Return a hint for a name that no study mentions: the nearest names, else some of all."""
    near = find_nearest_concepts(graph, name)
    if near:
        *others, last = map(repr, near)
        hint = f"did you mean {', '.join(others)}{' or ' if others else ''}{last}?"
    else:
        some = sorted(row["name"] for row in graph.read(_NAMES))[:_SHOWN]
        hint = f"there is {', '.join(some)}"
    return f"no study mentions {name!r}: {hint}"


def is_known(graph: Graph, names: Sequence[str]) -> dict[str, bool]:
    """Tell of each name whether a concept of the graph has it."""
    known = {row["name"] for row in graph.read(_KNOWN, names=list(names))}
    return {name: name in known for name in names}
