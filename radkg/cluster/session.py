"""Ray while a run lasts: the one that runs, the one that RAY_ADDRESS names, or a local one."""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import socket
import threading
from collections.abc import Iterator
from typing import Any

import ray
from ray.exceptions import RayError

from radkg.errors import ClusterError


@contextlib.contextmanager
def ray_session() -> Iterator[None]:
    """Join or start Ray, and leave it again if it was not there before.

    Raises:
        ClusterError: Ray cannot be started, or nothing answers at RAY_ADDRESS.
    """
    if ray.is_initialized():
        yield
        return
    address = os.environ.get("RAY_ADDRESS") or "local"
    _check_reachable(address)
    os.environ.setdefault("RAY_BACKEND_LOG_LEVEL", "fatal")  # stderr is for the user's progress
    logging.getLogger("ray.data").setLevel(logging.ERROR)
    local: dict[str, Any] = {"include_dashboard": False, "object_store_memory": 256 << 20}
    try:
        with _native_stderr_closed():
            ray.init(
                address=address,
                log_to_driver=False,
                logging_level=logging.ERROR,
                **(local if address == "local" else {}),
            )
    except (RayError, OSError, RuntimeError, ValueError) as error:
        raise ClusterError(f"cannot start or join Ray at {address}: {error}") from error
    with _interrupted_by_sigterm():
        try:
            yield
        finally:
            ray.shutdown()


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
def _interrupted_by_sigterm() -> Iterator[None]:
    """Let SIGTERM end the run as Ctrl-C does, instead of Ray's dump of the C++ stack."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def interrupt(number: int, frame: object) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


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
