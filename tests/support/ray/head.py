"""A Ray head with token authentication and a dashboard, and jobs that are submitted to it."""

from __future__ import annotations

import contextlib
import os
import secrets
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.support.pages.blocks import ROOT
from tests.support.runs.demo_run import user_environment

RAY = str(Path(sys.executable).parent / "ray")


@dataclass(frozen=True)
class Head:
    """A head that runs."""

    environment: dict[str, str]
    """of a client of its job server"""
    folder: Path
    """of the session: logs, working directories, sockets"""
    token: str
    metrics_port: int

    def read(self, path: str, port: int | None = None) -> str:
        """Return what the dashboard, or another server of the head, answers."""
        address = self.environment["RAY_API_SERVER_ADDRESS"]
        base = address if port is None else f"http://127.0.0.1:{port}"
        request = urllib.request.Request(
            f"{base}{path}", headers={"authorization": f"Bearer {self.token}"}
        )
        try:
            with urllib.request.urlopen(request, timeout=120) as answer:
                return str(answer.read().decode())
        except urllib.error.HTTPError as error:
            return f"{error.code} {error.read().decode(errors='replace')}"


def free_port() -> int:
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return int(s.getsockname()[1])


@contextlib.contextmanager
def run_head(**variables: str) -> Iterator[Head]:
    """Run a head of two CPUs; its workers have these variables in their environment."""
    with tempfile.TemporaryDirectory(prefix="rk") as short:  # a socket's path has 107 bytes
        token = Path(short) / "token"
        token.write_text(secrets.token_hex(32))
        port, dashboard, metrics = free_port(), free_port(), free_port()
        environment = user_environment(
            RAY_AUTH_MODE="token",
            RAY_AUTH_TOKEN_PATH=str(token),
            RAY_TMPDIR=short,  # its address file is not the machine's
            RAY_DASHBOARD_STARTUP_TIMEOUT_S="300",  # of a busy machine
            RAY_USAGE_STATS_ENABLED="0",
            PATH=f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            **variables,
        )
        command = [
            *(RAY, "start", "--head", "--block", f"--port={port}", "--num-cpus=2"),
            *("--include-dashboard=true", f"--dashboard-port={dashboard}"),
            *("--dashboard-host=127.0.0.1", f"--ray-client-server-port={free_port()}"),
            f"--dashboard-agent-listen-port={free_port()}",
            f"--dashboard-agent-grpc-port={free_port()}",
            *(f"--runtime-env-agent-port={free_port()}", f"--metrics-export-port={metrics}"),
            "--object-store-memory=268435456",
        ]
        said = Path(short) / "said"
        with said.open("w") as file:
            server = subprocess.Popen(
                command, env=environment, stdout=file, stderr=file, start_new_session=True
            )
        address = f"http://127.0.0.1:{dashboard}"
        try:
            deadline = time.monotonic() + 600
            while "Ray runtime started" not in said.read_text():
                assert server.poll() is None, said.read_text()
                assert time.monotonic() < deadline, "the head did not come up"
                time.sleep(0.5)
            client = environment | {"RAY_API_SERVER_ADDRESS": address}
            yield Head(client, Path(short), token.read_text(), metrics)
        finally:
            os.killpg(server.pid, signal.SIGTERM)
            with contextlib.suppress(subprocess.TimeoutExpired):
                server.wait(5)
            with contextlib.suppress(ProcessLookupError):
                os.killpg(server.pid, signal.SIGKILL)
            server.wait()


def call(
    head: Head, *command: str, timeout_s: float = 900, **changes: str
) -> subprocess.CompletedProcess[str]:
    """Run a command as a client of the head, in the checkout."""
    return subprocess.run(
        command,
        cwd=ROOT,
        env=head.environment | changes,
        capture_output=True,
        text=True,
        timeout=timeout_s,
        check=False,
    )


def submit(
    head: Head, *arguments: str, before: tuple[str, ...] = (), timeout_s: float = 900
) -> subprocess.CompletedProcess[str]:
    """Submit a job from the checkout, and follow it."""
    job = (*before, "--working-dir", ".", "--", "python", *arguments)
    return call(head, RAY, "job", "submit", *job, timeout_s=timeout_s)
