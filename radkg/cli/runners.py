"""From --runner and --workers to a runner."""

from __future__ import annotations

import functools
import os
from typing import TYPE_CHECKING

from radkg.cli.options import RunnerName, parse_bounds
from radkg.errors import ConfigError

if TYPE_CHECKING:
    from radkg.graph.load.dispatch import Dispatch
    from radkg.run.work import Runner


def make_runner(name: RunnerName, workers: str | None) -> Runner:
    """Return the runner of an extraction.

    Args:
        name: of the runner.
        workers: N or MIN-MAX; this machine has no use for the least number.

    Raises:
        ConfigError: `workers` is neither, or names none where Ray needs one.
    """
    from radkg.run.choice import AutoRunner
    from radkg.run.local import LocalRunner

    bounds = None if workers is None else parse_bounds(workers)
    if name == "ray":
        if bounds is not None and bounds[0] < 1:
            raise ConfigError(f"--workers is at least 1 on Ray, not {workers}")
        return _make_ray(bounds)
    local = LocalRunner((os.cpu_count() or 1) if bounds is None else bounds[1])
    if name == "local":
        return local
    # what stays here is as wide as asked; on Ray no run can do without a worker
    return AutoRunner(local, functools.partial(_make_ray, bounds if bounds and bounds[0] else None))


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


def _make_ray(workers: tuple[int, int] | None) -> Runner:
    from radkg.cluster.runner import RayRunner  # its import takes seconds

    return RayRunner(workers)
