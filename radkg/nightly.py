"""One night: extract what is new, changed or of an older model; load and verify the difference.

The same command every night, and after any kill. A second time it finds nothing to do. With a gate,
a night in which a finding flips too often is published and not loaded: the graph stays as it was.
"""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass
from pathlib import Path

from rich.console import Console

from radkg.cluster.data import extract
from radkg.errors import GraphError
from radkg.graph import Graph, open_graph
from radkg.graph.loader import load, standing_night
from radkg.graph.verify import verify
from radkg.progress import stage
from radkg.run import audit
from radkg.run.changes import changes
from radkg.run.diff import Gate, diff
from radkg.run.prune import prune
from radkg.run.settings import ExtractConfig
from radkg.run.snapshot import Snapshot, read_snapshot
from radkg.storage import open_storage

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
    store: Path,
    console: Console,
    *,
    insecure: bool = False,
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
        gate: what may change; None: anything.
        keep: nights that stay.

    Raises:
        TooManyFlips: a finding shut the gate; the night is published and not loaded.
        GraphError: the graph does not hold what was loaded.
    """
    start = time.perf_counter()
    storage = open_storage(config.out)
    if graph_address != "embedded":  # an unreachable server is better said before the work
        with open_graph(graph_address, store, insecure=insecure):
            pass
    with stage(console, "extract triplets (Ray)") as advance:
        run = extract(config, lambda done, total, failed: advance(done, total))
    after = read_snapshot(storage)
    with open_graph(graph_address, store, insecure=insecure) as graph:
        before = standing_night(graph, after)
        if gate is not None and before is not None:
            with stage(console, "compare with the last night"):
                gate.judge(diff(before, after))
        with stage(console, f"load the graph ({graph.engine})") as advance:
            loaded = load(graph, after, advance)
        if loaded.created or loaded.replaced or loaded.removed:
            audit.record_load(after, graph.engine, asdict(loaded))
        with stage(console, "verify what changed"):
            verified = _verify(graph, before, after)
    return NightReport(
        studies=run.studies,
        extracted=run.extracted,
        failed=run.failed,
        snapshot_id=after.snapshot_id,
        before=before.snapshot_id if before else None,
        created=loaded.created,
        replaced=loaded.replaced,
        removed=loaded.removed,
        verified=verified,
        pruned=prune(storage, keep).nights,
        seconds=round(time.perf_counter() - start, 1),
    )


def _verify(graph: Graph, before: Snapshot | None, after: Snapshot) -> int:
    """Compare what changed with the graph, and return how many studies that were."""
    if before is not None and before.snapshot_id == after.snapshot_id:
        return 0
    report = verify(graph, after, only=changes(before, after).after if before else None)
    if not report.ok:
        raise GraphError(str(report))
    return report.num_studies
