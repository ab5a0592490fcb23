"""The graph of one night, built from the published files in an embedded store of its own."""

from __future__ import annotations

import contextlib
from collections.abc import Collection, Iterator
from pathlib import Path

from radkg.errors import ConfigError, GraphError, GraphUnavailable
from radkg.graph.build.store import Stage
from radkg.graph.engine.client import Graph
from radkg.graph.engine.embedded import open_embedded, remove_store
from radkg.graph.load.loader import load, set_verified, verified_night
from radkg.graph.verify.full import verify
from radkg.run.retractions import read_retractions
from radkg.run.snapshot import Snapshot


def as_of_store(out: Path, night: Snapshot) -> Path:
    """Return the directory of the graph of one night of the run in `out`."""
    return _folder(out) / night.snapshot_id


def remove_as_of(out: Path, keep: Collection[str] = ()) -> int:
    """Remove the graphs of nights, but those of `keep`; return how many went.

    They can be built again, as long as their night is published.

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
        raise GraphUnavailable(f"graphs of earlier nights stay: {'; '.join(held)}")
    return removed


def _folder(out: Path) -> Path:
    return out.resolve() / "graph-as-of"


@contextlib.contextmanager
def open_as_of(out: Path, night: Snapshot, stage: Stage) -> Iterator[Graph]:
    """Give the graph of a night, built and verified unless it stands, and close it in the end.

    What is retracted today is left out, or taken out of a graph that was built before; that is
    verified again. After a kill the same call does the rest.

    Args:
        out: local directory of the run.
        night: a published night of it.
        stage: shows one stage of the work, as progress.stage does.

    Raises:
        ConfigError: the night is retracted.
        GraphError: the graph does not equal the night.
        GraphUnavailable: another process holds the store, or the engine did not start.
        SnapshotError: published bytes were changed.
    """
    if night.snapshot_id in read_retractions(night.storage).ids["run"]:
        raise ConfigError(
            f"night {night.snapshot_id} is retracted: no graph may hold it until `radkg retract "
            f"--run {night.snapshot_id} --undo`"
        )
    with open_embedded(as_of_store(out, night)) as graph:
        with stage(f"graph of night {night.snapshot_id}") as advance:
            load(graph, night, advance)
        if verified_night(graph, night) != night.snapshot_id:
            with stage("verify"):
                report = verify(graph, night)
            if not report.ok:
                raise GraphError(str(report))
            set_verified(graph, night)
        yield graph
