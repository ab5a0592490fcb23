"""All nodes and relationships of a graph by their kinds: ours, misplaced, and somebody else's."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from radkg.graph.engine.client import Graph
from radkg.graph.rows.model import ENDS, LABELS

_NODES = "MATCH (n) WITH labels(n) AS labels RETURN labels, count(*) AS number"
_LINKS = """
MATCH (a)-[r]->(b)
WITH type(r) AS type, labels(a) AS head, labels(b) AS tail
RETURN type, head, tail, count(*) AS number
"""
_UNLABELLED = "nodes without a label"


@dataclass(frozen=True)
class Contents:
    """Numbers of nodes and relationships by their kinds."""

    nodes: Counter[str] = field(default_factory=Counter)
    """by label of ours"""
    links: Counter[str] = field(default_factory=Counter)
    """by type of ours, between the labels that it leads from and to"""
    both: Counter[tuple[str, str]] = field(default_factory=Counter)
    """nodes with two labels of ours"""
    labelled: Counter[tuple[str, str]] = field(default_factory=Counter)
    """nodes of ours with a label of somebody else"""
    misplaced: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    """relationships of a type of ours at a node of ours, between other labels than theirs"""
    linked: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    """relationships of somebody else's type at a node of ours, by the labels of its ends"""
    foreign: Counter[str] = field(default_factory=Counter)
    """nodes and relationships that touch nothing of ours"""


def read_contents(graph: Graph) -> Contents:
    """Count what stands in a graph; every node and relationship is looked at once."""
    found = Contents()
    for row in graph.read(_NODES):
        _add_nodes(found, sorted(row["labels"]), row["number"])
    for row in graph.read(_LINKS):
        _add_links(found, row["type"], row["head"], row["tail"], row["number"])
    return found


def _add_nodes(found: Contents, labels: Sequence[str], number: int) -> None:
    own = [label for label in labels if label in LABELS]
    if not own:
        found.foreign[":".join(labels) or _UNLABELLED] += number
        return
    for label in own:
        found.nodes[label] += number
    if len(own) > 1:
        found.both[own[0], own[1]] += number
    for label in labels:
        if label not in LABELS:
            found.labelled[own[0], label] += number


def _add_links(
    found: Contents, kind: str, head: Sequence[str], tail: Sequence[str], number: int
) -> None:
    ends = _name(head), _name(tail)
    if kind in ENDS and ENDS[kind][0] in head and ENDS[kind][1] in tail:
        found.links[kind] += number
    elif not {*head, *tail} & {*LABELS}:
        found.foreign[f"{kind} between nodes of others"] += number
    elif kind in ENDS:
        found.misplaced[kind, *ends] += number
    else:
        found.linked[kind, *ends] += number


def _name(labels: Sequence[str]) -> str:
    """Return what a node is called: by its label of ours, if it has one."""
    own = [label for label in sorted(labels) if label in LABELS]
    return (own or [":".join(sorted(labels)) or "a node without a label"])[0]
