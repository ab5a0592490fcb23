"""Serve the explorer on loopback until it is interrupted."""

from __future__ import annotations

import contextlib
import secrets
import signal
import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import uvicorn
from fastapi import FastAPI

from radkg.errors import ConfigError, GraphError
from radkg.explore.app import make_app
from radkg.explore.guard import HOSTS, make_address
from radkg.explore.snapshot_reader import SnapshotReader
from radkg.explore.verdicts import Verdicts
from radkg.explore.warm import warm_up
from radkg.graph import Graph
from radkg.graph.load.ledger import read_ledger
from radkg.graph.rows.nested import build_ledger_key
from radkg.run.snapshot import Snapshot, read_snapshot
from radkg.storage import Storage

_PATIENCE_S = 3  # for open requests when the server is stopped


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
        graph: the graph that holds a snapshot of the run; it is only read.
        storage: of the run.
        review: CSV file for verdicts on triplets.
        ready: called with the address to open once the server answers; the address holds the token.
        port: on 127.0.0.1; 0: a free one.
        archive: address of the archive; None: the archive of the run.
        images: directory with the images; None: the directory of the run.

    Raises:
        GraphError: the graph does not hold a snapshot of this run completely.
        ConfigError: the port is taken, or the review file is of another kind.
    """
    reader = SnapshotReader(read_loaded_snapshot(graph, storage), archive, images)
    warm_up(graph, reader)
    token = secrets.token_urlsafe(24)
    app = make_app(graph, reader, Verdicts(review), token)
    config = make_server_config(app)
    with listen(port) as listening:
        ready(make_address(listening.getsockname()[1], token))
        with _ignore_signals():
            uvicorn.Server(config).run(sockets=[listening])


def make_server_config(app: FastAPI) -> uvicorn.Config:
    """Return how the explorer is served: h11 refuses headers of more than 64 KiB, and no sockets
    are upgraded, which nothing guards."""
    return uvicorn.Config(
        app,
        http="h11",
        ws="none",
        log_level="warning",
        server_header=False,
        timeout_graceful_shutdown=_PATIENCE_S,
    )


@contextlib.contextmanager
def _ignore_signals() -> Iterator[None]:
    """Let a signal stop the server, and not the process, which must still close the graph.

    After the server has stopped, uvicorn sends the signal to the process again. While the process
    ignores it, the caller goes on; at the end the earlier handlers are restored.
    """
    before = {each: signal.signal(each, signal.SIG_IGN) for each in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)


def read_loaded_snapshot(graph: Graph, storage: Storage) -> Snapshot:
    """Return the snapshot of this run that the graph holds; it need not be the latest one.

    Raises:
        GraphError: the graph holds no snapshot of this run, or its load was not finished.
        SnapshotError: nothing is published, or the snapshot in the graph was pruned.
    """
    current = read_snapshot(storage)
    ledger = read_ledger(graph, build_ledger_key(current.archive, current.extractor))
    if not ledger.get("complete"):
        raise GraphError(
            f"the graph does not hold all of {storage.uri}: run `radkg load --out {storage.uri}`"
        )
    return read_snapshot(storage, ledger["snapshot_id"])


def listen(port: int) -> socket.socket:
    """Return a socket that listens on loopback, so that the address can be announced at once.

    Raises:
        ConfigError: the port is taken, or is not a port number.
    """
    try:
        return socket.create_server((HOSTS[0], port))
    except (OSError, OverflowError) as error:
        raise ConfigError(f"--port {port} cannot be used: {error}") from error
