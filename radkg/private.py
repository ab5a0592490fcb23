"""Files and directories that may hold data of patients: for their owner alone, whatever the umask.

A directory with the setgid bit (`chmod g+s`) is one that a group shares on purpose: what radkg
writes in it the group may read and write as far as it may in the directory. Others never may.
"""

from __future__ import annotations

import contextlib
import functools
import os
import stat
from pathlib import Path
from typing import IO, Any, BinaryIO

_FILE, _DIRECTORY, _UMASK = 0o600, 0o700, 0o077


def set_umask() -> None:
    """Let what libraries write in this process be for its owner alone; for processes of radkg's."""
    os.umask(_UMASK)


def make_directory(path: Path) -> None:
    """Make a directory and those above it, unless it stands; one that stands keeps its mode.

    Raises:
        OSError: it cannot be made, or something else has its name.
    """
    if path.is_dir():
        return
    if path.parent != path:
        make_directory(path.parent)
    try:
        os.mkdir(path, _DIRECTORY)
    except FileExistsError:
        if not path.is_dir():  # else another process was quicker
            raise
        return
    if shared := _find_shared(path.parent):
        _set_mode(path, stat.S_ISGID | _DIRECTORY | shared)


def open_new(path: Path) -> BinaryIO:
    """Open a new file for bytes; FileExistsError where the name is taken."""
    return open(path, "xb", opener=_open)


def open_private(path: Path, mode: str = "w", **options: Any) -> IO[Any]:
    """Open a file to write as `open` does; one that stands becomes private, too."""
    return open(path, mode, opener=functools.partial(_open, stands=True), **options)


def write_text(path: Path, text: str) -> None:
    """Write a text as UTF-8, line ends as they are; not atomically."""
    with open_private(path, encoding="utf-8", newline="") as file:
        file.write(text)


def _open(path: str | bytes, flags: int, *, stands: bool = False) -> int:
    """Open as `open` asks, so that nobody else could open the file in between."""
    handle = os.open(path, flags, _FILE)
    shared = _find_shared(Path(os.fsdecode(path)).parent)
    if shared or stands:
        _set_mode(handle, _FILE | (shared & 0o060))
    return handle


def _find_shared(directory: Path) -> int:
    """Return what the group may do in a directory that is shared with it; 0: it is not."""
    mode = os.stat(directory).st_mode
    return mode & stat.S_IRWXG if mode & stat.S_ISGID else 0


def _set_mode(file: Path | int, mode: int) -> None:
    with contextlib.suppress(PermissionError):  # somebody else's, or a disk without modes
        os.chmod(file, mode)
