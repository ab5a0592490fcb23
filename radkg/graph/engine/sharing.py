"""Ask the engine that another process has open on a store, or leave one open for a while.

Who asks has a share of a second lock meanwhile: an engine that was left open ends when nobody has
had one for a time, or when another process wants the store.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from radkg import errors
from radkg.errors import ConfigError, GraphError, GraphUnavailable
from radkg.graph.engine.client import Graph
from radkg.graph.engine.embedded import PASSWORD, START_TIMEOUT_S, USER, open_embedded
from radkg.graph.engine.holding import ask_to_end, get_version, read_notice

KEEP_OPEN = "RADKG_KEEP_OPEN"
"""variable of the environment with the minutes that an engine is left open; 0: it is not"""
DEFAULT_MINUTES = 5.0
_SHARES = "readers"
_POLL_S = 0.05
# The shell ends at once, so that the keeper is nobody's child and a notebook need not wait for it.
_DETACHED = ("/bin/sh", "-c", '"$0" "$@" &')


def read_minutes() -> float:
    """Return the minutes that the environment gives, or the default.

    Raises:
        ConfigError: it is no number of minutes.
    """
    said = os.environ.get(KEEP_OPEN)
    try:
        minutes = DEFAULT_MINUTES if not said else float(said)
    except ValueError:
        minutes = -1.0
    if not 0 <= minutes < float("inf"):
        raise ConfigError(f"{KEEP_OPEN}={said} is no number of minutes: 0 leaves no engine open")
    return minutes


@contextlib.contextmanager
def open_shared(store: Path, minutes: float) -> Iterator[Graph]:
    """Give the graph of a store that stands, to read it: by an engine that is open, if there is.

    Args:
        store: directory of the graph.
        minutes: that an engine started here is left open after the last question; 0: it ends now.

    Raises:
        GraphUnavailable: another process holds the store and shares it not, or no engine started.
        StorageError: as `open_embedded`.
    """
    store = store.resolve()
    joined = _join(store, minutes)
    if joined is None:
        with open_embedded(store) as graph:
            yield graph
        return
    graph, share = joined
    asked = read_notice(store)
    try:
        with graph:
            yield graph
    except GraphError as error:
        if asked is not None and read_notice(store) == asked:
            raise
        raise GraphUnavailable(
            f"the engine that was open on {store} has ended: run the same command again"
        ) from error
    finally:
        with contextlib.suppress(OSError):
            os.utime(share)  # the keeper counts from the end of the last question
        os.close(share)


def _join(store: Path, minutes: float) -> tuple[Graph, int] | None:
    """Return a connection to an engine that is open, and a share; None: one must be started."""
    deadline = time.monotonic() + START_TIMEOUT_S
    failed: GraphError | errors.StorageError | None = None
    while True:
        share = open_shares(store)
        fcntl.flock(share, fcntl.LOCK_SH)
        graph = _connect(store)
        if graph is not None:
            return graph, share
        os.close(share)
        notice = read_notice(store)
        if notice is None or notice.state != "starting":
            if failed is not None:
                raise failed
            if not minutes:
                return None
            failed = _start_keeper(store, minutes) or GraphUnavailable(
                f"the engine that was started on {store} has ended: run the same command again"
            )
        elif time.monotonic() > deadline:
            raise GraphUnavailable(f"store {store} is being opened by {notice.who}: wait for it")
        else:
            time.sleep(_POLL_S)


def open_shares(store: Path) -> int:
    """Return a descriptor of the lock of those who ask, without a share yet.

    Raises:
        StorageError: the directory cannot be written.
    """
    try:
        return os.open(store / _SHARES, os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise errors.StorageError(f"cannot use the graph in {store}: {error.strerror}") from error


def take_all_shares(shares: int) -> bool:
    """Tell whether nobody asks; nobody can begin to before this descriptor is closed."""
    try:
        fcntl.flock(shares, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _connect(store: Path) -> Graph | None:
    """Return a connection to the engine of a notice; None: there is none that answers.

    An engine that was left open, and has died or is of another version, is asked to end.
    """
    notice = read_notice(store)
    if notice is None or notice.state != "open" or notice.port is None:
        return None
    if not notice.yields or notice.version == get_version():
        with contextlib.suppress(OSError, GraphError):  # it ends, or was killed
            if is_own_port(notice.port):
                password = (store / PASSWORD).read_text()
                return Graph(f"bolt://127.0.0.1:{notice.port}", USER, password)
    if notice.yields:
        ask_to_end(store)
    return None


def is_own_port(port: int) -> bool:
    """Tell whether a process of this user listens there: nobody else may hear the password."""
    tables = [Path(f"/proc/net/{name}") for name in ("tcp", "tcp6")]
    lines = [line.split() for t in tables if t.exists() for line in t.read_text().splitlines()[1:]]
    owners = {int(e[7]) for e in lines if e[3] == "0A" and int(e[1].rpartition(":")[2], 16) == port}
    return owners == {os.geteuid()}


def _start_keeper(store: Path, minutes: float) -> GraphError | errors.StorageError | None:
    """Start a process that has the engine open (keeper.py), and wait for it; return why it failed.

    What it says is one line: empty, or the error's class and words.
    """
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(map(os.path.abspath, sys.path))}
    command = [sys.executable, "-m", "radkg.graph.engine.keeper", str(store), str(60 * minutes)]
    with subprocess.Popen(
        [*_DETACHED, *command],
        cwd="/",
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        start_new_session=True,  # it outlives this command, and its terminal
        text=True,
    ) as shell:
        assert shell.stdout is not None
        said = shell.stdout.readline()
    if said == "\n":
        return None
    if not said:
        return GraphUnavailable(f"no engine could be left open on {store}: try --keep-open 0")
    name, message = json.loads(said)
    kind = {each.__name__: each for each in (GraphUnavailable, errors.StorageError)}
    return kind.get(name, GraphError)(message)
