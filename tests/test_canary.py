"""Unique words as report, patient, passwords and keys: after a whole run each stands where the
documentation (docs/guides/privacy.md) says, and nowhere else."""

from __future__ import annotations

import json
import logging
from collections.abc import Sequence
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from fastapi.testclient import TestClient

from radkg.cli.app import app, run
from radkg.explore.app import make_app
from radkg.explore.guard import make_address
from radkg.explore.server import read_loaded_snapshot
from radkg.explore.snapshot_reader import SnapshotReader
from radkg.explore.verdicts import Verdicts
from radkg.graph.engine.embedded import open_embedded
from radkg.rules import RulesExtractor
from radkg.run.pseudonyms import Pseudonyms
from radkg.schema.records import Extraction, Study
from radkg.storage import open_storage

WORDS = "kanariwords"  # of reports, of no mention
PATIENT = "kanaripatient"
PASSWORD = "kanaripassword"
S3_SECRET = "kanarisecret"
KEY = "kanarikey-0123456789-0123456789-abcdef"
SECRETS = (PASSWORD, S3_SECRET, KEY)

REPORTS = f"""study_id,subject_id,study_date,report
s1,{PATIENT}1,2020-01-31,Small left effusion. {WORDS} told the nurse.
s2,{PATIENT}2,2020-01-31,No pneumothorax. {WORDS} told the nurse.
s3,{PATIENT}3,no day of {WORDS},Small left effusion. {WORDS} told the nurse.
s4,{PATIENT}4,2020-01-31,{WORDS} ends its reader.
"""


class Quoting(RulesExtractor):
    """The rules, but for a report over which they raise what quotes it."""

    def __call__(self, studies: Sequence[Study]) -> list[Extraction]:
        for study in studies:
            if "ends its reader" in study.report:
                raise ValueError(study.report)
        return super().__call__(studies)


def make_quoting() -> Quoting:
    return Quoting()


def radkg_says(capfd, code: int, *arguments: object) -> str:
    """Return all that a command printed; it ends with this code."""
    with pytest.raises(SystemExit) as end:
        run(app, [str(argument) for argument in arguments])
    said = "".join(capfd.readouterr())
    assert (end.value.code or 0) == code, said
    return said


def find_files(root: Path, word: str) -> set[str]:
    """Return the files that hold a word, in their names or bytes; of Parquet also in its rows."""
    found = set()
    for path in root.rglob("*"):
        name = path.relative_to(root).as_posix()
        data = path.read_bytes() if path.is_file() else b""
        if path.suffix == ".parquet" and path.is_file():
            data += json.dumps(pq.read_table(path).to_pylist(), default=str).encode()
        if word in name or word.encode() in data or word.encode("utf-16-le") in data:
            found.add(name)
    return found


def in_places(files: set[str], *places: str) -> bool:
    return all(name.startswith(places) for name in files)


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
    extractor = ("--extractor", f"{__name__}:make_quoting", "--runner", "local", "--workers", 0)
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
