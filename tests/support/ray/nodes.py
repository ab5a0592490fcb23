"""Nodes of a real Ray on this machine, by ray.cluster_utils, and SIGKILL for each of them.

They are started from a process of their own, never from the tests': whoever has spoken to a GCS
ends itself, without a word, 60 s after that GCS was killed.
"""

import contextlib
import os
import signal
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from typing import Any

from tests.support.runs.processes import children, commands

_cluster: Any = None  # of the process that starts nodes


class Nodes:
    """A head and as many more nodes, with one core each; close it, or use it in a `with`."""

    def __init__(self, workers: int, *, head_cpus: int = 1) -> None:
        self._shape = workers, head_cpus
        self._start()

    def _start(self) -> None:
        workers, head_cpus = self._shape
        self._home = ProcessPoolExecutor(1, mp_context=get_context("spawn"))
        self.address: str = self._ask(_begin, head_cpus)
        """for RAY_ADDRESS"""
        self.grow(workers)

    def _ask(self, function: Callable[..., Any], *arguments: Any) -> Any:
        return self._home.submit(function, *arguments).result(timeout=200)

    def grow(self, count: int = 1, **variables: str) -> None:
        """Add nodes, with variables of their own."""
        for _ in range(count):
            self._ask(_add, variables)

    def actors(self) -> list[int]:
        """Return the processes that hold actors of a run."""
        running = commands()
        return [
            pid
            for raylet in self._ask(_raylets)
            for pid in children(raylet)
            if "MapWorker" in running.get(pid, "") or "_UnitActor" in running.get(pid, "")
        ]

    def kill_worker(self) -> None:
        """SIGKILL one process that holds an actor."""
        deadline = time.monotonic() + 60
        while not (actors := self.actors()):
            assert time.monotonic() < deadline, "no actor in 60 s"
        os.kill(actors[0], signal.SIGKILL)

    def kill_node(self) -> None:
        """SIGKILL all processes of a node that is not the head."""
        self._ask(_kill, 1)

    def kill_head(self) -> None:
        """SIGKILL all processes of the head and, then of no use, the others; start them anew."""
        self._ask(_kill, 0)
        self.close()
        self._start()

    def close(self) -> None:
        """End all processes."""
        while self._ask(_raylets):
            self._ask(_kill, -1)
        self._home.shutdown()

    def __enter__(self) -> "Nodes":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _begin(head_cpus: int) -> str:
    from ray.cluster_utils import Cluster

    global _cluster
    head = {"include_dashboard": False, "num_cpus": head_cpus}
    _cluster = Cluster(initialize_head=True, head_node_args=head)
    return str(_cluster.address)


def _add(variables: dict[str, str]) -> None:
    _cluster.add_node(num_cpus=1, env_vars=variables)


def _raylets() -> list[int]:
    """Return the raylets of all nodes, the head's first."""
    return [_raylet(node) for node in _cluster.list_all_nodes()]


def _kill(number: int) -> None:
    """SIGKILL all processes of a node by its place among all."""
    node = _cluster.list_all_nodes()[number]
    raylet = _raylet(node)
    for pid in [*children(raylet), raylet]:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    _cluster.remove_node(node, allow_graceful=False)


def _raylet(node: Any) -> int:
    return int(node.all_processes["raylet"][0].process.pid)
