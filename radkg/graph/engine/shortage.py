"""What the embedded engine lacks on this machine: room on a disk, or open files.

The engine tells a client that a statement failed, and its log why.
"""

from __future__ import annotations

import errno
import os
import resource
from pathlib import Path

from radkg.errors import StorageError

LOG = "server.log"
"""file of a store with what its engine says; it begins anew with each start"""
OPEN_FILES = 512  # the engine has 165 for our model, and more while it loads
_LEAST_FREE = 1 << 20  # bytes: with less no page of a log can be written

_SIGNS = {
    errno.ENOSPC: ("No space left on device", "Disk quota exceeded"),
    errno.EMFILE: ("Too many open files",),
    errno.EFBIG: ("File too large",),
    errno.EROFS: ("Read-only file system",),
}
_SAID = {
    errno.ENOSPC: "the disk of {store} is full: free some space, or choose another --out;",
    errno.EMFILE: "the graph in {store} may open no more files: raise the limit with `ulimit -n`;",
    errno.EFBIG: "a file of {store} may not grow: raise the limit with `ulimit -f unlimited`;",
    errno.EROFS: "the disk of {store} cannot be written: mount it anew, or choose another --out;",
}
_THEN = "what was committed stands, and the same command does the rest"


def check_open_files() -> None:
    """Raise StorageError where this machine gives a process fewer open files than are needed.

    The engine takes as many as it may have (the hard limit), whatever the soft limit is.
    """
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    if most not in (resource.RLIM_INFINITY, -1) and most < OPEN_FILES:
        raise StorageError(
            f"the embedded graph engine needs {OPEN_FILES} open files, and a process may have"
            f" {most} here: raise the limit with `ulimit -n {2 * OPEN_FILES}`, or give the address"
            " of a Neo4j server with --graph"
        )


def explain_disk(store: Path, error: OSError) -> StorageError:
    """Return what is said of a directory that cannot be written."""
    known = _SAID.get(error.errno or 0)
    if known:
        return StorageError(f"{known.format(store=store)} {_THEN}")
    return StorageError(
        f"cannot keep a graph in {store}: {error.strerror or error}: choose another --out, or make"
        " it writable"
    )


def find_shortage(store: Path) -> str | None:
    """Return what the engine lacked, as its log or the disk says; None: nothing that is known."""
    try:
        log = (store / LOG).read_text(errors="replace")
        room = os.statvfs(store)
    except OSError:
        return None
    full = room.f_bavail * room.f_frsize < _LEAST_FREE  # then the log may not say it either
    for number, signs in _SIGNS.items():
        if any(sign in log for sign in signs) or (full and number == errno.ENOSPC):
            return f"{_SAID[number].format(store=store)} {_THEN}"
    return None
