"""jobs/ on a real Ray head, through `ray job submit`, with token authentication on."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from radkg.run.snapshot import read_snapshot
from radkg.storage import open_storage
from tests.support.ray.head import RAY, call, submit
from tests.support.runs.demo_run import RADKG

pytestmark = pytest.mark.ray

ROOT = Path(__file__).parents[2]


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
    return call(head, RADKG, "jobs", *arguments, **changes)


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
    stopped = call(head, RAY, "job", "stop", "slow")
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
