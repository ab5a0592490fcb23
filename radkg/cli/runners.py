"""From --runner and --workers to a runner."""

from __future__ import annotations

import functools
import os
from typing import TYPE_CHECKING

from radkg.cli.options import RunnerName
from radkg.errors import ConfigError

if TYPE_CHECKING:
    from radkg.graph.load.dispatch import Dispatch
    from radkg.run.work import Runner


def make_runner(name: RunnerName, workers: int | None) -> Runner:
    """Return the runner of an extraction.

    Raises:
        ConfigError: workers are given to Ray, which has the size of its cluster.
    """
    from radkg.run.choice import AutoRunner
    from radkg.run.local import LocalRunner

    if name == "ray":
        if workers is not None:
            raise ConfigError("--workers is for --runner local: on Ray the cluster says how many")
        return _make_ray()
    local = LocalRunner((os.cpu_count() or 1) if workers is None else workers)
    return local if name == "local" else AutoRunner(local, _make_ray)


def make_writers(on_cluster: bool, graph: str, writers: int | None = None) -> Dispatch | None:
    """Return what has other processes write the studies of a load; None: this process does."""
    if not on_cluster:
        return None
    if graph == "embedded":
        raise ConfigError(
            "several processes cannot write an embedded graph: give --on-cluster the address of a"
            " Neo4j server with --graph, or leave it out"
        )
    from radkg.cluster.writers import start_writer_actors

    return functools.partial(start_writer_actors, number=writers)


def _make_ray() -> Runner:
    from radkg.cluster.runner import RayRunner  # its import takes seconds

    return RayRunner()
