"""What a knowledge graph knows of a finding, as one sentence of a fixed form.

    effusion: often small or moderate, in pleural or base, suggests pneumonia

MedKit asks a graph for <disease, appearance> and fills a template with the answer; its graph is not
published. Ours is counted from the reports of the training part (radkg.knowledge): `modify` leads
to how a finding looks, `located_at` to where it is, `suggestive_of` to what it speaks for.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from radkg.errors import KnowledgeError
from radkg.knowledge.records import Knowledge

_MOST = 2  # words of one relation
_LEAST = 3  # statements in the reports, for a neighbour to be named: fewer are chance


def describe_labels(labels: Sequence[str], knowledge: Knowledge) -> list[str]:
    """Return a sentence for each label, the most frequent neighbours of its concept first.

    Raises:
        KnowledgeError: the graph has no edge, or no observation of a label's name.
    """
    names = knowledge.nodes.column("name").to_pylist()
    edges = knowledge.edges.to_pylist()
    if not edges:
        raise KnowledgeError(
            "the knowledge graph has no edge: build it from extractions that state something"
        )
    kinds = knowledge.nodes.column("kind").to_pylist()
    place = {n: row for row, n in enumerate(names) if kinds[row] == "observation"}
    unknown = [label for label in labels if label not in place]
    if unknown:
        raise KnowledgeError(
            f"the knowledge graph has no observation {', '.join(unknown[:5])}: leave the label "
            "out, or build the graph from the archive that has it"
        )
    return [_describe(label, place[label], names, edges) for label in labels]


def _describe(label: str, row: int, names: Sequence[str], edges: Sequence[dict[str, Any]]) -> str:
    looks = _list_neighbours(row, names, edges, "modify", "tail", "head")
    sites = _list_neighbours(row, names, edges, "located_at", "head", "tail")
    causes = _list_neighbours(row, names, edges, "suggestive_of", "head", "tail")
    parts = [
        f"{opening} {' or '.join(found)}"
        for opening, found in (("often", looks), ("in", sites), ("suggests", causes))
        if found
    ]
    return f"{label}: {', '.join(parts)}" if parts else label


def _list_neighbours(
    row: int,
    names: Sequence[str],
    edges: Sequence[dict[str, Any]],
    relation: str,
    near: str,
    far: str,
) -> list[str]:
    """Return the names at the far end of the edges whose near end is a concept."""
    found = [
        (-edge["count"], names[edge[far]])
        for edge in edges
        if edge["relation"] == relation
        and edge[near] == row
        and edge[far] != row
        and edge["count"] >= _LEAST
    ]
    return [name for _, name in sorted(found)[:_MOST]]
