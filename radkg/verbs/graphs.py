"""The graph that a verb works on: which one, and how it is opened."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from radkg.config import Config
from radkg.errors import ConfigError
from radkg.graph import Graph, open_graph
from radkg.graph.build.as_of import locate_as_of, open_as_of, remove_as_of
from radkg.graph.engine.embedded import find_store
from radkg.graph.engine.holding import Holder
from radkg.progress import Progress, say_nothing
from radkg.run.run import Run
from radkg.run.snapshot import Snapshot

EMBEDDED = "embedded"


@dataclass(frozen=True, kw_only=True)
class GraphConfig(Config):
    """Which graph."""

    graph: str = EMBEDDED
    """`embedded`, the engine on a directory of the run, or the address of a server"""
    insecure: bool = False
    """allow an unencrypted connection to another machine"""


@contextlib.contextmanager
def open_run_graph(
    run: Run,
    where: GraphConfig,
    *,
    must_exist: bool = True,
    holder: Holder | None = None,
    keep_open: float | None = None,
) -> Iterator[Graph]:
    """Give the graph of a run, and close it in the end.

    Args:
        run: whose embedded graph it is.
        where: embedded, or a server.
        must_exist: refuse an embedded graph that nobody has loaded.
        holder: as `open_graph` takes it.
        keep_open: as `open_graph` takes it, for a graph that must exist.

    Raises:
        ConfigError: the address is none, or the run of an embedded graph stands on S3.
        GraphUnavailable: nothing answers, or another process holds the store.
        GraphError: there is no graph, the login was refused, or the graph is of a newer radkg.
    """
    store = None
    if where.graph == EMBEDDED:
        store = run.graph_store
        if must_exist:
            find_store(store.parent)
    with open_graph(
        where.graph, store, insecure=where.insecure, holder=holder, keep_open=keep_open
    ) as graph:
        yield graph


@contextlib.contextmanager
def open_snapshot_graph(
    run: Run,
    where: GraphConfig,
    snapshot: Snapshot,
    progress: Progress = say_nothing,
    *,
    holder: Holder | None = None,
    keep_open: float | None = None,
) -> Iterator[Graph]:
    """Give the graph of one snapshot, built beside that of the run unless it stands.

    `holder` and `keep_open` are as `open_as_of` takes them.

    Raises:
        ConfigError: a server is named, the run stands on S3, or the snapshot is retracted.
        GraphError, GraphUnavailable: as `open_run_graph`.
    """
    if where.graph != EMBEDDED:
        raise ConfigError("--as-of builds an embedded graph: leave out --graph")
    out = run.graph_store.parent
    with open_as_of(out, snapshot, progress, holder=holder, keep_open=keep_open) as graph:
        yield graph


def locate_snapshot_store(run: Run, snapshot: Snapshot) -> Path:
    """Return the directory of the graph of one snapshot."""
    return locate_as_of(run.graph_store.parent, snapshot)


def remove_snapshot_graphs(run: Run, keep: list[str] | None = None) -> None:
    """Remove the graphs of single snapshots, but those of `keep`: they can be built again.

    Raises:
        GraphUnavailable: another process holds one; the others are gone.
    """
    if run.directory is not None:
        remove_as_of(run.directory, keep or [])


def check_server(where: GraphConfig) -> None:
    """Raise now if a server is named and does not answer, before long work is done for it."""
    if where.graph != EMBEDDED:
        with open_graph(where.graph, None, insecure=where.insecure):
            pass
