"""How many actors a run has: a pool between two bounds that follows the cluster while it grows.

Ray Data keeps at least `low` actors of a pool. An actor without a place is pending, and pending
actors are what an autoscaler sees: so a cluster that has no node at the moment gets one. The pool
grows to `high` when nodes come, by an autoscaler or by `ray start` on another machine. Ray counts
what a pool may take by what the cluster has (ray-project/ray issue 59144), so that a pool without
an upper bound, or one of a fixed size, would not use a late node.
"""

from __future__ import annotations

import contextlib
import logging
import math
import threading
import time
from collections.abc import Iterator
from typing import NamedTuple

import ray

from radkg.cluster.latecomers import Latecomers
from radkg.errors import ClusterError
from radkg.schema.records import Device

logger = logging.getLogger(__name__)

Bounds = tuple[int, int]  # least and greatest number of workers

_POLL_S = 2.0
_REPEAT_S = 60.0  # between two lines that say what is waited for


class Room(NamedTuple):
    """What a cluster has, or what a run needs at least."""

    cpus: int
    gpus: int

    def __str__(self) -> str:
        return f"{self.cpus} CPU and {self.gpus} GPU"

    def can_hold(self, need: Room) -> bool:
        """Tell whether all that is needed is there."""
        return self.cpus >= need.cpus and self.gpus >= need.gpus


class Pool(NamedTuple):
    """How many workers a run has: at least, at its start, and at most."""

    low: int
    initial: int
    high: int
    readers: int
    """of images, at most, on CPUs beside workers on GPUs; 0: a worker reads its own"""


def get_room() -> Room:
    """Return what the cluster has now."""
    there = ray.cluster_resources()  # type: ignore[no-untyped-call]
    return Room(int(there.get("CPU", 0)), int(there.get("GPU", 0)))


def get_need(device: Device, gpus_each: float = 1) -> Room:
    """Return what one worker needs; beside a GPU another CPU reads its images."""
    return Room(1, 0) if device == "cpu" else Room(2, math.ceil(gpus_each))


def count_gpu_workers(gpus: int, gpus_each: float) -> int:
    """Return how many workers fit on GPUs; a worker of a fraction lies on one GPU."""
    if gpus_each >= 1:
        return gpus // int(gpus_each)
    return gpus * int(1 / gpus_each + 1e-9)  # 1 / .2 may be 4.999


def choose_pool(
    device: Device,
    units: int,
    room: Room,
    bounds: Bounds | None,
    *,
    can_grow: bool,
    gpus_each: float = 1,
) -> Pool:
    """Return the pool of a run.

    Args:
        device: of the model.
        units: of work, at least 1: more workers would have nothing to do.
        room: what the cluster has now.
        bounds: what the user asked for; None: one at least, and all that the cluster gives.
        can_grow: whether nodes may come: not to a Ray that this run has started itself.
        gpus_each: GPUs of a worker; a fraction: workers share one.

    Raises:
        ClusterError: the cluster cannot grow and has no GPU, or no CPU beside it.
    """
    if device == "cpu":
        if room.gpus:
            logger.warning(
                "running on CPUs, and the cluster has %d GPU(s): --device cuda", room.gpus
            )
        now = room.cpus
    else:
        if not (can_grow or room.can_hold(get_need(device, gpus_each))):
            gpus = "a GPU" if gpus_each <= 1 else f"{gpus_each:g} GPUs"
            raise ClusterError(
                f"--device cuda needs {gpus} and two CPUs, and this Ray has {room}: name a cluster "
                "with RAY_ADDRESS, or run with --device cpu"
            )
        now = min(count_gpu_workers(room.gpus, gpus_each), room.cpus - 1)
    low, high = bounds or (1, units if can_grow else max(1, now))
    low, high = min(low, units), min(high, units)
    initial = min(max(low, now), high)
    if device == "cpu":
        return Pool(low, initial, high, 0)
    readers = units if can_grow else min(room.cpus - initial, units)
    return Pool(low, initial, high, readers)


@contextlib.contextmanager
def watch_room(need: Room) -> Iterator[None]:
    """Let the log say, while the block runs, what is waited for and how the cluster grows.

    A node that joins without radkg is named there.
    """
    over = threading.Event()
    thread = threading.Thread(target=_watch, args=(need, over), name="cluster", daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join(timeout=10)


def _watch(need: Room, over: threading.Event) -> None:
    seen: Room | None = None
    latecomers: Latecomers | None = None
    said_s = -_REPEAT_S
    while True:
        with contextlib.suppress(Exception):  # Ray is lost: the run itself says so
            room = get_room()
            if not room.can_hold(need):
                if time.monotonic() - said_s >= _REPEAT_S:
                    said_s = time.monotonic()
                    logger.warning(
                        "waiting for nodes: the cluster has %s, and a run needs %s at least; an "
                        "autoscaler sees the request, `ray start` on a machine does as well",
                        *(room, need),
                    )
            elif seen is not None and room != seen:
                logger.info("the cluster has now %s, before %s", room, seen)
            seen = room
            latecomers = latecomers or Latecomers()
            latecomers.look()
        if over.wait(_POLL_S):
            return
