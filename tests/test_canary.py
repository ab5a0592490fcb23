"""Unique words as report, patient, passwords and keys: after a whole run each stands where the
documentation (docs/guides/privacy.md) says, and nowhere else."""

from __future__ import annotations

import json
import logging
import subprocess
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from radkg.cli.app import app, run
from radkg.explore.app import make_app
from radkg.explore.guard import make_address
from radkg.explore.server import read_loaded_snapshot
from radkg.explore.snapshot_reader import SnapshotReader
from radkg.explore.verdicts import Verdicts
from radkg.graph.engine.embedded import open_embedded
from radkg.run.pseudonyms import Pseudonyms
from radkg.storage import open_storage
from tests.support.canaries import (
    CANARIES,
    KEY,
    PASSWORD,
    PATIENT,
    QUOTING,
    REPORTS,
    S3_SECRET,
    SECRETS,
    WORDS,
    ask_wrongly,
    find_files,
    in_places,
)
from tests.support.runs.demo_run import RADKG, user_environment
from tests.support.runs.processes import commands


def radkg_says(capfd, code: int, *arguments: object) -> str:
    """Return all that a command printed; it ends with this code."""
    with pytest.raises(SystemExit) as end:
        run(app, [str(argument) for argument in arguments])
    said = "".join(capfd.readouterr())
    assert (end.value.code or 0) == code, said
    return said


def test_each_canary_stands_only_where_the_documentation_says(tmp_path, monkeypatch, capfd):
    monkeypatch.setenv("NEO4J_PASSWORD", PASSWORD)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "somebody")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", S3_SECRET)
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    (tmp_path / "a.csv").write_text(REPORTS)
    (tmp_path / "key").write_text(KEY)
    (tmp_path / "key").chmod(0o600)
    out = tmp_path / "out"
    extractor = ("--extractor", QUOTING, "--runner", "local", "--workers", 0)
    archive = ("--archive", tmp_path / "a.csv", *extractor, "--out")
    most = ("--max-failed", 1)
    said = [
        radkg_says(capfd, 3, "extract", *archive, out / "refused"),
        radkg_says(capfd, 0, "extract", *archive, out / "run", *most),
        radkg_says(capfd, 0, "nightly", *archive, out / "run", *most, "--knowledge"),
        radkg_says(
            capfd, 0, "nightly", *archive, out / "named", *most, "--pseudonymise", tmp_path / "key"
        ),
        radkg_says(capfd, 5, "load", "--out", out / "run", "--graph", "bolt://127.0.0.1:9"),
        radkg_says(capfd, 5, "extract", "--archive", "s3://bucket/a.csv", "--out", out / "s3"),
        radkg_says(capfd, 0, "audit", "show", "--out", out / "run"),
        radkg_says(
            capfd, 0, "review", "make", out / "s.html", "--out", out / "run", "--studies", 1
        ),
    ]
    for kind in ("radgraph", "fhir", "tables", "omop", "graphml"):
        path = out / "exports" / kind
        said.append(radkg_says(capfd, 0, "export", path, "--out", out / "run", "--format", kind))
    pages = explore(out / "run")
    password = (out / "run" / "graph" / "password").read_text()

    told = "\n".join([*said, *pages])
    for word in (WORDS, PATIENT, *SECRETS, password):
        assert word not in told, word
    for secret in SECRETS:
        assert find_files(out, secret) == set()
    assert find_files(out, password) == {"run/graph/password"}
    of_words = find_files(out, WORDS)
    assert of_words == {"s.html", "exports/radgraph"}
    of_patient = find_files(out, PATIENT)
    assert in_places(of_patient, "run/", "refused/", "s.html", "exports/")
    ids = ("snapshot/parts/", "population/", "journal/", "graph/databases/")
    of_run = {
        name.partition("/")[2] for name in of_patient if name.startswith(("run/", "refused/"))
    }
    assert in_places(of_run, *ids)
    assert {"exports/fhir", "exports/omop/notes.csv"} <= of_patient
    of_name = find_files(out, Pseudonyms(KEY.encode()).name("subject", f"{PATIENT}1"))
    assert in_places(of_name, *(f"named/{place}" for place in ids))
    assert {name.split("/")[1] for name in of_name} == {
        "snapshot",
        "population",
        "graph",
    }  # the night prunes the journal


def test_a_service_shows_no_canary(tmp_path):
    log = tmp_path / "log"
    command = (RADKG, "serve", "--extractor", QUOTING, "--port", "0", "--json")
    with log.open("w") as file:
        service = subprocess.Popen(
            command,
            env=user_environment(**CANARIES),
            stdout=subprocess.PIPE,
            stderr=file,
            text=True,
        )
    try:
        address = json.loads(service.stdout.readline())["address"]
        told = ask_wrongly(int(address.rstrip("/").rpartition(":")[2]))
        running = commands()
    finally:
        service.terminate()
        try:
            assert service.wait(60) == 0
        finally:
            service.kill()
    told += "".join([*service.stdout, log.read_text(), *running.values()])
    assert "a request" in told or "ended" in told
    for word in (WORDS, PATIENT, *SECRETS):
        assert word not in told, word


def explore(out: Path) -> list[str]:
    """Return what the explorer answers and logs, but for what a study says and whose it is.

    The page of a study shows the report, and the list of a cohort's studies names the patients.
    """
    storage = open_storage(str(out))
    pages = []
    handler = logging.Handler()
    handler.emit = lambda record: pages.append(record.getMessage())  # type: ignore[method-assign]
    logging.getLogger().addHandler(handler)
    try:
        with open_embedded(out / "graph") as graph:
            reader = SnapshotReader(read_loaded_snapshot(graph, storage), None, None)
            page = make_app(graph, reader, Verdicts(out.parent / "review.csv"), "token")
            home = make_address(8000, "token").partition("?")[0]
            with TestClient(page, base_url=home.rstrip("/")) as client:
                client.get("/", params={"token": "token"})
                for path in ("/", "/api/about", "/api/study?study_id=none", "/api/none"):
                    answer = client.get(path)
                    pages.append(f"{answer.headers} {answer.text}")
                for path in ("start", "concept?name=effusion"):
                    pages.append(client.get(f"/api/population/{path}").text)
                cohort = client.get("/api/population/cohort?finding=effusion").json()
                assert all(row["subject_id"].startswith(PATIENT) for row in cohort.pop("list"))
                pages.append(json.dumps(cohort))
                pages.append(client.post("/api/verdict", json={"study_id": PATIENT[:6]}).text)
    finally:
        logging.getLogger().removeHandler(handler)
    return pages
