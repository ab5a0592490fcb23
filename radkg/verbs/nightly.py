"""One night: extract what is new, changed or of an older model; load and verify the difference.

The same command every night, and after any kill. A second time it finds nothing to do. With a gate,
a night in which a finding flips too often is published and not loaded: the graph stays as it was.
"""

from __future__ import annotations

import logging
import time
from dataclasses import asdict, dataclass
from pathlib import Path

from rich.console import Console

from radkg.cluster.runner import extract
from radkg.errors import GraphError, GraphUnavailable, RadkgError, SnapshotError
from radkg.graph import Graph, open_graph
from radkg.graph.build.as_of import remove_as_of
from radkg.graph.load.dispatch import Dispatch
from radkg.graph.load.ledger import (
    find_standing_snapshot,
    read_last_complete,
    read_verified,
    set_verified,
)
from radkg.graph.load.loader import load
from radkg.graph.verify.full import verify
from radkg.progress import stage
from radkg.run import audit
from radkg.run.changes import Changes, changes
from radkg.run.diff import Gate, diff
from radkg.run.prune import check_keep, prune
from radkg.run.settings import ExtractConfig
from radkg.run.snapshot import Snapshot, read_snapshot, snapshot_ids
from radkg.storage import open_storage

logger = logging.getLogger(__name__)

KEEP = 7  # nights


@dataclass(frozen=True)
class NightReport:
    """What a night did, in numbers of studies."""

    studies: int
    extracted: int
    failed: int
    snapshot_id: str
    before: str | None
    """the night that stood in the graph; None: none, or it is no longer published"""
    created: int
    replaced: int
    removed: int
    verified: int
    """compared with the graph after the load: those that changed"""
    pruned: int
    """nights that were removed"""
    seconds: float


def nightly(
    config: ExtractConfig,
    graph_address: str,
    store: Path | None,
    console: Console,
    *,
    insecure: bool = False,
    dispatch: Dispatch | None = None,
    gate: Gate | None = None,
    keep: int = KEEP,
) -> NightReport:
    """Extract, compare with the night in the graph, load, verify, and remove old nights.

    Args:
        config: of the extraction.
        graph_address: `embedded`, or where a server is.
        store: directory of the embedded graph.
        console: where progress is shown.
        insecure: allow an unencrypted connection to another machine.
        dispatch: has the studies written by other processes, as `load` takes it.
        gate: what may change; None: anything.
        keep: nights that stay.

    Raises:
        TooManyFlips: a finding shut the gate; the night is published and not loaded.
        GraphError: the graph does not hold what was loaded; it is compared again next time.
    """
    start = time.perf_counter()
    check_keep(keep)
    storage = open_storage(config.out)
    if graph_address != "embedded":  # an unreachable server is better said before the work
        with open_graph(graph_address, store, insecure=insecure):
            pass
    with stage(console, "extract triplets (Ray)") as advance:
        run = extract(config, lambda done, total, failed: advance(done, total))
    after = read_snapshot(storage, run.snapshot_id)
    with open_graph(graph_address, store, insecure=insecure) as graph:
        try:
            before = find_standing_snapshot(graph, after)
            if gate is not None:
                with stage(console, "compare with the night in the graph"):
                    _judge(gate, graph, after)
            with stage(console, f"load the graph ({graph.engine})") as advance:
                differ = None if before is None else _changes(before, after)
                writers = graph.engine.default_writers
                loaded = load(
                    graph, after, advance, differ=differ, writers=writers, dispatch=dispatch
                )
            verified = read_verified(graph, after)
            if verified != after.snapshot_id:
                audit.record_load(after, graph.engine.name, asdict(loaded))
            with stage(console, "verify what changed"):
                compared = _verify(graph, differ, after, verified)
        except RadkgError as error:
            facts = {"night": after.snapshot_id, "outcome": type(error).__name__}
            audit.record(storage, "nightly", facts)
            raise
    pruned = prune(storage, keep).nights
    try:
        remove_as_of(Path(config.out), snapshot_ids(storage))
    except GraphUnavailable as error:  # somebody looks at it: the next night removes it
        logger.warning("%s", error)
    return NightReport(
        studies=run.studies,
        extracted=run.extracted,
        failed=run.failed,
        snapshot_id=after.snapshot_id,
        before=before.snapshot_id if before else None,
        created=loaded.created,
        replaced=loaded.replaced,
        removed=loaded.removed,
        verified=compared,
        pruned=pruned,
        seconds=round(time.perf_counter() - start, 1),
    )


def _judge(gate: Gate, graph: Graph, after: Snapshot) -> None:
    """Let a night pass, or raise TooManyFlips."""
    judged = read_last_complete(graph, after)
    if judged in (None, after.snapshot_id):  # nothing was ever loaded, or nothing is new
        return
    try:
        before = read_snapshot(after.storage, judged)
    except SnapshotError as error:
        raise SnapshotError(
            f"--gate cannot compare with night {judged}, which the graph holds: {error}; or load "
            f"this night as it is with `radkg load`"
        ) from error
    gate.judge(diff(before, after))


def _changes(before: Snapshot, after: Snapshot) -> Changes | None:
    """Return what differs; None where the earlier night is damaged: it is then not relied on."""
    try:
        return changes(before, after)
    except SnapshotError:
        return None


def _verify(graph: Graph, differ: Changes | None, after: Snapshot, verified: str | None) -> int:
    """Compare the graph with what changed since it was verified; return how many studies.

    `differ` is from the night that stood in the graph; all is compared where that one is not known
    to have been equal.
    """
    if verified == after.snapshot_id:
        return 0
    was_verified = differ is not None and differ.nights[0] == verified
    report = verify(graph, after, only=differ.after if differ and was_verified else None)
    if not report.ok:
        raise GraphError(str(report))
    set_verified(graph, after)
    return report.num_studies
