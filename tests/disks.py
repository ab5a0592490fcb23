"""A real file system of 64 kB, for tests of what a full disk does."""

import contextlib
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest


@contextlib.contextmanager
def small_disk(path: Path) -> Iterator[Path]:
    """Mount 64 kB at `path`, which is made; skip where this machine allows no mounts."""
    path.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(path)]
    if os.geteuid() != 0 or subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("needs the right to mount a small file system")
    try:
        yield path
    finally:
        subprocess.run(["umount", str(path)], check=True)


def grow(disk: Path) -> None:
    """Give a small disk room enough."""
    subprocess.run(["mount", "-o", "remount,size=64m", str(disk)], check=True)
