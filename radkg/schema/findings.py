"""What a study's findings are: its observation concepts, each with the strongest of its mentions.

Functions on rows of the extraction table, entities and relations as mappings. The graph's
HAS_FINDING and the comparison of two snapshots are this one definition.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from radkg.schema.records import Label

STRENGTH: tuple[Label, ...] = ("OBS-DA", "OBS-U", "OBS-DP")  # rising


class Finding(NamedTuple):
    """An observation concept of one study; its label is that of its strongest mention."""

    concept: str
    strongest: int
    """index into the study's entities: of the mentions with the strongest label, the surest"""
    mentions: int
    """number of mentions, of whatever label"""


def findings(row: Mapping[str, Any]) -> list[Finding]:
    """Return one finding per observation concept, in the order of their first mentions.

    An observation that modifies another thing ("mild") is a modifier and no finding.
    """
    entities = row["entities"]
    modifiers = {r["head"] for r in row["relations"] if r["relation"] == "modify"}
    by_concept: dict[str, list[int]] = {}
    for index, entity in enumerate(entities):
        if entity["label"] in STRENGTH and index not in modifiers:
            by_concept.setdefault(entity["concept"], []).append(index)

    def strength(index: int) -> tuple[int, float]:
        return STRENGTH.index(entities[index]["label"]), entities[index]["confidence"]

    return [
        Finding(concept, max(found, key=strength), len(found))
        for concept, found in by_concept.items()
    ]
