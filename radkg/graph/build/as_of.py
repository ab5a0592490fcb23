"""The graph of one snapshot, built from the published files in an embedded store of its own."""

from __future__ import annotations

import contextlib
from collections.abc import Collection, Iterator
from pathlib import Path

from radkg.errors import ConfigError, GraphError, GraphUnavailable
from radkg.graph.engine.client import Graph
from radkg.graph.engine.embedded import open_embedded, remove_store
from radkg.graph.engine.holding import Holder
from radkg.graph.engine.sharing import open_shared
from radkg.graph.load.comparison import is_loaded
from radkg.graph.load.ledger import read_ledger, read_verified, set_verified
from radkg.graph.load.loader import load
from radkg.graph.rows.nested import build_ledger_key
from radkg.graph.verify.full import verify
from radkg.progress import Progress
from radkg.run.retractions import hide_retracted, read_retractions
from radkg.run.snapshot import Snapshot


def locate_as_of(out: Path, snapshot: Snapshot) -> Path:
    """Return the directory of the graph of one snapshot of the run in `out`."""
    return _folder(out) / snapshot.snapshot_id


def remove_as_of(out: Path, keep: Collection[str] = ()) -> int:
    """Remove the graphs of snapshots, but those of `keep`; return how many went.

    They can be built again, as long as their snapshot is published.

    Raises:
        GraphUnavailable: another process holds one; the others went.
        StorageError: a directory cannot be changed.
    """
    stores = sorted(_folder(out).glob("*")) if _folder(out).is_dir() else []
    removed, held = 0, []
    for store in stores:
        if store.name in keep:
            continue
        try:
            remove_store(store)
            removed += 1
        except GraphUnavailable as error:
            held.append(str(error))
    if held:
        raise GraphUnavailable(f"graphs of earlier snapshots stay: {'; '.join(held)}")
    return removed


def _folder(out: Path) -> Path:
    return out.resolve() / "graph-as-of"


@contextlib.contextmanager
def open_as_of(
    out: Path,
    snapshot: Snapshot,
    progress: Progress,
    *,
    holder: Holder | None = None,
    keep_open: float | None = None,
) -> Iterator[Graph]:
    """Give the graph of a snapshot, built and verified unless it stands, and close it in the end.

    What is retracted today is left out, or taken out of a graph that was built before; that is
    verified again. After a kill the same call does the rest.

    Args:
        out: local directory of the run.
        snapshot: one that is published there.
        progress: shows the stages of the work.
        holder: as `open_graph` takes it.
        keep_open: as `open_graph` takes it, for a graph that stands as it has to be: such a graph
            is asked where it is open. To build one, this process needs its store alone.

    Raises:
        ConfigError: the snapshot is retracted.
        GraphError: the graph does not equal the snapshot.
        GraphUnavailable: another process holds the store, or the engine did not start.
        SnapshotError: published bytes were changed.
    """
    if snapshot.snapshot_id in read_retractions(snapshot.storage).ids["run"]:
        raise ConfigError(
            f"snapshot {snapshot.snapshot_id} is retracted: no graph may hold it until `radkg"
            f" retract --run {snapshot.snapshot_id} --undo`"
        )
    store = locate_as_of(out, snapshot)
    if keep_open is not None and store.is_dir():
        with open_shared(store, keep_open) as graph:
            if _is_standing(graph, snapshot):
                yield graph
                return
    with open_embedded(store, holder) as graph:
        with progress(f"graph of snapshot {snapshot.snapshot_id}") as advance:
            load(graph, snapshot, advance)
        if read_verified(graph, snapshot) != snapshot.snapshot_id:
            with progress("verify"):
                report = verify(graph, snapshot)
            if not report.ok:
                raise GraphError(str(report))
            set_verified(graph, snapshot)
        yield graph


def _is_standing(graph: Graph, snapshot: Snapshot) -> bool:
    """Tell whether a graph holds a snapshot without what is retracted now, and was verified."""
    kept = hide_retracted(snapshot)
    ledger = read_ledger(graph, build_ledger_key(kept.archive, kept.extractor))
    return ledger.get("verified") == kept.snapshot_id and is_loaded(graph, kept, ledger)
