"""Count concepts and typed relations over many studies, some thousands of studies at a time.

What a report states counts: a mention that is present, uncertain or anatomy. What it denies makes
no node and no edge, and what a model read from the image does not count: a graph that helps models
to read must not learn from their readings. Relations of a concept to itself are left out. No
mention becomes an object of Python (measured: docs/guides/knowledge.md).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from radkg.knowledge.records import EDGES, KNOWLEDGE_RELATIONS, NODES
from radkg.schema.mentions import ANATOMY, STRENGTH, Array, Mentions, Pairs

COLUMNS = ("entities", "relations")
_ABSENT, _UNCERTAIN = STRENGTH.index("OBS-DA"), STRENGTH.index("OBS-U")
_NONE = -1  # of a mention that is no node
_SORT = [("studies", "descending"), ("name", "ascending"), ("kind", "ascending")]


@dataclass(frozen=True)
class CountedGraph:
    """Nodes and edges of some studies, with what was counted apart or left out."""

    nodes: pa.Table
    """NODES, the most frequent first: by studies, then by name"""
    edges: pa.Table
    """EDGES, the most frequent first: by count, then by the rows of head and tail"""
    numbers: dict[str, dict[str, int]]
    """mentions and relations: stated; of them uncertain (of a relation: an end); and denied; and
    relations of a concept to itself"""


class GraphCounter:
    """Counts studies; each study must be given once."""

    def __init__(self) -> None:
        self._ids: dict[tuple[str, bool], int] = {}  # by name, and whether it is anatomy
        self._mentions = _Tally()
        self._relations = _Tally()
        self._numbers = {
            "mentions": {"stated": 0, "uncertain": 0, "denied": 0},
            "relations": {"stated": 0, "uncertain": 0, "denied": 0, "to itself": 0},
        }

    def add(self, rows: pa.RecordBatch) -> None:
        """Count studies: rows of the extraction table, of which COLUMNS are enough."""
        mentions = Mentions(rows)
        is_read = mentions.source == "report"
        is_denied = mentions.strength == _ABSENT
        is_uncertain = mentions.strength == _UNCERTAIN
        node = self._number_nodes(mentions, is_read & ~is_denied)
        stated = np.flatnonzero(node != _NONE)
        self._mentions.add(node[stated], mentions.study[stated])
        self._note("mentions", "stated", node != _NONE)
        self._note("mentions", "uncertain", is_read & is_uncertain)
        self._note("mentions", "denied", is_read & is_denied)
        for place, relation in enumerate(KNOWLEDGE_RELATIONS):
            pairs = mentions.select_relations(relation)
            pairs = pairs.take(is_read[pairs.head] & is_read[pairs.tail])
            self._note("relations", "denied", is_denied[pairs.head] | is_denied[pairs.tail])
            pairs = pairs.take((node[pairs.head] != _NONE) & (node[pairs.tail] != _NONE))
            is_loop = node[pairs.head] == node[pairs.tail]
            self._note("relations", "to itself", is_loop)
            self._add_edges(pairs.take(~is_loop), node, place, mentions.study, is_uncertain)

    def build(self) -> CountedGraph:
        """Return the graph of all studies that were counted; it may be empty."""
        places, counts, studies = self._mentions.sum()
        names = np.array([name for name, _ in self._ids], dtype=object)
        anatomy = np.array([kind for _, kind in self._ids], dtype=bool)
        nodes = pa.table(
            {
                "name": pa.array(names[places], pa.string()),
                "kind": pa.array(np.where(anatomy[places], "anatomy", "observation"), pa.string()),
                "mentions": counts,
                "studies": studies,
            }
        )
        order = pc.sort_indices(nodes, sort_keys=_SORT).to_numpy().astype(np.int64)
        row = np.empty(len(self._ids), np.int64)
        row[places[order]] = np.arange(len(order))
        return CountedGraph(nodes.take(order).cast(NODES), self._build_edges(row), self._numbers)

    def _number_nodes(self, mentions: Mentions, which: Array) -> Array:
        """Return for each mention the number of its concept; _NONE where `which` is False."""
        keys = 2 * mentions.concept + (mentions.strength == ANATOMY)
        distinct, place = np.unique(keys[which], return_inverse=True)
        names = mentions.names.take(pa.array(distinct // 2)).to_pylist()
        known = zip(names, (distinct % 2).astype(bool).tolist(), strict=True)
        numbers = [self._ids.setdefault(key, len(self._ids)) for key in known]
        node = np.full(len(keys), _NONE, np.int64)
        node[which] = np.array(numbers, np.int64)[place]
        return node

    def _add_edges(
        self, pairs: Pairs, node: Array, place: int, study: Array, is_uncertain: Array
    ) -> None:
        number = len(KNOWLEDGE_RELATIONS)
        keys = ((node[pairs.head] << 32) + node[pairs.tail]) * number + place
        self._relations.add(keys, study[pairs.head])
        self._note("relations", "stated", np.ones(len(keys), bool))
        self._note("relations", "uncertain", is_uncertain[pairs.head] | is_uncertain[pairs.tail])

    def _build_edges(self, row: Array) -> pa.Table:
        keys, counts, studies = self._relations.sum()
        ends, place = keys // len(KNOWLEDGE_RELATIONS), keys % len(KNOWLEDGE_RELATIONS)
        head, tail = row[ends >> 32], row[ends & 0xFFFFFFFF]
        order = np.lexsort((place, tail, head, -counts))
        relations = pa.array(KNOWLEDGE_RELATIONS).take(pa.array(place[order]))
        columns = [head[order], tail[order], relations, counts[order], studies[order]]
        return pa.table(columns, names=EDGES.names).cast(EDGES)

    def _note(self, what: str, kind: str, which: Array) -> None:
        self._numbers[what][kind] += int(np.count_nonzero(which))


class _Tally:
    """How often each key stands, and in how many studies."""

    def __init__(self) -> None:
        self._parts: list[tuple[Array, Array, Array]] = []

    def add(self, keys: Array, study: Array) -> None:
        """Count keys, each with the row of its study."""
        distinct, place, counts = np.unique(keys, return_inverse=True, return_counts=True)
        in_studies = np.unique(study * len(distinct) + place) % max(1, len(distinct))
        studies = np.bincount(in_studies, minlength=len(distinct))
        self._parts.append((distinct, counts, studies))

    def sum(self) -> tuple[Array, Array, Array]:
        """Return the keys, sorted, with the numbers of each."""
        parts: list[Any] = self._parts or [(np.empty(0, np.int64),) * 3]
        keys, counts, studies = (np.concatenate(column) for column in zip(*parts, strict=True))
        distinct, place = np.unique(keys, return_inverse=True)
        sums = [np.zeros(len(distinct), np.int64) for _ in range(2)]
        for total, numbers in zip(sums, (counts, studies), strict=True):
            np.add.at(total, place, numbers)
        return distinct, sums[0], sums[1]
