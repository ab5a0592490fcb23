"""A board on which the replicas of a service leave their metrics, so that each shows those of all.

Serve brings a request to some replica, and Prometheus asks `/metrics` as anybody does: what one
replica counted alone would jump up and down. A replica leaves its numbers whenever Serve asks for
its health, every few seconds; one that left none for half a minute is gone.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Mapping, Sequence
from typing import Any

import ray
from prometheus_client.metrics_core import Metric
from ray import serve
from ray.exceptions import RayError

from radkg.service.metrics import ServiceMetrics, write_replicas

_NAMESPACE = "radkg"
_KEPT_S = 30.0
_PATIENCE_S = 5.0  # of whoever asks for metrics; then they get those of one replica


class Notes:
    """What replicas saved, and when."""

    def __init__(self) -> None:
        self._left: dict[str, tuple[float, Sequence[Metric]]] = {}

    def save(self, replica: str, metrics: Sequence[Metric]) -> None:
        """Keep what a replica counted so far."""
        self._left[replica] = time.monotonic(), metrics

    def read(self) -> Mapping[str, Sequence[Metric]]:
        """Return what the replicas that are there have counted."""
        since = time.monotonic() - _KEPT_S
        self._left = {name: left for name, left in self._left.items() if left[0] >= since}
        return {name: metrics for name, (_, metrics) in self._left.items()}


class Board:
    """A replica's way to the board of its application.

    Args:
        metrics: what this replica counts.
    """

    def __init__(self, metrics: ServiceMetrics) -> None:
        context = serve.get_replica_context()
        self._metrics = metrics
        self._replica = context.replica_id.unique_id
        self._notes: Any = (
            ray.remote(Notes)
            .options(
                name=_name(context.app_name),
                namespace=_NAMESPACE,
                get_if_exists=True,
                lifetime="detached",  # it outlives the replica that made it
                max_restarts=-1,
                num_cpus=0,
            )
            .remote()
        )

    def save(self) -> Any:
        """Save this replica's numbers, and do not wait for it."""
        return self._notes.save.remote(self._replica, self._metrics.read())

    async def write(self) -> bytes:
        """Return the text of all replicas for Prometheus; without a board, that of this one."""
        read: Mapping[str, Sequence[Metric]] = {}
        with contextlib.suppress(RayError, TimeoutError):
            async with asyncio.timeout(_PATIENCE_S):
                await self.save()
                read = await self._notes.read.remote()
        return write_replicas({**read, self._replica: self._metrics.read()})


def remove_board(application: str) -> None:
    """End the board of an application that is no more."""
    with contextlib.suppress(ValueError):  # no replica made one
        ray.kill(ray.get_actor(_name(application), namespace=_NAMESPACE))


def _name(application: str) -> str:
    return f"radkg-metrics-{application}"
