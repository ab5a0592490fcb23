"""What a study's findings are: its observation concepts, each with the strongest of its mentions.

Functions on rows of the extraction table, entities and relations as mappings. The graph's
HAS_FINDING, the comparison of two snapshots and the exports are this one definition.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from radkg.schema.records import Label

STATES: dict[Label, str] = {"OBS-DA": "absent", "OBS-U": "uncertain", "OBS-DP": "present"}
STRENGTH: tuple[Label, ...] = tuple(STATES)  # rising


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

    def strength(index: int) -> tuple[int, float]:
        return STRENGTH.index(entities[index]["label"]), entities[index]["confidence"]

    return [
        Finding(concept, max(found, key=strength), len(found))
        for concept, found in mentioned(row).items()
    ]


def mentioned(row: Mapping[str, Any]) -> dict[str, list[int]]:
    """Return by concept the mentions of each finding: indices into the study's entities."""
    modifying = {r["head"] for r in row["relations"] if r["relation"] == "modify"}
    by_concept: dict[str, list[int]] = {}
    for index, entity in enumerate(row["entities"]):
        if entity["label"] in STRENGTH and index not in modifying:
            by_concept.setdefault(entity["concept"], []).append(index)
    return by_concept


def modifiers(row: Mapping[str, Any], index: int) -> list[str]:
    """Return the concepts that modify an entity, each once, in order of mention.

    Only those with its label: in "effusion, not large" there is an effusion and nothing large.
    """
    entities = row["entities"]
    links = (r for r in row["relations"] if (r["relation"], r["tail"]) == ("modify", index))
    heads = sorted(r["head"] for r in links)
    same = (entities[head] for head in heads if entities[head]["label"] == entities[index]["label"])
    return list(dict.fromkeys(entity["concept"] for entity in same))


def sites(row: Mapping[str, Any], index: int) -> list[str]:
    """Return where an entity is located, each place once and with its modifiers: "left base"."""
    links = (r for r in row["relations"] if (r["relation"], r["head"]) == ("located_at", index))
    tails = sorted(r["tail"] for r in links)
    places = ([*modifiers(row, tail), row["entities"][tail]["concept"]] for tail in tails)
    return list(dict.fromkeys(" ".join(words) for words in places))
