"""Compare all that the graph holds of one archive and extractor with the snapshot.

Every study is read back from its nodes and relationships and compared whole with the nested row of
rows/nested.py, the stored digest included: some hundreds together in columns (columns.py), and
those that are not all equal one by one here, which names what differs. Totals of the whole graph
find what no study owns. Not compared are Load.loaded_at, Load.radkg_version and the locks of a load
under way.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pyarrow as pa

from radkg.graph.engine.client import Graph
from radkg.graph.engine.values import to_native
from radkg.graph.load.ledger import read_digests
from radkg.graph.rows.nested import (
    LISTS,
    GraphRow,
    batch_columns,
    count_columns,
    count_contents,
    encode_canonically,
    make_rows,
)
from radkg.graph.verify.columns import Reading
from radkg.graph.verify.invariants import (
    GraphProblems,
    find_graph_problems,
    find_ledger_problems,
)
from radkg.graph.verify.report import (
    VerifyReport,
    build_expected_ledger,
    describe_unexpected,
    find_sums_problems,
)
from radkg.run.retractions import hide_retracted
from radkg.run.snapshot import Snapshot

# Patterns start from what is bound: the embedded engine walks them from left to right.
STUDIES = """
UNWIND $keys AS key
MATCH (s:Study {key: key})
RETURN key, properties(s) AS study,
  [(s)<-[h:HAS_STUDY]-(p) | [properties(h), properties(p)]] AS patients,
  [(s)-[h:HAS_EXTRACTION]->(x) | [properties(h), properties(x)]] AS extractions,
  [(s)-[f:HAS_FINDING]->(c) | [properties(f), c.key]] AS findings
"""

MENTIONS = """
UNWIND $keys AS key
MATCH (s:Study {key: key})-[:HAS_EXTRACTION]->(x:Extraction {extractor: $extractor})
MATCH (x)-[h:HAS_MENTION]->(m)
WITH key, m, h, [(m)-[r]->(t) | [type(r), properties(r), elementId(t), t.key]] AS out
RETURN key, collect([elementId(m), properties(h), properties(m), out]) AS mentions
"""


_READERS = 3  # a batch is three statements


def verify(graph: Graph, snapshot: Snapshot, only: pa.Table | None = None) -> VerifyReport:
    """Return how the graph differs from the snapshot, over all studies of both.

    What is retracted is no part of the snapshot: it must not stand in the graph.

    Args:
        graph: an open graph.
        snapshot: what was published, and loaded.
        only: rows of the snapshot that are compared, where the others are known to stand. Studies
            that should not be there are found all the same; the graph is not looked at as a whole.

    Raises:
        SnapshotError: published bytes were changed.
    """
    started = time.monotonic()
    kept = hide_retracted(snapshot)
    only = None if only is None else kept.keep_visible(only)
    unexpected = set(read_digests(graph, kept))
    differences = {}
    counted = count_contents([])
    if only is not None:
        known = (table["study_id"].to_pylist() for table in kept.read_tables(["study_id"]))
        unexpected.difference_update(f"{snapshot.archive}/{i}" for ids in known for i in ids)
    expected = batch_columns(kept.read_tables() if only is None else [only])
    for reading in _read_ahead(graph, expected, snapshot.extractor):
        if not reading.is_equal():
            found = _read(graph, reading.keys, snapshot.extractor)
            for row in make_rows(reading.columns):
                what = _describe_difference(row, found.get(row["study"]["key"]))
                if what:
                    differences[row["study"]["study_id"]] = what
        unexpected.difference_update(reading.keys)
        counted.update(count_columns(reading.columns))  # adding would drop the zeros
    for key in sorted(map(str, unexpected)):
        differences[key.removeprefix(f"{snapshot.archive}/")] = describe_unexpected(kept)
    ledger = build_expected_ledger(kept)
    if only is None:
        whole = find_graph_problems(graph, ledger["key"])
        problems = find_sums_problems(graph, kept, ledger | counted) + whole.problems
    else:
        whole = GraphProblems()
        problems = find_ledger_problems(graph, ledger)
    return VerifyReport(
        num_studies=kept.num_studies if only is None else only.num_rows,
        num_retracted=kept.num_retracted,
        compared="every property",
        differences=differences,
        problems=problems,
        by_hand=whole.by_hand,
        not_checked=whole.not_checked,
        foreign=whole.foreign,
        others=whole.others,
        seconds=time.monotonic() - started,
    )


def _read_ahead(
    graph: Graph, expected: Iterable[pa.RecordBatch], extractor: str
) -> Iterator[Reading]:
    """Yield each batch, being read.

    The server reads a batch while the one before is compared and the next one is made from Parquet.
    """
    before: Reading | None = None
    with ThreadPoolExecutor(_READERS) as beside:
        for columns in expected:
            reading = Reading(graph, beside, columns, extractor)
            if before is not None:
                yield before
            before = reading
        if before is not None:
            yield before


def _read(graph: Graph, keys: list[str], extractor: str) -> dict[str, GraphRow]:
    """Return by key the rows that the graph holds of these studies under this extractor."""
    # only of a study is anything a date; a date elsewhere differs by its type
    studies = graph.read_unchanged(STUDIES, keys=keys)
    found = {row["key"]: _build_study_row(row, extractor) for row in studies}
    for read in graph.read_unchanged(MENTIONS, keys=keys, extractor=extractor):
        mentions = read["mentions"]
        row = found[read["key"]]
        ordinals = {node_id: mention.get("ordinal") for node_id, _, mention, _ in mentions}
        for _, link, mention, out in mentions:
            of = [target_key for kind, _, _, target_key in out if kind == "OF"]
            row["mentions"].append(_join_properties(mention, link, concept=_take_only(of)))
            row["relations"] += [
                _join_properties(
                    properties,
                    type=kind,
                    head=mention.get("ordinal"),
                    tail=ordinals.get(target_id, "elsewhere"),
                )
                for kind, properties, target_id, _ in out
                if kind != "OF" or properties
            ]
    return found


def _build_study_row(read: dict[str, Any], extractor: str) -> GraphRow:
    """Return the row of a study without its mentions and relations."""
    extractions = [_join_properties(node, link) for link, node in read["extractions"]]
    others = {extraction.get("extractor") for extraction in extractions} - {extractor}
    return {
        "patient": _take_only([_join_properties(node, link) for link, node in read["patients"]]),
        "study": to_native(read["study"]),
        "extraction": _take_only([e for e in extractions if e.get("extractor") == extractor]),
        "mentions": [],
        "relations": [],
        "findings": [
            _join_properties(properties, concept=target)
            for properties, target in read["findings"]
            if properties.get("extractor") not in others
        ],
    }


def _join_properties(
    properties: GraphRow, link: GraphRow | None = None, **structure: Any
) -> GraphRow:
    """Return the properties and what the row adds to them, hiding none of either.

    `link` are the properties of the relationship that leads here, which should have none.
    """
    clash = {f"property {name}": properties[name] for name in properties.keys() & structure.keys()}
    return {**properties, **clash, **structure, **({"link": link} if link else {})}


def _take_only(found: list[Any]) -> Any:
    """Return the one thing that should stand there, or something unequal to any such thing."""
    return found[0] if len(found) == 1 else {"number": len(found)}


def _describe_difference(expected: GraphRow, found: GraphRow | None) -> str | None:
    """Return what differs, in names of properties and numbers, never in words of the report."""
    if found is None:
        return "missing"
    if encode_canonically(found) == encode_canonically(expected):
        return None
    parts = []
    for node in ("patient", "study", "extraction"):
        names = sorted(_list_unequal(expected[node], found[node]))
        parts += [f"{node} ({', '.join(names)})"] if names else []
    for name in LISTS:
        unexpected = [each for each in found[name] if each not in expected[name]]
        missing = [each for each in expected[name] if each not in found[name]]
        if unexpected or missing or len(found[name]) != len(expected[name]):
            parts.append(
                f"{name} ({len(found[name])} of {len(expected[name])}, "
                f"{len(missing)} missing, {len(unexpected)} unexpected)"
            )
    return ", ".join(parts) or "a value of another type"


def _list_unequal(expected: GraphRow, found: GraphRow) -> set[str]:
    return {
        name for name in expected.keys() | found.keys() if expected.get(name) != found.get(name)
    }
