"""Every command of docs/guides/serving.md runs, in its order, as the page shows it."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.extractor.models import write_image
from tests.support.pages.blocks import ROOT, read_blocks
from tests.support.ray.head import free_port
from tests.support.runs.demo_run import user_environment

PAGE = ROOT / "docs" / "guides" / "serving.md"
ON_RAY = ("--replicas", "ray job submit")  # tests/cluster/test_serve.py


@pytest.mark.long
@pytest.mark.timeout(600)
def test_the_commands_of_the_guide_run(tmp_path: Path):
    if not (shutil.which("curl") and shutil.which("openssl")):
        pytest.skip("no curl or no openssl on this machine")
    (tmp_path / "report.txt").write_text("FINDINGS: Small left pleural effusion.")
    write_image(tmp_path / "image.png")
    ports = {"8000": str(free_port()), "8443": str(free_port())}
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    served: list[subprocess.Popen[str]] = []
    lines = [line for block in read_blocks(PAGE, "text") for line in block.splitlines()]
    assert len(lines) > 12
    try:
        for line in lines:
            if any(word in line for word in ON_RAY):
                continue
            command = re.sub("8000|8443", lambda found: ports[found[0]], line)
            environment = user_environment(PATH=path)
            if command.startswith("radkg serve"):
                port = "" if "--port" in command else f" --port {ports['8000']}"
                served.append(start(f"exec {command}{port}", tmp_path, environment))
                continue
            environment["SERVE_PID"] = str(served[-1].pid) if served else ""
            done = subprocess.run(
                command, shell=True, cwd=tmp_path, env=environment, capture_output=True, text=True
            )
            assert done.returncode == 0, f"{line}\n{done.stdout}\n{done.stderr}"
            if command.startswith("curl"):
                assert '"notice"' in done.stdout or "effusion" in done.stdout or "openapi" in line
    finally:
        for each in served:
            each.send_signal(signal.SIGTERM)
        assert [each.wait(60) for each in served] == [0] * len(served)


def start(command: str, folder: Path, environment: dict[str, str]) -> subprocess.Popen[str]:
    """Start a service, and wait until it says its address."""
    process = subprocess.Popen(
        command, shell=True, cwd=folder, env=environment, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout
    assert process.stdout.readline().startswith("address: "), command
    time.sleep(0.2)
    return process
