"""No CSV that people open computes an id; a program gets the ids as they are."""

from __future__ import annotations

import csv
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from radkg.cli.output import print_table
from radkg.interchange.formats import EXPORT_FORMATS
from radkg.interchange.formats.base import make_format
from radkg.schema.records import Entity
from tests.interchange.published import publish_rows
from tests.schema.test_cells import HOSTILE, SIGNS
from tests.support.runs.rows import row

FILES = {"tables": ("nodes", "study_id"), "omop": ("notes", "note_source_value")}


@pytest.fixture(scope="module")
def storage(tmp_path_factory):
    name = Entity("@SUM(1)", "OBS-DP", "@sum(1)", 0, 7, "findings")
    studies = [row(each, subject_id=f"{each}p", entities=(name,), relations=()) for each in HOSTILE]
    return publish_rows(tmp_path_factory.mktemp("formulas"), studies).storage


def export(storage, path: Path, name: str, **options) -> list[list[str]]:
    make_format(EXPORT_FORMATS, name, options).write(storage, path)
    with (path / f"{FILES[name][0]}.csv").open(newline="") as file:
        return list(csv.reader(file))


@pytest.mark.parametrize("name", FILES)
def test_an_export_is_escaped_unless_a_program_asks_for_it(storage, tmp_path, name):
    options = {"level": "mentions"} if name == "tables" else {}
    cells = [cell for line in export(storage, tmp_path / "a", name, **options) for cell in line]
    assert not [cell for cell in cells if cell.startswith(tuple(SIGNS))]
    header, *lines = export(storage, tmp_path / "b", name, raw=True, **options)
    column = FILES[name][1]
    raw = {line[header.index(column)] for line in lines}
    assert raw == set(HOSTILE)
    make_format(EXPORT_FORMATS, name, {"file_type": "parquet", **options}).write(
        storage, tmp_path / "c"
    )
    table = pq.read_table(tmp_path / "c" / f"{FILES[name][0]}.parquet")
    assert set(table[column].to_pylist()) == raw


def test_neo4j_reads_the_true_ids(storage, tmp_path):
    header, *lines = export(storage, tmp_path, "tables", level="mentions", headers="neo4j")
    assert {line[header.index("study_id:string")] for line in lines} == set(HOSTILE)


def test_query_escapes_texts_and_leaves_numbers(capsys):
    print_table(["=a", "b"], [["+cmd", -1.5], [None, -2]], as_csv=True)
    assert capsys.readouterr().out == "'=a,b\r\n'+cmd,-1.5\r\n,-2\r\n"
    print_table(["=a", "b"], [["+cmd", -1.5]], as_csv=True, raw=True)
    assert capsys.readouterr().out == "=a,b\r\n+cmd,-1.5\r\n"
