"""One night: extract what is new, changed or of an older model; load and verify the difference.

The same command every night, and after any kill. A second time it finds nothing to do. With a gate,
a night in which a finding flips too often is published and not loaded: the graph stays as it was,
and so does the knowledge graph.
"""

from __future__ import annotations

import logging
import time
from dataclasses import asdict, dataclass
from typing import Literal

from radkg.errors import GraphError, GraphUnavailable, RadkgError, SnapshotError
from radkg.graph import Graph
from radkg.graph.load.dispatch import Dispatch
from radkg.graph.load.ledger import (
    find_standing_snapshot,
    read_last_complete,
    read_verified,
    set_verified,
)
from radkg.graph.load.loader import load
from radkg.graph.verify.full import verify
from radkg.knowledge.building import is_up_to_date
from radkg.population.columns import build_columns, remove_columns
from radkg.population.diffs import read_diff, remove_diffs
from radkg.progress import Progress, say_nothing
from radkg.run.changes import Changes, find_changes
from radkg.run.gate import Gate
from radkg.run.heartbeat import Heartbeat, keep_heartbeat
from radkg.run.prune import KEEP, check_keep, prune
from radkg.run.run import Run
from radkg.run.settings import ExtractConfig
from radkg.run.snapshot import Snapshot, read_snapshot
from radkg.run.work import Runner
from radkg.verbs.extract import extract_changes
from radkg.verbs.graphs import (
    EMBEDDED,
    GraphConfig,
    check_server,
    open_run_graph,
    remove_snapshot_graphs,
)
from radkg.verbs.knowledge import KnowledgeConfig, build, locate_knowledge

logger = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class NightConfig(GraphConfig):
    """What a night does."""

    extract: ExtractConfig
    gate: Gate | None = None
    """what may change in the findings; None: anything"""
    keep: int = KEEP
    """snapshots that stay, at least 1"""
    knowledge: bool = False
    """rebuild the knowledge graph of the run where the snapshot changed; with visual tokens where
    the extraction has images"""

    def __post_init__(self) -> None:
        check_keep(self.keep)


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
    knowledge: Literal["built", "unchanged"] | None
    """the knowledge graph; None: it was not asked for"""
    seconds: float


def run_nightly(
    config: NightConfig,
    runner: Runner,
    progress: Progress = say_nothing,
    *,
    dispatch: Dispatch | None = None,
) -> NightReport:
    """Extract, compare with the snapshot in the graph, load, verify, and remove old snapshots.

    Args:
        config: of the night.
        runner: extracts.
        progress: is told of each stage.
        dispatch: has other processes write the studies into the graph; None: this process does.

    Raises:
        TooManyFlips: a finding shut the gate; the night is published and not loaded.
        GraphError: the graph does not hold what was loaded; it is compared again next time.
        KnowledgeError: no training report states anything; all else is done.
    """
    start = time.perf_counter()
    run = Run(config.extract.out)
    if config.graph == EMBEDDED:
        _ = run.graph_store  # a run on S3 has none: better said before the work
    if config.knowledge:
        locate_knowledge(run)
    check_server(config)
    with keep_heartbeat(run.storage, "nightly", progress) as heartbeat:
        return _run_night(config, run, runner, heartbeat, dispatch, start)


def _run_night(
    config: NightConfig,
    run: Run,
    runner: Runner,
    progress: Heartbeat,
    dispatch: Dispatch | None,
    start: float,
) -> NightReport:
    extracted, known = extract_changes(config.extract, runner, progress)
    after = run.read_snapshot(extracted.snapshot_id)
    with open_run_graph(run, config, must_exist=False) as graph:
        try:
            before = find_standing_snapshot(graph, after)
            differ = None
            if before is not None:
                with progress("compare with the night in the graph"):
                    differ = _find_changes(before, after, known)
            if config.gate is not None:
                with progress("judge the night"):
                    _judge(config.gate, graph, after, differ)
            with progress(f"load the graph ({graph.engine})") as advance:
                writers = graph.engine.default_writers
                loaded = load(
                    graph, after, advance, differ=differ, writers=writers, dispatch=dispatch
                )
            verified = read_verified(graph, after)
            if verified != after.snapshot_id:
                run.audit.record_load(after, graph.engine.name, asdict(loaded))
            with progress("verify what changed"):
                compared = _verify(graph, differ, after, verified)
            progress.mark_verified()
        except RadkgError as error:
            facts = {"night": after.snapshot_id, "outcome": type(error).__name__}
            run.audit.record("nightly", facts)
            raise
    with progress("derive the columns of the population") as advance:
        build_columns(after, advance, before, differ)
        if before is not None and differ is not None and before.snapshot_id != after.snapshot_id:
            read_diff(before, after, differ)
    pruned = prune(run.storage, config.keep).nights
    remove_columns(run.storage)
    remove_diffs(run.storage)
    try:
        remove_snapshot_graphs(run, run.list_snapshot_ids())
    except GraphUnavailable as error:  # somebody looks at it: the next night removes it
        logger.warning("%s", error)
    knowledge = _build_knowledge(config, run, progress) if config.knowledge else None
    return NightReport(
        studies=extracted.studies,
        extracted=extracted.extracted,
        failed=extracted.failed,
        snapshot_id=after.snapshot_id,
        before=before.snapshot_id if before else None,
        created=loaded.created,
        replaced=loaded.replaced,
        removed=loaded.removed,
        verified=compared,
        pruned=pruned,
        knowledge=knowledge,
        seconds=round(time.perf_counter() - start, 1),
    )


def _build_knowledge(
    config: NightConfig, run: Run, progress: Progress
) -> Literal["built", "unchanged"]:
    building = KnowledgeConfig(out=run.uri, images=config.extract.images)
    if is_up_to_date(run, locate_knowledge(run), building.settings):
        return "unchanged"
    return "built" if build(building, progress).built else "unchanged"


def _judge(gate: Gate, graph: Graph, after: Snapshot, differ: Changes | None) -> None:
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
    gate.judge(read_diff(before, after, differ))


def _find_changes(before: Snapshot, after: Snapshot, known: Changes | None) -> Changes | None:
    """Return what differs; None where the earlier night is damaged: it is then not relied on.

    Args:
        before: what stands in the graph.
        after: what is published now.
        known: what the extraction changed: mostly it began where the graph stands.
    """
    try:
        return find_changes(before, after, known)
    except SnapshotError:
        return None


def _verify(graph: Graph, differ: Changes | None, after: Snapshot, verified: str | None) -> int:
    """Compare the graph with what changed since it was verified; return how many studies.

    `differ` is from the night that stood in the graph; all is compared where that one is not known
    to have been equal.
    """
    if verified == after.snapshot_id:
        return 0
    was_verified = differ is not None and differ.snapshot_ids[0] == verified
    report = verify(graph, after, only=differ.after if differ and was_verified else None)
    if not report.ok:
        raise GraphError(str(report))
    set_verified(graph, after)
    return report.num_studies
