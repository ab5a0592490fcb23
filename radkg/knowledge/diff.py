"""What changed from one knowledge graph to another: nodes and edges that came, went or moved."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from radkg.knowledge.records import Knowledge

Node = tuple[str, str]
"""name and kind"""
Edge = tuple[str, str, str, str, str]
"""name and kind of the head, relation, name and kind of the tail"""
Counts = dict[str, int]
"""studies, and mentions of a node or counts of an edge"""
FACTS = ("knowledge_id", "snapshot_id", "archive", "extractor", "model_id", "split", "studies")
_Key = TypeVar("_Key", bound=tuple[str, ...])
_NONE: Counts = {"studies": 0, "count": 0}


@dataclass(frozen=True)
class Change:
    """A node or an edge whose numbers are not those of before; 0: it was not there, or is not."""

    name: str
    studies: tuple[int, int]
    count: tuple[int, int]
    """mentions of a node; how often an edge is stated"""

    @property
    def what(self) -> str:
        """Whether it came, went or changed."""
        return "came" if not self.studies[0] else "changed" if self.studies[1] else "went"


@dataclass(frozen=True)
class KnowledgeDiff:
    """What differs between two graphs; changes with the largest difference of studies first."""

    before: dict[str, Any]
    """facts: FACTS, and the numbers of nodes and edges"""
    after: dict[str, Any]
    nodes: tuple[Change, ...]
    edges: tuple[Change, ...]

    def count(self) -> dict[str, dict[str, int]]:
        """Return the numbers of changes: of nodes and of edges, those that came, went, changed."""
        return {
            name: {
                what: sum(c.what == what for c in changes) for what in ("came", "went", "changed")
            }
            for name, changes in (("nodes", self.nodes), ("edges", self.edges))
        }

    def to_dict(self) -> dict[str, Any]:
        """Return all of it as JSON has it."""
        named = {"nodes": self.nodes, "edges": self.edges}
        return {
            "before": self.before,
            "after": self.after,
            "totals": self.count(),
            **{
                name: [{"what": c.what, **dataclasses.asdict(c)} for c in changes]
                for name, changes in named.items()
            },
        }


def compare_knowledge(before: Knowledge, after: Knowledge) -> KnowledgeDiff:
    """Return what differs from one graph to another.

    A node is known by its name and kind, an edge by its ends and its relation: an edge that came
    has no earlier count.
    """
    return KnowledgeDiff(
        _describe(before),
        _describe(after),
        _list_changes(list_nodes(before), list_nodes(after)),
        _list_changes(list_edges(before), list_edges(after)),
    )


def list_nodes(knowledge: Knowledge) -> dict[Node, Counts]:
    """Return the numbers of each node."""
    return {
        (row["name"], row["kind"]): {"studies": row["studies"], "count": row["mentions"]}
        for row in knowledge.nodes.to_pylist()
    }


def list_edges(knowledge: Knowledge) -> dict[Edge, Counts]:
    """Return the numbers of each edge."""
    ends = list(list_nodes(knowledge))
    return {
        (*ends[row["head"]], row["relation"], *ends[row["tail"]]): {
            "studies": row["studies"],
            "count": row["count"],
        }
        for row in knowledge.edges.to_pylist()
    }


def _describe(knowledge: Knowledge) -> dict[str, Any]:
    facts = {name: knowledge.facts[name] for name in FACTS}
    return facts | {"nodes": knowledge.nodes.num_rows, "edges": knowledge.edges.num_rows}


def _list_changes(
    before: Mapping[_Key, Counts], after: Mapping[_Key, Counts]
) -> tuple[Change, ...]:
    changes = []
    for key in {*before, *after}:
        old, new = before.get(key, _NONE), after.get(key, _NONE)
        if old != new:
            pairs = ((old[name], new[name]) for name in ("studies", "count"))
            changes.append(Change(_name(key), *pairs))
    return tuple(sorted(changes, key=lambda c: (-abs(c.studies[1] - c.studies[0]), c.name)))


def _name(key: tuple[str, ...]) -> str:
    if len(key) == 2:
        return f"{key[0]} ({key[1]})"
    head, head_kind, relation, tail, tail_kind = key
    return f"{head} ({head_kind}) {relation} {tail} ({tail_kind})"
