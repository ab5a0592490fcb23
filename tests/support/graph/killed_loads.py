"""Loads that are killed: SIGKILL for the loader, the server, or both; then the same command again.

The loader is a process of its own, for that is what a user starts. The embedded server is its
child, and goes with it; the Neo4j server is started again on the store that the dead one left.
"""

from __future__ import annotations

import contextlib
import os
import random
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from radkg.graph import Graph, open_graph
from radkg.graph.engine.embedded import find_free_ports
from tests.support.graph.disturbed_loads import Night, Tally
from tests.support.graph.loading import load_small
from tests.support.graph.servers import clear_graph, run_neo4j
from tests.support.runs.fork_server import ROOT
from tests.support.runs.processes import children, commands

WHO = ("loader", "server", "both")
_LOADER = """
import sys
from pathlib import Path
from radkg.graph import open_graph
from radkg.run.snapshot import read_snapshot
from radkg.storage import open_storage
from tests.support.graph.loading import load_small
where, store, published, snapshot_id = sys.argv[1:]
snapshot = read_snapshot(open_storage(published), snapshot_id)
with open_graph(where, Path(store)) as graph:
    print("opened", flush=True)
    load_small(graph, snapshot, lambda done, total: print(done, flush=True))
"""


@dataclass
class Place:
    """A graph on disk: how a loader opens it, and which process serves it."""

    where: str
    store: Path
    server: Callable[[int], int]
    """the id of the server's process, by that of the loader"""
    reopen: Callable[[], None]
    """serve the store again after its server was killed"""


@contextlib.contextmanager
def embedded_place(folder: Path) -> Iterator[Place]:
    """Give a store of the embedded engine; nobody serves it between loads."""
    store = folder / "store"

    def server(loader: int) -> int:
        (found,) = (p for p in children(loader) if str(store) in commands().get(p, ""))
        return found

    yield Place("embedded", store, server, lambda: None)


@contextlib.contextmanager
def neo4j_place(folder: Path) -> Iterator[Place]:
    """Give a store of Neo4j, and a server on it; NEO4J_PASSWORD is set meanwhile."""
    data = folder / "data"
    data.mkdir()
    password = secrets.token_urlsafe(16)
    (port,) = find_free_ports(1)
    running: list[subprocess.Popen[str]] = []
    with contextlib.ExitStack() as stack, pytest.MonkeyPatch.context() as patch:

        def serve() -> None:
            stack.close()
            running[:] = [stack.enter_context(run_neo4j(data, port, password))[2]]

        patch.setenv("NEO4J_USER", "neo4j")
        patch.setenv("NEO4J_PASSWORD", password)
        serve()
        where = f"bolt://127.0.0.1:{port}"
        yield Place(where, folder, lambda loader: running[0].pid, serve)


@dataclass
class KilledLoads:
    """Loads of some nights, each killed, into a graph that lasts."""

    place: Place
    published: Path
    nights: list[Night]
    killed: int = 0
    """loads that ran when they were killed"""
    went_on: int = 0
    """loaders whose server was killed, and that ended the load when it was back"""

    def round(self, who: str, rng: random.Random) -> Tally:
        """Empty the graph, and load every night: kill at a drawn moment, load again, compare."""
        with self._opened() as graph:
            clear_graph(graph)
        tally = Tally()
        for night in self.nights:
            tally.loads += 1
            self._kill(who, night, rng.randrange(night.batches or 1), rng.uniform(0, 0.2))
            with self._opened() as graph:
                load_small(graph, night.snapshot)
                tally.compare(graph, night)
        return tally

    def _opened(self) -> contextlib.AbstractContextManager[Graph]:
        return open_graph(self.place.where, self.place.store)

    def _kill(self, who: str, night: Night, batches: int, seconds: float) -> None:
        """Begin to load, and kill when so many batches are loaded and so many seconds passed."""
        arguments = [self.place.where, self.place.store, self.published, night.snapshot.snapshot_id]
        process = subprocess.Popen(
            [sys.executable, "-c", _LOADER, *map(str, arguments)],
            stdout=subprocess.PIPE,
            text=True,
            cwd=ROOT,
        )
        assert process.stdout is not None
        with process:
            for _ in range(1 + batches):
                process.stdout.readline()
            time.sleep(seconds)
            running = process.poll() is None
            self.killed += running
            if running and who != "loader":
                os.kill(self.place.server(process.pid), signal.SIGKILL)
            if who != "server":
                process.kill()
            if running and who != "loader":
                self.place.reopen()
            process.communicate()
            self.went_on += running and process.returncode == 0
