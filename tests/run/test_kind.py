"""A second kind of row goes through journal, snapshot, changes and prune as extractions do."""

import json

import pyarrow as pa
import pytest

from radkg.errors import SchemaError, SnapshotError
from radkg.run.changes import find_changes
from radkg.run.kind import EXTRACTIONS, Kind
from radkg.run.prune import prune
from radkg.run.run import Run
from radkg.run.snapshot import name_manifest
from radkg.schema.arrow import to_table
from tests.support.runs.rows import row

SCHEMA = pa.schema(
    [
        ("study_id", pa.string()),
        ("study_fingerprint", pa.string()),
        ("model_id", pa.string()),
        ("report", pa.string()),
    ]
)
REPORTS = Kind(
    name="reports",
    schema=SCHEMA,
    version="1",
    readable=("1",),
    shared=("model_id",),
    count=lambda rows: {"words": sum(len(r.split()) for r in rows["report"].to_pylist())},
    complete=lambda rows: rows,
)


def reports(*texts: str) -> pa.Table:
    numbers = [str(number) for number in range(len(texts))]
    columns = [numbers, [f"f{n}" for n in numbers], ["m"] * len(texts), list(texts)]
    return pa.Table.from_arrays([pa.array(c, pa.string()) for c in columns], schema=SCHEMA)


@pytest.fixture
def run(tmp_path) -> Run:
    return Run(str(tmp_path / "out"), REPORTS)


def test_rows_of_another_kind_are_published_and_read(run):
    first = run.publish(reports("no effusion", "clear lungs"))
    manifest = json.loads(run.storage.read(name_manifest(first.snapshot_id)))
    assert (manifest["kind"], manifest["words"], manifest["model_id"]) == ("reports", 4, "m")
    assert pa.concat_tables(run.read_snapshot().read_tables()).to_pylist() == (
        reports("no effusion", "clear lungs").to_pylist()
    )
    assert run.publish(reports("no effusion", "clear lungs")).snapshot_id == first.snapshot_id


def test_what_changed_is_found(run):
    first = run.publish(reports("no effusion", "clear lungs"))
    second = run.publish(reports("no effusion", "small effusion", "normal"))
    changes = find_changes(first, second)
    assert changes.before["report"].to_pylist() == ["clear lungs"]
    assert changes.after["report"].to_pylist() == ["small effusion", "normal"]


def test_finished_units_are_of_their_kind(run):
    run.open_journal("m").commit("u", reports("clear"))
    assert run.open_journal("m").read("u").num_rows == 1
    with pytest.raises(SchemaError, match="holds no extractions of this version"):
        Run(run.uri).open_journal("m").read("u")


def test_a_run_of_another_kind_is_refused(run):
    run.publish(reports("clear"))
    with pytest.raises(SnapshotError, match="holds reports, not extractions"):
        Run(run.uri).read_snapshot()


def test_old_snapshots_of_another_kind_are_pruned(run):
    for number in range(3):
        snapshot = run.publish(reports("clear", f"report {number}"))
        run.open_journal("m").commit(f"u{number}", reports("clear"))
        run.audit.record("report", {"snapshot_id": snapshot.snapshot_id, "model_id": "m"})
    assert prune(run.storage, 1, REPORTS).nights == 2
    assert run.list_snapshot_ids() == [snapshot.snapshot_id]
    assert run.open_journal("m").list_done() == set()


def test_the_manifest_of_extractions_has_no_kind(tmp_path):
    """Its bytes, and so the ids of all snapshots, are older than kinds."""
    run = Run(str(tmp_path))
    snapshot = run.publish(to_table([row("a")]))
    assert "kind" not in snapshot.manifest
    assert run.read_snapshot().kind is EXTRACTIONS
