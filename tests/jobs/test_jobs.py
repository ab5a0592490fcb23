"""jobs/ on a real Ray head, through `ray job submit`, with token authentication on."""

import contextlib
import json
import os
import secrets
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from radkg.run.snapshot import read_snapshot
from radkg.storage import open_storage
from tests.support.runs.demo_run import RADKG, user_environment

pytestmark = pytest.mark.ray

ROOT = Path(__file__).parents[2]
RAY = str(Path(sys.executable).parent / "ray")


def free_port() -> int:
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return int(s.getsockname()[1])


@pytest.fixture(scope="module")
def head(tmp_path_factory):
    """A Ray head of its own, with a token; gives the environment of a client."""
    token = tmp_path_factory.mktemp("ray") / "token"
    token.write_text(secrets.token_hex(32))
    port, dashboard = free_port(), free_port()
    environment = user_environment(
        RAY_AUTH_MODE="token",
        RAY_AUTH_TOKEN_PATH=str(token),
        PATH=f"{Path(sys.executable).parent}:{os.environ['PATH']}",
    )
    command = [
        *(RAY, "start", "--head", "--block", f"--port={port}", "--num-cpus=2"),
        *("--include-dashboard=true", f"--dashboard-port={dashboard}"),
        *("--dashboard-host=127.0.0.1", f"--ray-client-server-port={free_port()}"),
        *(
            f"--dashboard-agent-listen-port={free_port()}",
            f"--dashboard-agent-grpc-port={free_port()}",
        ),
        *(f"--runtime-env-agent-port={free_port()}", f"--metrics-export-port={free_port()}"),
        "--object-store-memory=268435456",
    ]
    server = subprocess.Popen(
        command,
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    address = f"http://127.0.0.1:{dashboard}"
    try:
        deadline = time.monotonic() + 90
        while not _answers(f"{address}/api/version"):
            assert server.poll() is None, "ray start ended"
            assert time.monotonic() < deadline, "the head did not come up"
            time.sleep(0.5)
        yield environment | {"RAY_API_SERVER_ADDRESS": address}
    finally:
        os.killpg(server.pid, signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            server.wait(5)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(server.pid, signal.SIGKILL)
        server.wait()


def _answers(url: str) -> bool:
    try:
        urllib.request.urlopen(url, timeout=2).close()
    except urllib.error.HTTPError as error:
        return error.code == 401  # up, and asking for the token
    except OSError:
        return False
    return True


def submit(head, *arguments: str, before: tuple[str, ...] = ()) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [RAY, "job", "submit", *before, "--working-dir", ".", "--", "python", *arguments],
        cwd=ROOT,
        env=head,
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )


@pytest.mark.long
def test_extract_and_load_as_jobs(head, tmp_path):
    out = str(tmp_path / "out")
    done = submit(
        head, "jobs/extract.py", "--archive", "openi", "--limit", "40", "--out", out, "--json"
    )
    assert done.returncode == 0, done.stdout + done.stderr
    lines = [line for line in done.stdout.splitlines() if line.startswith('{"studies"')]
    assert json.loads(lines[-1])["rows"] == 40
    assert read_snapshot(open_storage(out)).num_studies == 40
    done = submit(head, "jobs/load.py", "--out", out, "--json")
    assert done.returncode == 0, done.stdout + done.stderr
    assert '"created": 40' in done.stdout


def test_a_job_that_fails_says_why(head, tmp_path):
    done = submit(head, "jobs/extract.py", "--archive", "/no/such", "--out", str(tmp_path / "out"))
    assert done.returncode == 1
    assert "no archive at '/no/such'" in done.stdout + done.stderr


def ask(head, *arguments: str, **changes: str) -> subprocess.CompletedProcess[str]:
    """Run `radkg jobs` as a user does."""
    return subprocess.run(
        [RADKG, "jobs", *arguments],
        env=head | changes,
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )


def test_a_job_keeps_its_exit_code(head, tmp_path):
    """`ray job submit` ends with 1 at most for a failure; `radkg jobs` as the job ended."""
    wrong = ("--archive", "openi", "--unit-size", "0", "--out", str(tmp_path))
    done = submit(head, "jobs/extract.py", *wrong, before=("--submission-id", "wrong"))
    assert done.returncode != 2  # 1, or 0 where the log's connection closed before the job ended
    for verb in ("wait", "status"):
        said = ask(head, verb, "wrong", "--json")
        assert said.returncode == 2, said.stderr
        report = json.loads(said.stdout)
        assert (report["status"], report["exit_code"]) == ("FAILED", 2)
    said = ask(head, "wait", "another")
    assert said.returncode == 2
    assert "error: no job 'another' there: `ray job list` names the jobs" in said.stderr
    said = ask(head, "status", "wrong", RAY_AUTH_TOKEN="0" * 64)
    assert said.returncode == 5
    assert "have the cluster's token in ~/.ray/auth_token" in said.stderr


@pytest.mark.long
def test_a_stopped_job_counts_as_interrupted_and_a_running_one_as_fine(head, tmp_path):
    slow = ("jobs/extract.py", "--archive", "openi", "--runner", "ray", "--out", str(tmp_path))
    submit(head, *slow, before=("--submission-id", "slow", "--no-wait"))
    said = ask(head, "status", "slow", "--json")
    assert said.returncode == 0, said.stderr
    assert json.loads(said.stdout)["exit_code"] is None
    stopped = subprocess.run(
        [RAY, "job", "stop", "slow"], env=head, capture_output=True, text=True, check=False
    )
    assert stopped.returncode == 0, stopped.stdout
    said = ask(head, "wait", "slow", "--json")
    assert said.returncode == 4
    assert json.loads(said.stdout)["status"] == "STOPPED"


@pytest.mark.parametrize("job", sorted(p.name for p in (ROOT / "jobs").glob("*.py")))
def test_every_job_has_help_and_says_how_to_submit_it(job):
    done = subprocess.run(
        [sys.executable, f"jobs/{job}", "--help"], cwd=ROOT, capture_output=True, check=False
    )
    assert done.returncode == 0
    text = (ROOT / "jobs" / job).read_text()
    assert f"ray job submit --working-dir . -- python jobs/{job}" in text
