"""Which words that could be entities are: what only wonders, counts or titles is left out."""

from __future__ import annotations

from collections.abc import Sequence

from radkg.rules.inside import Link
from radkg.rules.lexicon import ENTITY_KINDS, Item
from radkg.rules.scope import HYPOTHETICAL, PRESENT

_CHEST = "thorax"
_NEEDS_LINK = frozenset(
    {"both", "all", "more", "less", "well", "near", ">", "<", "size", "sizes"}
)  # "ET tube and PICC, both new"


def select_entities(
    items: Sequence[Item], polarity: Sequence[str], links: Sequence[Link]
) -> list[int]:
    """Return the indices of the items that are entities, in their order."""
    modifying = {head for head, _, relation in links if relation == "modify"}
    linked = modifying | {i for head, tail, _ in links for i in (head, tail)}
    kept = [
        i
        for i, item in enumerate(items)
        if item.kind in ENTITY_KINDS
        and polarity[i] != HYPOTHETICAL
        and (item.phrase not in _NEEDS_LINK or i in modifying)
        and not (_is_report(item, polarity[i]) and i not in linked)
    ]
    if all(items[i].concept == _CHEST or items[i].kind == "side" for i in kept):
        return []  # the title of an examination: "portable chest"
    return kept


def _is_report(item: Item, polarity: str) -> bool:
    """Tell whether an entity is the report's own word: "findings were discussed"."""
    return item.phrase in ("finding", "findings") and polarity == PRESENT
