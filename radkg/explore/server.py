"""Serve the explorer on loopback until it is interrupted."""

from __future__ import annotations

import contextlib
import secrets
import signal
import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import uvicorn

from radkg.errors import ConfigError, GraphError
from radkg.explore.app import make_app
from radkg.explore.guard import HOSTS, address
from radkg.explore.reports import Reports
from radkg.explore.verdicts import Verdicts
from radkg.explore.warm import warm_up
from radkg.graph import Graph
from radkg.graph.load.ledger import read_ledger
from radkg.graph.rows.nested import build_ledger_key
from radkg.run.snapshot import Snapshot, read_snapshot
from radkg.storage import Storage

_PATIENCE_S = 3  # for requests that are being answered when the server is stopped


def explore(
    graph: Graph,
    storage: Storage,
    review: Path,
    ready: Callable[[str], object],
    *,
    port: int = 0,
    archive: str | None = None,
    images: str | None = None,
) -> None:
    """Serve the page until SIGINT or SIGTERM.

    Args:
        graph: loaded from what is published at `storage`; it is only read.
        storage: of the run.
        review: CSV file for verdicts on triplets.
        ready: called with the address to open, once it answers; the address holds the token.
        port: on 127.0.0.1; 0: a free one.
        archive: where the reports are; None: where the run had them.
        images: where the images are; None: where the run had them.

    Raises:
        GraphError: the graph does not hold a night of this run, whole.
        ConfigError: the port is taken, or the review file is of another kind.
    """
    reports = Reports(loaded_night(graph, storage), archive, images)
    warm_up(graph, reports)
    token = secrets.token_urlsafe(24)
    app = make_app(graph, reports, Verdicts(review), token)
    config = uvicorn.Config(
        app, log_level="warning", server_header=False, timeout_graceful_shutdown=_PATIENCE_S
    )
    with listen(port) as listening:
        ready(address(listening.getsockname()[1], token))
        with _signals_kept():
            uvicorn.Server(config).run(sockets=[listening])


@contextlib.contextmanager
def _signals_kept() -> Iterator[None]:
    """Let a signal stop the server, and not the process: the graph is still to be closed.

    Once it has stopped, uvicorn sends the process the signal again, to the handler that stood.
    """
    before = {each: signal.signal(each, signal.SIG_IGN) for each in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)


def loaded_night(graph: Graph, storage: Storage) -> Snapshot:
    """Return the night of this run that stands in the graph, which need not be the last one.

    Raises:
        GraphError: there is none, or its load was not finished.
        SnapshotError: nothing is published, or the night was pruned.
    """
    current = read_snapshot(storage)
    ledger = read_ledger(graph, build_ledger_key(current.archive, current.extractor))
    if not ledger.get("complete"):
        raise GraphError(
            f"the graph does not hold {storage.uri} whole: run `radkg load --out {storage.uri}`"
        )
    return read_snapshot(storage, ledger["snapshot_id"])


def listen(port: int) -> socket.socket:
    """Return a socket on loopback that listens: whoever is told the address is answered.

    Raises:
        ConfigError: the port is taken, or is none.
    """
    try:
        return socket.create_server((HOSTS[0], port))
    except (OSError, OverflowError) as error:
        raise ConfigError(f"--port {port} cannot be used: {error}") from error
