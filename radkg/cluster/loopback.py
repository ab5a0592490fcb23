"""A Ray of this machine alone: its servers listen on loopback, its token is for this user's eyes.

Ray itself listens on every interface of the machine, and writes its token with the umask's rights.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

from ray._private import ray_constants

from radkg.errors import ClusterError
from radkg.private import make_directory


@contextlib.contextmanager
def keep_on_loopback() -> Iterator[None]:
    """Have a Ray that is started in this block listen on 127.0.0.1 alone.

    Ray takes 127.0.0.1 as the address of its node where clusters are switched off, which it does
    on Windows and macOS only; given as an argument, it replaces 127.0.0.1 by another address.
    """
    before = ray_constants.ENABLE_RAY_CLUSTER
    ray_constants.ENABLE_RAY_CLUSTER = False
    try:
        yield
    finally:
        ray_constants.ENABLE_RAY_CLUSTER = before


def hide_token() -> None:
    """Let no other user read the token file in this user's home; where there is none, write it.

    Raises:
        ClusterError: the home cannot be written.
    """
    if "RAY_AUTH_TOKEN" in os.environ or "RAY_AUTH_TOKEN_PATH" in os.environ:
        return  # the token is where its owner put it
    if os.environ.get("RAY_AUTH_MODE", "token") != "token":
        return
    path = Path.home() / ".ray" / "auth_token"
    try:
        if not path.exists():
            make_directory(path.parent)
            _write_token(path)
        elif path.stat().st_mode & 0o077:
            path.chmod(0o600)
    except OSError as error:
        raise ClusterError(
            f"cannot keep Ray's token in {path}: {error.strerror}: set HOME to a directory that "
            "can be written, or RAY_AUTH_TOKEN_PATH to a file with a token"
        ) from error


def _write_token(path: Path) -> None:
    """Write a new token, unless another process was faster."""
    token = os.urandom(32).hex()
    temporary = path.with_name(f"{path.name}.{os.getpid()}")
    with open(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(token)
    try:
        with contextlib.suppress(FileExistsError):
            os.link(temporary, path)
    finally:
        temporary.unlink()
