"""radkg cohort: numbers, ids, CSV, Cypher and JSON; saved names and addresses."""

from __future__ import annotations

import csv
import io
import json
import shlex
from pathlib import Path

import pytest
from typer.testing import CliRunner

from radkg.cli.app import app
from radkg.run.snapshot import publish
from radkg.schema.arrow import to_table
from radkg.storage import LocalStorage
from tests.support.runs.populations import invent_patients

ROWS = invent_patients(80)


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("cohort") / "out"
    publish(LocalStorage(folder), to_table(ROWS))
    return folder


def run(out: Path, *arguments: str) -> tuple[str, str]:
    result = CliRunner().invoke(app, ["cohort", "--out", str(out), *arguments])
    assert result.exit_code == 0, result.output
    return result.stdout, result.stderr


def test_a_cohort_is_counted_listed_and_written_as_cypher(out):
    criteria = ("--finding", "Hydrothorax", "--finding", "edema:without", "--age-from", "40")
    told, notes = run(out, *criteria)
    assert "words: effusion present; no edema; 40 years and older" in told
    assert "note: 'hydrothorax' is 'effusion' in the graph" in notes
    found = json.loads(run(out, *criteria, "--json")[0])
    ids = run(out, *criteria, "--ids")[0].splitlines()
    assert ids == found["study_ids"]
    assert len(ids) == found["studies"] > 0
    rows = list(csv.DictReader(io.StringIO(run(out, *criteria, "--csv")[0])))
    assert [row["study_id"] for row in rows] == ids
    assert run(out, *criteria, "--cypher")[0] == found["cypher"]
    again = shlex.split(found["command"])[4:]
    assert run(out, *again, "--ids")[0].splitlines() == ids
    assert run(out, "--address", found["query"], "--ids")[0].splitlines() == ids


def test_a_cohort_is_saved_under_a_name(out):
    criteria = ("--sex", "female", "--view", "PA", "--until", "2014-01-01", "--confidence", "0.5")
    ids = run(out, *criteria, "--ids", "--save", "women")[0]
    assert run(out, "--name", "women", "--ids")[0] == ids
    assert "women" in run(out, "--list")[0]
    assert json.loads(run(out, "--list", "--json")[0])[0]["name"] == "women"


def test_everything_is_the_population(out):
    read = sum(row.status == "ok" for row in ROWS)
    found = json.loads(run(out, "--json")[0])
    assert (found["studies"], found["of"], found["words"]) == (read, read, "all studies")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--finding", "effusion", "--name", "x"], "one of these"),
        (["--name", "nobody"], "no cohort is saved"),
        (["--sex", "F"], "none of female"),
        (["--night", "ffff"], "no snapshot"),
        (["--address", "colour=red"], "has no 'colour'"),
    ],
)
def test_a_wrong_cohort_ends_with_what_is_right(out, arguments, message):
    result = CliRunner().invoke(app, ["cohort", "--out", str(out), *arguments])
    assert message in str(result.exception)
