"""Compare counts and digests of the studies of a snapshot with those in the graph.

Of each study the digest that its extraction keeps, its patient, and the numbers of its mentions and
findings, which an engine knows without reading them. A digest tells what was loaded, not what
stands there: a property that somebody has changed since, a relation turned round or an OF moved to
another concept is seen by full.py alone.
"""

from __future__ import annotations

import time
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor

import pyarrow as pa
import pyarrow.compute as pc

from radkg.graph.engine.client import Graph
from radkg.graph.rows.aggregates import FINDING_COLUMNS, Sums, SumsBuilder
from radkg.graph.rows.nested import add_digests, build_ledger_key
from radkg.graph.rows.outlines import OUTLINE, build_outline, count_outlined
from radkg.graph.verify.invariants import find_graph_problems
from radkg.graph.verify.report import (
    VerifyReport,
    build_expected_ledger,
    describe_unexpected,
    find_sums_problems,
)
from radkg.run.retractions import VisibleSnapshot, hide_retracted
from radkg.run.snapshot import Snapshot
from radkg.schema.findings import list_findings

# One row of lists: a record for each study takes twenty times the client's time. `collect` leaves
# out nulls, so there are none. Behind a study of several readings stand the findings of all.
_READ = """
MATCH (s:Study {archive: $archive})-[:HAS_EXTRACTION]->(x:Extraction {extractor: $extractor})
WITH coalesce(s.key, '') AS key, coalesce(x.digest, '') AS digest,
  reduce(all = '', one IN [(s)<-[:HAS_STUDY]-(p) | coalesce(toString(p.key), '')] | all + one)
    AS patient,
  COUNT { (x)-[:HAS_MENTION]->() } AS mentions,
  CASE WHEN COUNT { (s)-[:HAS_EXTRACTION]->() } = 1 THEN COUNT { (s)-[:HAS_FINDING]->() }
    ELSE size([(s)-[f:HAS_FINDING]->() WHERE f.extractor = $extractor | 1]) END AS findings
RETURN collect(key) AS key, collect(digest) AS digest, collect(patient) AS patient,
  collect(mentions) AS mentions, collect(findings) AS findings
"""
_NAMED = ("digest", "patient")
_UNSEEN = (
    "properties, the ends of relations, and which concept each mention is of: a changed word, a"
    " relation turned round or a moved OF is found without --quick alone"
)
_NUMBERS = ("mentions", "findings")


def verify_quick(graph: Graph, snapshot: Snapshot) -> VerifyReport:
    """Return how counts and digests in the graph differ from the snapshot's, over all studies.

    As `verify`, the sums and the graph as a whole included. The server reads while the published
    rows are digested.

    Args:
        graph: an open graph.
        snapshot: what was published, and loaded.

    Raises:
        SnapshotError: published bytes were changed.
    """
    started = time.monotonic()
    kept = hide_retracted(snapshot)
    with ThreadPoolExecutor(2) as beside:
        key = build_ledger_key(kept.archive, kept.extractor)
        looking = beside.submit(find_graph_problems, graph, key, quick=True)
        reading = beside.submit(_read_outlines, graph, kept)
        wanted, sums = _read_published(kept)
        standing = reading.result()
        ledger = build_expected_ledger(kept) | count_outlined(wanted)
        whole = looking.result()
        problems = find_sums_problems(graph, kept, ledger, sums) + whole.problems
    found = dict.fromkeys(_list_unexpected(wanted, standing), describe_unexpected(kept))
    found |= _list_differences(wanted, standing)
    return VerifyReport(
        num_studies=kept.num_studies,
        num_retracted=kept.num_retracted,
        compared="patients, counts and digests",
        differences={key.removeprefix(f"{kept.archive}/"): found[key] for key in sorted(found)},
        problems=problems,
        by_hand=whole.by_hand,
        not_checked=[*whole.not_checked, _UNSEEN],
        foreign=whole.foreign,
        others=whole.others,
        seconds=time.monotonic() - started,
    )


def _read_published(kept: VisibleSnapshot) -> tuple[pa.Table, Sums]:
    """Return the outlines of a snapshot and its sums, reading it once."""
    outlined, builder = [], SumsBuilder()
    for part in (part for table in kept.read_tables() for part in add_digests(table).to_batches()):
        found = list_findings(part, FINDING_COLUMNS)
        outlined.append(build_outline(part, found))
        builder.add(part["status"], found)
    return pa.Table.from_batches(outlined, OUTLINE), builder.build()


def _read_outlines(graph: Graph, kept: VisibleSnapshot) -> pa.Table:
    """Return the outlines that stand in the graph, without relations."""
    (columns,) = graph.read(_READ, archive=kept.archive, extractor=kept.extractor)
    for name in ("key", "digest"):
        columns[name] = list(map(str, columns[name]))  # somebody may have put there what is no text
    return pa.table(columns, pa.schema([OUTLINE.field(name) for name in columns]))


def _list_unexpected(wanted: pa.Table, standing: pa.Table) -> list[str]:
    """Return the keys of studies that stand in the graph and should not."""
    known = pc.is_in(standing["key"], wanted["key"].combine_chunks())
    keys: list[str] = standing["key"].filter(pc.invert(known)).to_pylist()
    return keys


def _list_differences(wanted: pa.Table, standing: pa.Table) -> dict[str, str]:
    """Return by key in what studies differ that should stand in the graph."""
    found: defaultdict[str, list[str]] = defaultdict(list)
    place = pc.index_in(wanted["key"], standing["key"].combine_chunks())
    for key in wanted["key"].filter(pc.is_null(place)).to_pylist():
        found[key].append("missing")
    for name in (*_NAMED, *_NUMBERS):
        met = standing[name].take(place.combine_chunks())
        unequal = pc.fill_null(pc.not_equal(wanted[name], met), False)
        columns = wanted["key"], wanted[name], met
        for key, one, other in zip(*(c.filter(unequal).to_pylist() for c in columns), strict=True):
            found[key].append(name if name in _NAMED else f"{name} ({other} of {one})")
    numbers = pc.value_counts(standing["key"].combine_chunks())
    for each in numbers.filter(pc.greater(numbers.field("counts"), 1)).to_pylist():
        found[each["values"]].append(f"extraction ({each['counts']} of 1)")
    return {key: ", ".join(parts) for key, parts in found.items()}
