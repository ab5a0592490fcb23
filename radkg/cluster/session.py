"""Ray while a run lasts: the one that runs, the one that RAY_ADDRESS names, or a local one."""

from __future__ import annotations

import contextlib
import logging
import os
import socket
from collections.abc import Iterator, Mapping
from typing import Any

import ray

from radkg.cluster.loopback import hide_token, keep_on_loopback
from radkg.cluster.nodes import check_nodes
from radkg.errors import ClusterError
from radkg.run.interrupt import interrupt_on_sigterm


@contextlib.contextmanager
def join_ray() -> Iterator[None]:
    """Join or start Ray, and leave it again if it was not there before.

    Raises:
        ClusterError: Ray cannot be started, nothing answers at RAY_ADDRESS, or a node there lacks
            radkg.
    """
    if ray.is_initialized():
        yield
        return
    address = os.environ.get("RAY_ADDRESS") or "local"
    what, hint = f"join Ray at {address}", "start Ray there, or unset RAY_ADDRESS"
    if address == "local":
        what = "start Ray on this machine"
        hint = "run the same command when the machine is less busy, or extract with --runner local"
    _check_reachable(address)
    os.environ.setdefault("RAY_BACKEND_LOG_LEVEL", "fatal")  # stderr is for the user's progress
    logging.getLogger("ray.data").setLevel(logging.ERROR)
    own: dict[str, Any] = {}
    with contextlib.ExitStack() as stack:
        if address == "local":
            own = {"include_dashboard": False, "object_store_memory": 256 << 20}
            hide_token()
            stack.enter_context(keep_on_loopback())
        _start(address, own, what, hint)
    with interrupt_on_sigterm():
        try:
            if address != "local":
                check_nodes()
            yield
        finally:
            ray.shutdown()


def _start(address: str, own: Mapping[str, Any], what: str, hint: str) -> None:
    try:
        with _native_stderr_closed():
            ray.init(address=address, log_to_driver=False, logging_level=logging.ERROR, **own)
    except Exception as error:  # Ray raises a bare Exception where a node does not start in time
        reason = " ".join(str(error).split())
        raise ClusterError(f"cannot {what}: {reason}: {hint}") from error


def show_no_bars() -> None:
    """Keep Ray Data from drawing its own progress over the user's."""
    from ray.data import DataContext  # a training run has no use for it

    context = DataContext.get_current()
    context.enable_progress_bars = False
    context.enable_operator_progress_bars = False


def _check_reachable(address: str) -> None:
    """Raise if nothing listens at HOST:PORT; Ray itself would wait there without a word."""
    host, colon, port = address.removeprefix("ray://").rpartition(":")
    if colon and port.isdigit():
        try:
            socket.create_connection((host.strip("[]"), int(port)), timeout=10).close()
        except OSError as error:
            raise ClusterError(
                f"no Ray at {address}: {error}: start it, or unset RAY_ADDRESS"
            ) from error


@contextlib.contextmanager
def _native_stderr_closed() -> Iterator[None]:
    """Drop what Ray's C++ core says about its own log level; its errors come as exceptions."""
    saved, null = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, 2)
    try:
        yield
    finally:
        os.dup2(saved, 2)
        os.close(saved)
        os.close(null)
