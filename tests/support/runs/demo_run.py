"""The real demo, run once for the whole test run by the installed command.

Where RADKG_TEST_DEMO names one that was just made, with what the command printed beside it as
`.json` (stdout) and `.log` (stderr), the tests look at that one: .ci/run has made it.
"""

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

RADKG = str(Path(sys.executable).parent / "radkg")


@dataclass(frozen=True)
class DemoRun:
    """Where the demo stands, what it printed as JSON, and what it said on stderr."""

    out: Path
    report: dict[str, Any]
    stderr: str


def user_environment(**changes: str) -> dict[str, str]:
    """Return the environment of a process of its own: RAY_ADDRESS of this one does not leak."""
    return {k: v for k, v in os.environ.items() if k != "RAY_ADDRESS"} | changes


def radkg(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run the installed command as a user does."""
    return subprocess.run(
        [RADKG, *arguments],
        env=user_environment(**environment),
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
    )


@pytest.fixture(scope="session")
def demo_run(tmp_path_factory: pytest.TempPathFactory) -> DemoRun:
    """`radkg demo --json` over all of Open-i."""
    if made := os.environ.get("RADKG_TEST_DEMO"):
        out = Path(made)
        stdout, stderr = (out.with_suffix(end).read_text() for end in (".json", ".log"))
    else:
        out = tmp_path_factory.mktemp("demo") / "out"
        done = radkg("demo", "--json", "--out", str(out))
        assert done.returncode == 0, done.stderr
        stdout, stderr = done.stdout, done.stderr
    (line,) = stdout.splitlines()
    return DemoRun(out, json.loads(line), stderr)
