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


def grow(disk: Path, size: str = "64m") -> None:
    """Give a small disk room enough, or this much."""
    subprocess.run(["mount", "-o", f"remount,size={size}", str(disk)], check=True)


def used_kilobytes(disk: Path) -> int:
    """Return how much of a small disk is used, at least one block."""
    found = os.statvfs(disk)
    return max(4, (found.f_blocks - found.f_bfree) * found.f_bsize // 1024)
