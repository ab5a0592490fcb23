"""A night and a service on Ray: what Ray keeps, logs, counts and shows holds no canary.

tests/test_canary.py follows the same words through the verbs of one machine.
"""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest
import s3fs

from tests.support import canaries
from tests.support.canaries import (
    ENDING,
    PASSWORD,
    PATIENT,
    QUOTING,
    REPORTS,
    SECRETS,
    WORDS,
    ask_wrongly,
    find_files,
    in_places,
)
from tests.support.graph.servers import run_neo4j
from tests.support.ray.head import RAY, Head, call, free_port, submit
from tests.support.runs.demo_run import RADKG
from tests.support.runs.processes import commands

STATE = ("actors", "jobs", "nodes", "placement_groups", "workers", "tasks", "objects")
PAGES = (
    *(f"/api/v0/{kind}?detail=1&limit=10000" for kind in (*STATE, "runtime_envs")),
    *(f"/api/v0/{kind}/summarize" for kind in ("tasks", "actors", "objects")),
    *("/api/v0/tasks/timeline", "/api/v0/cluster_events", "/api/v0/cluster_metadata", "/events"),
    *("/api/jobs/", "/nodes?view=summary", "/logical/actors"),
    *("/api/cluster_status", "/api/component_activities", "/api/prometheus/sd"),
    *("/api/serve/applications/", "/api/train/v2/runs/v1"),
)


def read_all(head: Head) -> str:
    """Return what the head shows: dashboard, state, jobs and metrics; and who runs with what."""
    pages = [head.read(page) for page in PAGES]
    jobs = json.loads(head.read("/api/jobs/"))
    names = [job["submission_id"] or job["job_id"] for job in jobs]
    pages += [head.read(f"/api/data/datasets/{job['job_id']}") for job in jobs if job["job_id"]]
    pages += [head.read(f"/api/jobs/{name}{what}") for name in names for what in ("", "/logs")]
    nodes = json.loads(head.read("/nodes?view=summary"))["data"]["summary"]
    for node in (each["raylet"]["nodeId"] for each in nodes):
        pages += [head.read(f"/nodes/{node}"), head.read(f"/api/v0/logs?node_id={node}")]
    pages += [head.read("/metrics", head.metrics_port), *commands().values()]
    return "\n".join(pages)


def refuse(head: Head, told: str) -> None:
    """Fail where a canary stands in what was said, or in any file of the head's session."""
    for word in (WORDS, PATIENT, *SECRETS):
        where = told.find(word)
        assert where < 0, told[max(0, where - 400) : where + 400]
        assert find_files(head.folder, word) == set(), word


@pytest.mark.ray
@pytest.mark.neo4j
@pytest.mark.long
@pytest.mark.timeout(1800)
def test_a_night_on_ray_shows_no_canary(head: Head, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text(REPORTS + ENDING)
    (tmp_path / "b.csv").write_text(REPORTS)
    files = s3fs.S3FileSystem(use_listings_cache=False, skip_instance_cache=True)
    read = ("--extractor", QUOTING, "--runner", "ray", "--out", "s3://bucket/canary")
    with run_neo4j(password=PASSWORD, heap="512m") as (uri, _, _):
        night = ("jobs/nightly.py", "--archive", str(tmp_path / "a.csv"), *read, "--graph", uri)
        options = ("--on-cluster", "--max-failed", "1")
        started = submit(head, *night, *options, before=("--submission-id", "night", "--no-wait"))
        said = [started.stdout, started.stderr, read_all(head)]
        done = call(head, RADKG, "jobs", "wait", "night", timeout_s=900)
        assert done.returncode == 0, head.read("/api/jobs/night/logs")
    few = ("jobs/extract.py", "--archive", str(tmp_path / "b.csv"), *read[:-1], "s3://bucket/few")
    refused = submit(head, *few)
    assert "studies failed, more than" in refused.stdout + refused.stderr
    lost = submit(head, "jobs/load.py", "--out", read[-1], "--graph", uri)  # the server is gone
    assert "no graph server answers at" in lost.stdout + lost.stderr
    for each in (done, refused, lost):
        said += [each.stdout, each.stderr]
    refuse(head, "\n".join([*said, read_all(head)]))
    files.get("bucket/canary", str(tmp_path / "out"), recursive=True)
    for word in (WORDS, *SECRETS):
        assert find_files(tmp_path / "out", word) == set()
    of_patient = find_files(tmp_path / "out", PATIENT)
    assert of_patient
    assert in_places(of_patient, "snapshot/parts/", "population/", "journal/")


@pytest.mark.ray
@pytest.mark.long
@pytest.mark.timeout(1800)
def test_a_service_on_ray_shows_no_canary(head: Head) -> None:
    port = free_port()
    service = ("jobs/serve.py", "--replicas", "1", "--extractor", QUOTING, "--port", str(port))
    submit(head, *service, before=("--submission-id", "service", "--no-wait"))
    deadline = time.monotonic() + 600
    while not is_ready(port):
        assert time.monotonic() < deadline, head.read("/api/jobs/service/logs")
        time.sleep(2)
    said = [ask_wrongly(port), read_all(head)]
    call(head, RAY, "job", "stop", "service")
    ended = call(head, RADKG, "jobs", "wait", "service", timeout_s=300)
    said += [ended.stdout, ended.stderr, read_all(head)]
    refuse(head, "\n".join(said))


def is_ready(port: int) -> bool:
    try:
        return canaries.ask(port, "GET", "/readyz").startswith("200")
    except OSError:
        return False
