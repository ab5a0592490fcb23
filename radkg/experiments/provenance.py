"""Describe the origin of a table: date, commit, hardware."""

from __future__ import annotations

import platform
import subprocess
from datetime import UTC, datetime
from pathlib import Path

import torch


def describe_origin() -> str:
    """Return a sentence with date, commit and hardware."""
    return f"Made {datetime.now(UTC).date()}, commit {read_commit()}, on {describe_hardware()}."


def read_commit() -> str:
    """Return the commit of this checkout and whether files differ; `unknown` outside a checkout."""
    here = Path(__file__).parent
    try:
        found = _git(here, "rev-parse", "--short", "HEAD")
        changed = _git(here, "status", "--porcelain", "--untracked-files=no")
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return f"{found} with changes" if changed else found


def describe_hardware() -> str:
    """Return the processor with the threads that torch uses, and the GPU where there is one."""
    text = f"{_processor()}, {torch.get_num_threads()} thread(s)"
    return f"{text}, {torch.cuda.get_device_name()}" if torch.cuda.is_available() else text


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        lines = []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


def _git(directory: Path, *arguments: str) -> str:
    done = subprocess.run(
        ["git", "-C", str(directory), *arguments], capture_output=True, text=True, check=True
    )
    return done.stdout.strip()
