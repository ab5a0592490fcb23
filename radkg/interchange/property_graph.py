"""Build property graphs of a snapshot, as tables of nodes and edges that any format can write.

The population graph has a node for every concept and counts mentions and studies; the mention graph
has a node for every mention. Both come in chunks, and no edge comes before its nodes.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import pyarrow as pa

from radkg.interchange.published import read_batches
from radkg.run.snapshot import Snapshot
from radkg.schema.concepts import get_concept_key, get_concept_kind
from radkg.schema.findings import list_findings
from radkg.schema.mentions import STATES

Chunk = tuple[pa.Table, pa.Table]


@dataclass(frozen=True)
class PropertyGraph:
    """A graph as chunks of nodes and edges; `chunks` can be read once."""

    label: str
    """label of every node: Concept or Mention"""
    name: str
    """the column with the readable name of a node"""
    weight: str
    """the column with the weight of an edge"""
    nodes: pa.Schema
    """the first column is `id`"""
    edges: pa.Schema
    """the first columns are `source`, `target`, `relation`"""
    chunks: Iterator[Chunk]


def _schema(**columns: pa.DataType) -> pa.Schema:
    return pa.schema([pa.field(name, kind) for name, kind in columns.items()])


def _edges(**columns: pa.DataType) -> pa.Schema:
    return _schema(source=pa.string(), target=pa.string(), relation=pa.string(), **columns)


_CONCEPTS = _schema(
    id=pa.string(),
    name=pa.string(),
    kind=pa.string(),
    mentions=pa.int64(),
    studies=pa.int64(),
    **dict.fromkeys(STATES.values(), pa.int64()),
)
_CONCEPT_EDGES = _edges(
    head_label=pa.string(), tail_label=pa.string(), mentions=pa.int64(), studies=pa.int64()
)
_MENTIONS = _schema(
    id=pa.string(),
    study_id=pa.string(),
    concept=pa.string(),
    kind=pa.string(),
    label=pa.string(),
    start=pa.int64(),
    end=pa.int64(),
    section=pa.string(),
    source=pa.string(),
    confidence=pa.float64(),
)
_MENTION_EDGES = _edges(study_id=pa.string(), confidence=pa.float64())


def build_population_graph(snapshot: Snapshot) -> PropertyGraph:
    """Return the graph of concepts, with the numbers of mentions and studies of each.

    `present`, `uncertain` and `absent` count the studies that have the concept as such a finding.
    An edge counts one relation between mentions of two labels, so that absent mentions stay apart.
    The counts are in memory: they grow with the vocabulary, not with the studies.
    """
    return PropertyGraph(
        "Concept", "name", "mentions", _CONCEPTS, _CONCEPT_EDGES, _population(snapshot)
    )


def _population(snapshot: Snapshot) -> Iterator[Chunk]:
    names: dict[str, tuple[str, str]] = {}
    mentions: Counter[str] = Counter()
    studies: Counter[str] = Counter()
    found: Counter[tuple[str, str]] = Counter()
    edge_mentions: Counter[tuple[str, ...]] = Counter()
    edge_studies: Counter[tuple[str, ...]] = Counter()
    for batch in read_batches(snapshot):
        for of_study in list_findings(batch, ("concept", "label")).to_pylist():
            found.update((each["concept"], STATES[each["label"]]) for each in of_study)
        for row in batch.to_pylist():
            labels = [entity["label"] for entity in row["entities"]]
            keys = [get_concept_key(e["label"], e["concept"]) for e in row["entities"]]
            for key, entity in zip(keys, row["entities"], strict=True):
                names.setdefault(key, (entity["concept"], get_concept_kind(entity["label"])))
            mentions.update(keys)
            studies.update(set(keys))
            edges = [
                (keys[head], keys[tail], r["relation"], labels[head], labels[tail])
                for r in row["relations"]
                for head, tail in [(r["head"], r["tail"])]
            ]
            edge_mentions.update(edges)
            edge_studies.update(set(edges))
    nodes = [
        (key, *names[key], mentions[key], studies[key], *(found[key, s] for s in STATES.values()))
        for key in sorted(names)
    ]
    links = [(*edge, edge_mentions[edge], edge_studies[edge]) for edge in sorted(edge_mentions)]
    yield _table(nodes, _CONCEPTS), _table(links, _CONCEPT_EDGES)


def build_mention_graph(
    snapshot: Snapshot, study: str | None = None, *, with_text: bool = False
) -> PropertyGraph:
    """Return the graph of mentions, of all studies or of one; an id is "<study_id>#<ordinal>".

    Args:
        snapshot: the snapshot to export.
        study: id of the only study; None: all studies.
        with_text: whether a column `text` holds the words of each mention.

    Raises:
        ConfigError: while chunks are read: the snapshot has no such study.
    """
    nodes = _MENTIONS.append(pa.field("text", pa.string())) if with_text else _MENTIONS
    chunks = _mentions(snapshot, study, nodes)
    return PropertyGraph("Mention", "concept", "confidence", nodes, _MENTION_EDGES, chunks)


def _mentions(snapshot: Snapshot, study: str | None, schema: pa.Schema) -> Iterator[Chunk]:
    for batch in read_batches(snapshot, study):
        nodes, edges = [], []
        for row in batch.to_pylist():
            study_id = row["study_id"]
            for ordinal, entity in enumerate(row["entities"]):
                own = {
                    "id": f"{study_id}#{ordinal}",
                    "study_id": study_id,
                    "kind": get_concept_kind(entity["label"]),
                }
                nodes.append(tuple((own | entity)[name] for name in schema.names))
            edges += [
                (
                    f"{study_id}#{r['head']}",
                    f"{study_id}#{r['tail']}",
                    r["relation"],
                    study_id,
                    r["confidence"],
                )
                for r in row["relations"]
            ]
        yield _table(nodes, schema), _table(edges, _MENTION_EDGES)


def _table(rows: Sequence[tuple[object, ...]], schema: pa.Schema) -> pa.Table:
    columns = zip(*rows, strict=True) if rows else [[] for _ in schema]
    return pa.table(
        [pa.array(column, field.type) for column, field in zip(columns, schema, strict=True)],
        schema=schema,
    )
