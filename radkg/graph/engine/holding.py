"""Who holds a store: the lock of one process at a time, and the notice that it leaves for others.

A notice says where the engine of the holder answers, so that others can ask it. It counts only
while the process that wrote it holds the lock: what a killed holder has left misleads nobody.
"""

from __future__ import annotations

import dataclasses
import fcntl
import importlib.metadata
import json
import os
import stat
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import radkg
from radkg.errors import GraphUnavailable
from radkg.graph.engine.child_processes import STOP_TIMEOUT_S

LOCK_TIMEOUT_S = 1.0
YIELD_TIMEOUT_S = 60.0
"""how long a holder that yields may finish the questions that it is answering"""
LOCK, _NOTICE, _WANTED = "lock", "holder.json", "wanted"
_POLL_S = 0.1


@dataclass(frozen=True, kw_only=True)
class Holder:
    """A process whose engine others may ask."""

    who: str
    """as messages name it"""
    yields: bool = False
    """it ends when another process wants the store"""


@dataclass(frozen=True, kw_only=True)
class Notice:
    """What a holder says of itself."""

    pid: int
    who: str
    yields: bool
    version: str
    """of radkg and of the engine"""
    state: Literal["starting", "open", "ending"]
    port: int | None = None
    """of Bolt on loopback, while it is open"""


def lock_store(store: Path, holder: Holder | None = None) -> int:
    """Return the descriptor of the locked lock file; a holder's notice stands then.

    The server inherits the descriptor: the lock is free only when both this process and the server
    are gone. Whoever yields is asked to, unless this holder would yield, too.

    Raises:
        GraphUnavailable: another process holds the store.
        OSError: the directory cannot be written.
    """
    lock = os.open(store / LOCK, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        _wait_for_lock(store, lock, asks=holder is None or not holder.yields)
        os.ftruncate(lock, 0)
        os.pwrite(lock, str(os.getpid()).encode(), 0)
        remove_notice(store)  # of one that was killed
        (store / _WANTED).unlink(missing_ok=True)
        if holder is not None:
            write_notice(store, make_notice(holder))
    except BaseException:
        os.close(lock)
        raise
    return lock


def _wait_for_lock(store: Path, lock: int, *, asks: bool) -> None:
    started = time.monotonic()
    notice: Notice | None = None
    while True:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except BlockingIOError:
            before, notice = notice, read_notice(store)
        if notice is None and before is not None:  # its owner is about to let the lock go
            started = time.monotonic()
        owner = os.pread(lock, 20, 0).decode() or "unknown"
        if notice is None:  # a dead owner's server is about to stop; hardly wait for a living one
            patience_s = LOCK_TIMEOUT_S if _is_running(owner) else STOP_TIMEOUT_S
        else:
            if notice.yields and asks:
                ask_to_end(store)
            ends = notice.state == "ending" or (notice.yields and is_wanted(store))
            patience_s = YIELD_TIMEOUT_S if ends else LOCK_TIMEOUT_S
        if time.monotonic() - started > patience_s:
            named = "" if notice is None else f", {notice.who}"
            raise GraphUnavailable(
                f"store {store} is in use by process {owner}{named}: wait for it or stop it"
            )
        time.sleep(_POLL_S)


def make_notice(holder: Holder) -> Notice:
    """Return the first notice of this process."""
    return Notice(
        pid=os.getpid(),
        who=holder.who,
        yields=holder.yields,
        version=get_version(),
        state="starting",
    )


def get_version() -> str:
    """Return the versions of radkg and of the engine that a notice bears."""
    return f"{radkg.__version__} {importlib.metadata.version('arcadedb-embedded')}"


def write_notice(store: Path, notice: Notice) -> None:
    """Leave a notice, whole at once, for the owner of this process alone."""
    temporary = store / f"{_NOTICE}.tmp"
    temporary.unlink(missing_ok=True)
    handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w") as file:
        json.dump(dataclasses.asdict(notice), file)
    temporary.rename(store / _NOTICE)


def amend_notice(store: Path, **changes: str | int | None) -> None:
    """Change the notice of this process; without one there is nothing to change."""
    notice = read_notice(store)
    if notice is not None and notice.pid == os.getpid():
        write_notice(store, dataclasses.replace(notice, **changes))  # type: ignore[arg-type]


def remove_notice(store: Path) -> None:
    """Take the notice away."""
    (store / _NOTICE).unlink(missing_ok=True)


def read_notice(store: Path) -> Notice | None:
    """Return the notice of the process that holds a store; None: it has left none, or nobody does.

    A file that another user owns or could have written says nothing, nor one of a dead process.
    """
    try:
        handle = os.open(store / _NOTICE, os.O_RDONLY | os.O_NOFOLLOW)
    except OSError:
        return None
    with os.fdopen(handle) as file:
        about = os.fstat(handle)
        if about.st_uid != os.geteuid() or stat.S_IMODE(about.st_mode) & 0o077:
            return None
        try:
            notice = Notice(**json.load(file))
        except (ValueError, TypeError):
            return None
    return notice if _is_held_by(store, notice.pid) else None


def ask_to_end(store: Path) -> None:
    """Tell a holder that yields that its store is wanted."""
    os.close(os.open(store / _WANTED, os.O_WRONLY | os.O_CREAT, 0o600))


def is_wanted(store: Path) -> bool:
    """Tell whether another process waits for the store, or the store is gone."""
    return (store / _WANTED).exists() or not (store / LOCK).exists()


def _is_held_by(store: Path, pid: int) -> bool:
    """Tell whether a living process holds the lock; its number alone could be another's by now."""
    try:
        lock = os.open(store / LOCK, os.O_RDONLY)
    except OSError:
        return False
    try:
        fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return os.pread(lock, 20, 0) == str(pid).encode() and _is_running(str(pid))
    finally:
        os.close(lock)
    return False


def _is_running(pid: str) -> bool:
    """Tell whether the process runs: it exists, and not as what is left of a dead one."""
    try:
        status = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False
    return status.rpartition(")")[2].split()[0] != "Z"
