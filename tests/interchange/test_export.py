"""The verb: every format twice gives equal bytes, and an option that does not fit is refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from radkg.errors import ConfigError, SnapshotError
from radkg.interchange.formats import EXPORT_FORMATS
from radkg.interchange.formats.base import make_format
from radkg.interchange.radgraph import import_radgraph
from radkg.run.retractions import record_retraction
from radkg.storage import Storage, open_storage
from tests.interchange.published import publish_rows, rows
from tests.support.runs.demo_run import DemoRun, radkg

NAMES = [each.name for each in EXPORT_FORMATS]


def export(storage: Storage, path: Path, name: str, **options: Any) -> str:
    return make_format(EXPORT_FORMATS, name, options).write(storage, path)


def contents(path: Path) -> dict[str, bytes]:
    files = sorted(path.iterdir()) if path.is_dir() else [path]
    return {file.name if path.is_dir() else "": file.read_bytes() for file in files}


@pytest.mark.ray
@pytest.mark.parametrize("name", [n for n in NAMES if n != "radgraph"])  # in test_river
def test_twice_gives_equal_bytes(demo_run: DemoRun, tmp_path: Path, name: str):
    made = []
    for path in (tmp_path / "a", tmp_path / "b"):
        export(open_storage(str(demo_run.out)), path, name)
        made.append(contents(path))
    assert made[0] == made[1]
    assert all(made[0].values())


@pytest.mark.ray
def test_the_command_writes_where_it_says(demo_run: DemoRun, tmp_path: Path):
    path = tmp_path / "new/population.graphml"
    done = radkg("export", str(path), "--format", "graphml", "--out", str(demo_run.out))
    assert done.returncode == 0, done.stderr
    assert f"the graph of 3955 studies written to {path}" in done.stderr
    assert path.read_bytes().endswith(b"</graphml>\n")
    wrong = radkg("export", str(path), "--format", "fhir", "--notes", "n", "--out", "no such")
    assert wrong.returncode == 2
    assert "--notes is not for --format fhir" in wrong.stderr


def test_a_retracted_report_is_exported_no_more(tmp_path: Path):
    entity = {"label": "OBS-DP", "start_ix": 1, "end_ix": 1, "tokens": "flurb", "relations": []}
    document = {"text": "A flurb .", "entities": {"1": entity}}
    (tmp_path / "in.json").write_text(json.dumps({"a": document, "b": document}))
    storage = open_storage(str(tmp_path / "out"))
    import_radgraph(tmp_path / "in.json", storage)
    record_retraction(storage, "study", "a", undo=False)
    said = export(storage, tmp_path / "left.json", "radgraph")
    assert said == "1 documents"
    assert list(json.loads((tmp_path / "left.json").read_text())) == ["b"]


@pytest.mark.parametrize("name", [n for n in NAMES if n != "radgraph"])
def test_what_is_retracted_is_exported_no_more(tmp_path: Path, name: str):
    snapshot = publish_rows(tmp_path / "out", rows())
    export(snapshot.storage, tmp_path / "before", name)
    record_retraction(snapshot.storage, "study", "s2", undo=False)
    export(snapshot.storage, tmp_path / "after", name)
    assert contents(tmp_path / "before") != contents(tmp_path / "after")
    record_retraction(snapshot.storage, "study", "s2", undo=True)
    export(snapshot.storage, tmp_path / "undone", name)
    assert contents(tmp_path / "before") == contents(tmp_path / "undone")


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("x", {}, "known: radgraph, graphml"),
        ("fhir", {"headers": "gephi"}, "--headers is not for --format fhir, but for tables"),
        ("tables", {"headers": "x"}, "no --headers 'x': known: plain, gephi, neo4j"),
        ("tables", {"file_type": "x"}, "known: csv, parquet"),
        ("graphml", {"level": "x"}, "known: population, mentions"),
        ("graphml", {"level": "population", "study": "s1"}, "give --level mentions"),
        ("graphml", {"level": "population", "with_text": True}, "give --level mentions"),
        ("graphml", {"with_text": True}, "--with-text needs --level mentions or --study ID"),
        ("tables", {"with_text": True}, "--with-text needs --level mentions or --study ID"),
        ("fhir", {"study": "s9"}, "no study 's9' is published"),
        ("radgraph", {"with_text": True}, "--with-text is not for"),
        ("radgraph", {"spelling": "v2"}, "known: v1, xl"),
    ],
)
def test_an_option_that_does_not_fit_is_refused(
    tmp_path: Path, name: str, options: dict[str, Any], message: str
):
    publish_rows(tmp_path / "out", rows())
    path = tmp_path / "file"
    with pytest.raises(ConfigError, match=message):
        export(open_storage(str(tmp_path / "out")), path, name, **options)
    assert [p.name for p in tmp_path.iterdir()] == ["out"]


def test_an_export_that_fails_leaves_what_stood(tmp_path: Path):
    publish_rows(tmp_path / "out", rows())
    storage = open_storage(str(tmp_path / "out"))
    path = tmp_path / "f.ndjson"
    export(storage, path, "fhir", study="s1")
    before = path.read_bytes()
    part = next((tmp_path / "out/snapshot/parts").iterdir())
    part.unlink()
    with pytest.raises(SnapshotError, match="part is gone"):
        export(storage, path, "fhir")
    assert path.read_bytes() == before
    assert sorted(p.name for p in tmp_path.iterdir()) == ["f.ndjson", "out"]
