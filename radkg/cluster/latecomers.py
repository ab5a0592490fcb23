"""Nodes that join while a run lasts: one that lacks radkg is named, and holds nothing up.

Ray puts an actor of a pool on any node that has room. The class of an actor stands in radkg: on a
node without radkg Ray could not even read it, and would end the run. So a class travels whole, in a
shell that needs no more than Ray; there the shell waits and ends its process, and Ray starts the
actor again, wherever there is room: on another node, or on this one once radkg is installed.
"""

from __future__ import annotations

import logging
from typing import Any

import ray
from ray import cloudpickle
from ray.exceptions import RayError

import radkg
from radkg.cluster.nodes import ask_node, list_needed, list_working, say_lacking

logger = logging.getLogger(__name__)

RETRY_S = 20.0
"""how long an actor waits on a node without radkg before it is started anew"""


def send_whole(kind: type, *args: Any) -> tuple[type, tuple[Any, ...]]:
    """Return a class for a pool of actors, and the arguments of its constructor.

    Args:
        kind: whose instances are called with a batch.
        args: of its constructor; references to Ray's objects stay what Ray knows of.
    """
    packed = [arg if isinstance(arg, ray.ObjectRef) else _pack(arg) for arg in args]
    shell = _make_shell()
    shell.__name__ = shell.__qualname__ = kind.__name__  # as Ray's lists of actors show it
    return shell, (radkg.__version__, RETRY_S, _pack(kind), *packed)


def _pack(value: Any) -> bytes:
    packed: bytes = cloudpickle.dumps(value)  # type: ignore[no-untyped-call]
    return packed


def _make_shell() -> type:
    """Return a class that Ray sends by value, for no module has it."""

    class Shell:
        def __init__(self, version: str, retry_s: float, kind: bytes, *packed: Any) -> None:
            import importlib
            import os
            import pickle
            import time

            try:
                if importlib.import_module("radkg").__version__ != version:
                    raise ImportError
                make = pickle.loads(kind)
                args = [pickle.loads(arg) if isinstance(arg, bytes) else arg for arg in packed]
            except ImportError:
                time.sleep(retry_s)
                os._exit(1)  # Ray takes an error for the end of the run, and an end for an accident
            self._actor = make(*args)

        def __call__(self, batch: Any) -> Any:
            return self._actor(batch)

    return Shell


class Latecomers:
    """The nodes that join from now on: each is asked once what it lacks."""

    def __init__(self) -> None:
        self._seen = {node["NodeID"] for node in list_working()}
        self._asked: dict[Any, str] = {}
        self._needed = list_needed()

    def look(self) -> None:
        """Ask who is new, and let the log name who lacks something; waits for nobody."""
        for node in list_working():
            if node["NodeID"] not in self._seen:
                self._seen.add(node["NodeID"])
                self._asked[ask_node(node, self._needed)] = node["NodeManagerAddress"]
        found, _ = ray.wait(list(self._asked), num_returns=len(self._asked), timeout=0)
        for answer in found:
            address = self._asked.pop(answer)
            try:
                lacking = ray.get(answer)
            except RayError:  # it has left again
                continue
            if lacking:
                logger.warning(
                    "node %s came late and has no %s: install radkg %s there; the run goes on with "
                    "the other nodes",
                    *(address, say_lacking(lacking), radkg.__version__),
                )
