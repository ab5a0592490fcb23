"""Read the edges around a concept, with the numbers of studies that they count.

Four kinds of edges. `modify`, `located_at` and `suggestive_of` count the studies in which a mention
of one concept has that relation to a mention of the other; `co_occurs` counts the studies that
have both concepts as findings. Every statement is constant text that starts from a concept.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Literal, get_args

from radkg.graph import Graph
from radkg.graph.ask.naming import find_nearest_concepts, list_names
from radkg.graph.ask.queries import list_queries
from radkg.schema.records import LABELS, RELATIONS, Label

EdgeType = Literal["co_occurs", "modify", "located_at", "suggestive_of"]
CO_OCCURS: EdgeType = "co_occurs"
EDGE_TYPES: tuple[EdgeType, ...] = get_args(EdgeType)

_SEARCH = """
MATCH (c:Concept)
WHERE c.name CONTAINS $text OR c.name IN $names
WITH c, COUNT { (c)<-[:OF]-(:Mention) } AS mentions
RETURN c.key AS key, c.name AS name, c.kind AS kind, mentions
ORDER BY c.name <> $text, NOT c.name IN $names, NOT c.name STARTS WITH $text, mentions DESC, key
LIMIT $limit
"""

_CONCEPT = """
MATCH (c:Concept {key: $concept})
RETURN c.key AS key, c.name AS name, c.kind AS kind
"""

PERIOD = """($since IS NULL OR s.study_date >= $since)
  AND ($until IS NULL OR s.study_date <= $until)"""

_MENTIONED = f"""
MATCH (c:Concept {{key: $concept}})<-[:OF]-(m:Mention)
WHERE m.label IN $labels
MATCH (m)<-[:HAS_MENTION]-(:Extraction)<-[:HAS_EXTRACTION]-(s:Study)
WHERE {PERIOD}
RETURN count(DISTINCT s) AS studies
"""

_RELATED = f"""
MATCH (c:Concept {{key: $concept}})<-[:OF]-(m:Mention)
WHERE m.label IN $labels
MATCH (m)-[r:MODIFY|LOCATED_AT|SUGGESTIVE_OF]->(n:Mention)
WHERE type(r) IN $relations AND r.confidence >= $confidence AND n.label IN $labels
MATCH (n)-[:OF]->(other:Concept)
MATCH (m)<-[:HAS_MENTION]-(:Extraction)<-[:HAS_EXTRACTION]-(s:Study)
WHERE {PERIOD}
RETURN other.key AS other, toLower(type(r)) AS relation, count(DISTINCT s) AS studies
ORDER BY studies DESC, other, relation
"""
_RELATED_TO = _RELATED.replace(")-[r:", ")<-[r:").replace("]->(n:", "]-(n:")

_FOUND = f"""
MATCH (c:Concept {{key: $concept}})<-[f:HAS_FINDING]-(s:Study)
WHERE f.label IN $labels AND f.confidence >= $confidence AND {PERIOD}
RETURN count(DISTINCT s) AS studies
"""

_CO_OCCURRING = f"""
MATCH (c:Concept {{key: $concept}})<-[f:HAS_FINDING]-(s:Study)
WHERE f.label IN $labels AND f.confidence >= $confidence AND {PERIOD}
MATCH (s)-[g:HAS_FINDING]->(other:Concept)
WHERE g.label IN $labels AND g.confidence >= $confidence AND other.key <> $concept
RETURN other.key AS other, other.name AS name, count(DISTINCT s) AS studies
ORDER BY studies DESC, other
"""


@dataclass(frozen=True)
class Filters:
    """Which mentions and studies count: by label of both ends, kind of edge, confidence, period.

    `confidence` in [0, 1] is the least that the relation, or each of two findings, must have.
    `since` and `until` are inclusive study dates; either leaves out studies without a date.
    """

    labels: Sequence[Label] = ("OBS-DP", "OBS-U", "ANAT-DP")
    relations: Sequence[EdgeType] = EDGE_TYPES
    confidence: float = 0.0
    since: date | None = None
    until: date | None = None

    def to_parameters(self) -> dict[str, Any]:
        """Return the parameters of the statements; unknown labels and relations are left out."""
        return {
            "labels": [label for label in LABELS if label in self.labels],
            "relations": [name.upper() for name in RELATIONS if name in self.relations],
            "confidence": self.confidence,
            "since": self.since,
            "until": self.until,
        }


@dataclass(frozen=True)
class Edge:
    """Head has the relation to tail in `studies` of the `of` studies with the concept."""

    head: str
    relation: EdgeType
    tail: str
    studies: int
    of: int


@dataclass(frozen=True)
class Neighbourhood:
    """The edges around a concept, most studies first within each kind.

    `mentioned` is the number of studies that mention the concept, `found` of those that have it as
    a finding; either is None where the filters leave out its kind of edge. `cut` is the number of
    edges of each kind beyond the limit.
    """

    concept: Mapping[str, str]
    mentioned: int | None
    found: int | None
    edges: Sequence[Edge]
    cut: Mapping[str, int]


def search(graph: Graph, text: str, limit: int) -> list[dict[str, Any]]:
    """Return concepts whose name contains `text`, best match first, with counts of mentions.

    What the readers call the text comes too; and where nothing is found, what is spelt alike.
    """
    name, *read = list_names(text)
    if not name:
        return []
    found = graph.read(_SEARCH, text=name, names=read, limit=limit)
    if not found and (near := find_nearest_concepts(graph, name)):
        found = graph.read(_SEARCH, text=name, names=near, limit=limit)
    return found


def read_neighbourhood(
    graph: Graph, concept: str, filters: Filters, limit: int, *, normal: bool = False
) -> Neighbourhood | None:
    """Return the edges around the concept with this key, or None where the graph has none.

    Args:
        graph: any loaded graph.
        concept: key of the concept, "<kind>:<name>".
        filters: which mentions and studies count.
        limit: the most edges of one kind.
        normal: count statements of normality among the findings that co-occur.
    """
    found = graph.read(_CONCEPT, concept=concept)
    if not found:
        return None
    values = {"concept": concept, **filters.to_parameters()}
    mentioned = with_finding = None
    by_type: dict[str, list[Edge]] = {name: [] for name in EDGE_TYPES}
    if CO_OCCURS in filters.relations:
        with_finding = graph.read(_FOUND, **values)[0]["studies"]
        ignored = () if normal else list_normal_statements()
        by_type[CO_OCCURS] = [
            Edge(concept, CO_OCCURS, row["other"], row["studies"], with_finding)
            for row in graph.read(_CO_OCCURRING, **values)
            if row["name"] not in ignored
        ]
    if values["relations"]:
        mentioned = graph.read(_MENTIONED, **values)[0]["studies"]
        for row in graph.read(_RELATED, **values):
            edge = Edge(concept, row["relation"], row["other"], row["studies"], mentioned)
            by_type[edge.relation].append(edge)
        for row in graph.read(_RELATED_TO, **values):
            if row["other"] != concept:  # else both directions find it
                edge = Edge(row["other"], row["relation"], concept, row["studies"], mentioned)
                by_type[edge.relation].append(edge)
    for edges in by_type.values():
        edges.sort(key=lambda edge: (-edge.studies, edge.head, edge.tail))
    return Neighbourhood(
        concept=found[0],
        mentioned=mentioned,
        found=with_finding,
        edges=[edge for edges in by_type.values() for edge in edges[:limit]],
        cut={name: max(0, len(edges) - limit) for name, edges in by_type.items()},
    )


def list_normal_statements() -> list[str]:
    """Return the statements of normality that the named queries leave out of findings."""
    (query,) = (query for query in list_queries() if query.name == "co_occurrence")
    (ignore,) = (p.default or "" for p in query.parameters if p.name == "ignore")
    return [name.strip() for name in ignore.split(",")]
