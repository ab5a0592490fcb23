"""Load published drafts beside the studies of a graph, so that twice, or after any kill, is once.

    (:Study)-[:HAS_DRAFT]->(:Draft)-[:CLAIMS]->(:Claim)

A draft is research output and no observed fact: it gets labels and types of its own, so no question
about findings, no sum and no digest of a study can meet it. The protocol is that of the loader
(loader.py), with less in it:

- `(:DraftLoad {key: "<archive>|<reporter>", snapshot_id, complete})` is the ledger. A transaction
  takes the lock of the archive's drafts, then reads the ledger: who was overtaken stops.
- `Draft.digest` is the ledger of a draft. If it is equal, the draft stays, and gets the snapshot
  in which it stands now; if not, it is deleted and created anew.
- What the snapshot lacks goes, and so does the draft of a study that was retracted. A study that
  leaves the graph takes its drafts with it, in the transaction of its own load.
- A draft of a study that the graph does not hold is not written, and is named.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import NamedTuple

import pyarrow as pa

from radkg.errors import GraphError
from radkg.graph.engine.client import Graph
from radkg.graph.load import draft_statements
from radkg.graph.load.draft_writer import DraftWriter
from radkg.graph.load.ledger import read_ledger
from radkg.graph.migrations.steps import migrate
from radkg.graph.rows.drafts import add_draft_digests, list_draft_keys, nest_drafts
from radkg.graph.rows.nested import BatchSizes, GraphRow, build_ledger_key
from radkg.progress import Advance, ignore
from radkg.run.drafts import check_same_archive, read_visible_drafts
from radkg.run.snapshot import Snapshot


@dataclass(frozen=True, kw_only=True)
class DraftsReport:
    """What a load of drafts did, in numbers of drafts."""

    snapshot_id: str
    reporter: str
    standing: int
    """that stand now"""
    created: int
    replaced: int
    removed: int
    unchanged: int
    retracted: int
    """of the snapshot, left out"""
    not_in_graph: list[str]
    """ids of studies that the graph does not hold, whose drafts were not written"""
    seconds: float


class _Comparison(NamedTuple):
    """What a load has to do."""

    wanted: set[str]
    """keys of drafts that are to stand"""
    todo: list[pa.Table]
    """rows that do not stand as they should"""
    moved: list[str]
    """keys of drafts that stand, as those of another snapshot"""
    gone: list[str]
    """keys of drafts that are to go"""
    strangers: set[str]
    """ids of studies that the graph does not hold"""
    num_retracted: int


def load_drafts(
    graph: Graph,
    drafts: Snapshot,
    studies: Snapshot,
    progress: Advance = ignore,
    *,
    repair: bool = False,
    sizes: BatchSizes | None = None,
) -> DraftsReport:
    """Make the graph hold exactly this snapshot of drafts for its archive and reporter.

    Args:
        graph: an open graph, in which `studies` stand.
        drafts: what a run of drafts published.
        studies: what the run of the graph published; its retractions count for drafts, too.
        progress: called with the number of drafts done and the number of all.
        repair: trust no digest, replace every draft, and remove drafts that no load knows.
        sizes: of what one transaction takes.

    Raises:
        ConfigError: the drafts are of another archive.
        GraphError: the studies do not stand completely, or another load has overtaken this one.
        SnapshotError: published bytes were changed.
    """
    started = time.monotonic()
    check_same_archive(drafts, studies)
    ledger = read_ledger(graph, build_ledger_key(studies.archive, studies.extractor))
    if ledger.get("complete") is not True:
        raise GraphError(
            f"{graph.address} does not hold the studies of {studies.storage.uri}: run `radkg load"
            f" --out {studies.storage.uri}` first"
        )
    migrate(graph, repair=repair)
    writer = DraftWriter(graph, drafts, studies, repair)
    scope = {"archive": drafts.archive, "reporter": writer.reporter}
    standing = {row["key"]: row for row in graph.read(draft_statements.STANDING, **scope)}
    (known,) = graph.read(draft_statements.STUDIES, archive=drafts.archive)
    comparison = _compare(writer, standing, frozenset(known["keys"]))
    to_write = sum(table.num_rows for table in comparison.todo)
    if to_write or comparison.moved or comparison.gone or repair or not writer.is_complete():
        _write(writer, comparison, progress, sizes or BatchSizes())
    wanted, todo = comparison.wanted, comparison.todo
    written = {key for table in todo for key in list_draft_keys(table)[1]} & wanted
    return DraftsReport(
        snapshot_id=drafts.snapshot_id,
        reporter=writer.reporter,
        standing=len(wanted),
        created=len(written - standing.keys()),
        replaced=len(written & standing.keys()),
        removed=len(comparison.gone),
        unchanged=len(wanted) - len(written),
        retracted=comparison.num_retracted,
        not_in_graph=sorted(comparison.strangers),
        seconds=time.monotonic() - started,
    )


def _compare(
    writer: DraftWriter, standing: dict[str, GraphRow], known: frozenset[str]
) -> _Comparison:
    """Compare what is published with the drafts that stand, by key, and the keys of studies."""
    found = _Comparison(set(), [], [], [], set(), writer.drafts.num_studies)
    visible = 0
    for table in read_visible_drafts(writer.drafts, writer.studies):
        rows = add_draft_digests(table)
        visible += rows.num_rows
        differs = []
        columns = (*list_draft_keys(rows), rows["study_id"].to_pylist(), rows["digest"].to_pylist())
        for study, key, study_id, digest in zip(*columns, strict=True):
            held = key in standing and _is_held(standing[key], study, digest)
            differs.append(study in known and (writer.repair or not held))
            if study not in known:
                found.strangers.add(study_id)
                continue
            found.wanted.add(key)
            if not differs[-1] and standing[key]["snapshot_id"] != writer.drafts.snapshot_id:
                found.moved.append(key)
        found.todo.append(rows.filter(pa.array(differs, pa.bool_())))
    found.gone.extend(sorted(standing.keys() - found.wanted, key=str))
    return found._replace(num_retracted=found.num_retracted - visible)


def _is_held(found: GraphRow, study: str, digest: str) -> bool:
    """Tell whether a draft stands under its study, with all its claims, as its digest says."""
    return (found["digest"], found["studies"], found["claims"]) == (
        digest,
        [study],
        found["num_claims"],
    )


def _write(
    writer: DraftWriter, comparison: _Comparison, progress: Advance, sizes: BatchSizes
) -> None:
    """Bring the graph from what stands to what is to stand."""
    total = len(comparison.wanted)
    done = total - len(comparison.moved) - sum(table.num_rows for table in comparison.todo)
    writer.begin()
    for table in comparison.todo:
        for batch in nest_drafts(table, writer.drafts.snapshot_id, sizes.studies):
            standing = writer.write(batch)
            for row in batch:
                if row["study"] not in standing:  # it went meanwhile
                    comparison.wanted.discard(row["draft"]["key"])
                    study_id = row["study"].removeprefix(f"{writer.drafts.archive}/")
                    comparison.strangers.add(study_id)
            done += len(batch)
            progress(done, total)
    for keys in _cut(comparison.moved, sizes.studies):
        writer.mark(keys)
        done += len(keys)
        progress(done, total)
    for keys in _cut(comparison.gone, sizes.studies):
        writer.remove(keys)
    writer.finish()


def _cut(keys: list[str], size: int) -> list[list[str]]:
    return [keys[at : at + size] for at in range(0, len(keys), size)]
