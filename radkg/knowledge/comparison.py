"""How far a knowledge graph agrees with a published table of relations, such as R2GenKG's M3KG.

The table's names are words of reports; each gets the name that radkg gives a concept: "opacities"
is named opacity. The table has no kinds of concepts and no numbers of studies. So here a concept is
its name alone, its count is how often a relation of it is stated, and both graphs are counted
alike. Relations of a concept to itself are left out of both.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from radkg.knowledge.diff import list_edges
from radkg.knowledge.records import SCALES, Knowledge
from radkg.metrics.ranks import compute_rank_correlation
from radkg.rules.concepts import name_concepts
from radkg.schema.known import KnownRelation

Triple = tuple[str, str, str]
_T = TypeVar("_T", bound=Hashable)


@dataclass(frozen=True)
class Agreement:
    """Two sets of counted things."""

    what: str
    ours: int
    """of the knowledge graph"""
    theirs: int
    """of the table"""
    shared: int
    share_of_ours: float
    share_of_theirs: float
    counts_of_ours: float
    """share of our counts that are of shared things, as are those of the table"""
    counts_of_theirs: float
    rank_correlation: float | None
    """Spearman's, of the counts of shared things"""


@dataclass(frozen=True)
class Comparison:
    """A knowledge graph against a table."""

    ours: dict[str, Any]
    theirs: dict[str, int]
    """rows, names, concepts after naming, and relations of a concept to itself that are left out"""
    agreements: tuple[Agreement, ...]


def compare_with_table(knowledge: Knowledge, table: Sequence[KnownRelation]) -> Comparison:
    """Return how far the graph agrees with a table.

    It is compared by concepts (all that a relation is of, and the first of each scale), by edges,
    and by pairs: edges whatever their relation is, for the table keeps one relation for each pair.
    """
    names = sorted({end.name for row in table for end in (row.head, row.tail)})
    concepts = {name: name_concept(name) for name in names}
    theirs: Counter[Triple] = Counter()
    loops = 0
    for row in table:
        head, tail = concepts[row.head.name], concepts[row.tail.name]
        if head == tail:
            loops += 1
        else:
            theirs[head, row.relation, tail] += row.count
    ours = _count_edges(knowledge)
    ours_by_node, theirs_by_node = _count_ends(ours), _count_ends(theirs)
    scales = [
        _agree(f"first {scale}", _count_first(knowledge, scale), theirs_by_node)
        for scale in SCALES
        if scale < knowledge.nodes.num_rows
    ]
    return Comparison(
        {"nodes": knowledge.nodes.num_rows, "edges": knowledge.edges.num_rows},
        {
            "rows": len(table),
            "names": len(names),
            "concepts": len(set(concepts.values())),
            "rows of a concept to itself": loops,
        },
        (
            _agree("concepts", ours_by_node, theirs_by_node),
            *scales,
            _agree("edges", ours, theirs),
            _agree("pairs", _drop_relation(ours), _drop_relation(theirs)),
        ),
    )


def name_concept(text: str) -> str:
    """Return the concept that a text names by itself, as in extractions."""
    (name,) = name_concepts(text, [(0, len(text), "OBS-DP")], ())
    return name


def _count_edges(knowledge: Knowledge) -> Counter[Triple]:
    found: Counter[Triple] = Counter()
    for (head, _, relation, tail, _), counts in list_edges(knowledge).items():
        if head != tail:
            found[head, relation, tail] += counts["count"]
    return found


def _count_ends(edges: Mapping[Triple, int]) -> Counter[str]:
    found: Counter[str] = Counter()
    for (head, _, tail), count in edges.items():
        found[head] += count
        found[tail] += count
    return found


def _count_first(knowledge: Knowledge, scale: int) -> Counter[str]:
    """Return the relations of each of the first concepts among each other; 0 of one without any."""
    part = knowledge.take_scale(scale)
    found = _count_ends(_count_edges(part))
    found.update(dict.fromkeys(part.nodes["name"].to_pylist(), 0))
    return found


def _drop_relation(edges: Mapping[Triple, int]) -> Counter[tuple[str, str]]:
    found: Counter[tuple[str, str]] = Counter()
    for (head, _, tail), count in edges.items():
        found[head, tail] += count
    return found


def _agree(what: str, ours: Mapping[_T, int], theirs: Mapping[_T, int]) -> Agreement:
    shared = sorted(set(ours) & set(theirs), key=repr)
    mine, yours = ([each[key] for key in shared] for each in (ours, theirs))
    correlation = compute_rank_correlation(mine, yours)
    return Agreement(
        what=what,
        ours=len(ours),
        theirs=len(theirs),
        shared=len(shared),
        share_of_ours=_share(len(shared), len(ours)),
        share_of_theirs=_share(len(shared), len(theirs)),
        counts_of_ours=_share(sum(mine), sum(ours.values())),
        counts_of_theirs=_share(sum(yours), sum(theirs.values())),
        rank_correlation=None if correlation is None else round(correlation, 4),
    )


def _share(part: int, whole: int) -> float:
    return round(part / whole, 4) if whole else 0.0
