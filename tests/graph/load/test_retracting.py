"""Retraction, on both engines: what is taken out stays out, whatever is loaded, until undone."""

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from typer.testing import CliRunner

from radkg.cli.app import app
from radkg.errors import ConfigError, GraphError, SnapshotError
from radkg.graph import Graph
from radkg.graph.load.ledger import read_verified, set_verified
from radkg.graph.load.retracting import retract
from radkg.graph.verify.full import verify
from radkg.run.retractions import record_retraction
from radkg.run.snapshot import Snapshot, publish
from radkg.schema.arrow import to_table
from radkg.storage import open_storage
from tests.graph.load.test_loader import few, nights
from tests.support.graph.contents import read_everything
from tests.support.graph.loading import HookedGraph, load_small


def stands(graph: Graph, study_id: str) -> bool:
    found = graph.read("MATCH (s:Study {study_id: $study}) RETURN count(s) AS n", study=study_id)
    return bool(found[0]["n"])


def assert_exact(graph: Graph, snapshot: Snapshot, retracted: int) -> None:
    report = verify(graph, snapshot)
    assert report.ok, str(report)
    assert report.num_retracted == retracted
    assert report.num_studies == snapshot.num_studies - retracted


def test_a_study_stays_out_of_every_night_until_undone(graph: Graph, tmp_path: Path) -> None:
    before, after = nights(tmp_path)
    study = after.read_part(after.parts[0])["study_id"][3].as_py()
    load_small(graph, after)
    whole = read_everything(graph)
    report = retract(graph, after.storage, "study", study)
    assert (report.recorded, report.removed, report.retracted) == (True, 1, 1)
    assert not stands(graph, study)
    assert_exact(graph, after, 1)
    again = retract(graph, after.storage, "study", study)
    assert (again.recorded, again.removed, again.retracted) == (False, 0, 1)
    for night in (before, after, before):  # older ones too, and by their difference
        load_small(graph, night)
        assert not stands(graph, study)
        assert_exact(graph, night, 1)
    load_small(graph, after, repair=True)
    assert not stands(graph, study)
    undone = retract(graph, after.storage, "study", study, undo=True)
    assert (undone.restored, undone.retracted) == (1, 0)
    assert read_everything(graph) == whole
    assert_exact(graph, after, 0)


def test_a_patient_and_a_night(graph: Graph, tmp_path: Path) -> None:
    before, after = nights(tmp_path)
    load_small(graph, after)
    whole = read_everything(graph)
    report = retract(graph, after.storage, "subject", "p0000003")
    assert report.removed == 3
    assert graph.read("MATCH (p:Patient {subject_id: 'p0000003'}) RETURN p") == []
    assert_exact(graph, after, 3)
    gone = retract(graph, after.storage, "run", after.snapshot_id)
    assert gone.retracted == after.num_studies
    assert graph.read("MATCH (n) WHERE n:Patient OR n:Concept RETURN count(n) AS n") == [{"n": 0}]
    assert_exact(graph, after, after.num_studies)
    assert load_small(graph, after).studies == 0
    assert load_small(graph, before).created == before.num_studies - 3
    assert_exact(graph, before, 3)
    assert load_small(graph, after).removed == before.num_studies - 3
    assert_exact(graph, after, after.num_studies)
    retract(graph, after.storage, "run", after.snapshot_id, undo=True)
    retract(graph, after.storage, "subject", "p0000003", undo=True)
    load_small(graph, after)
    assert read_everything(graph) == whole


def test_a_retraction_that_was_killed_is_finished_by_the_same_command_or_a_load(
    graph: Graph, tmp_path: Path
) -> None:
    _, after = nights(tmp_path)
    load_small(graph, after)
    record_retraction(after.storage, "study", "s0000009", undo=False)  # and no more
    report = verify(graph, after)
    assert report.differences == {"s0000009": "not in the snapshot, or retracted"}
    assert load_small(graph, after).removed == 1
    assert_exact(graph, after, 1)
    record_retraction(after.storage, "study", "s0000011", undo=False)
    assert retract(graph, after.storage, "study", "s0000011").removed == 1
    assert_exact(graph, after, 2)


def test_a_load_that_began_before_writes_nothing_back(
    graph: Graph, login: tuple[str, str], tmp_path: Path
) -> None:
    storage = open_storage(str(tmp_path))
    night = publish(storage, to_table(few()))
    load_small(graph, night)

    def take_out(number: int) -> None:
        if number == 0:  # the load knows of no retraction, and is about to begin
            retract(graph, storage, "study", "s0000009")

    with (
        HookedGraph(graph, login, take_out) as late,
        pytest.raises(GraphError, match="knows 1 retractions and this load 0"),
    ):
        load_small(late, night, repair=True)
    assert_exact(graph, night, 1)

    def meanwhile(done: int, total: int) -> None:
        if done == 5:
            retract(graph, storage, "study", "s0000011")

    with pytest.raises(GraphError, match="knows 2 retractions and this load 1"):
        load_small(graph, night, meanwhile, repair=True)
    assert_exact(graph, night, 2)


def test_a_graph_that_was_verified_is_not_after_a_retraction(graph: Graph, tmp_path: Path) -> None:
    _, after = nights(tmp_path)
    load_small(graph, after)
    set_verified(graph, after)
    load_small(graph, after, repair=True)
    assert read_verified(graph, after) == after.snapshot_id
    retract(graph, after.storage, "study", "s0000009")
    assert read_verified(graph, after) is None


def test_where_no_graph_stands_the_record_is_kept(graph: Graph, tmp_path: Path) -> None:
    _, after = nights(tmp_path)
    done = CliRunner().invoke(
        app, ["retract", "--out", str(tmp_path), "--study", "s0000009", "--json"]
    )
    assert done.exit_code == 0
    assert "there is no graph yet" in done.stderr
    report = json.loads(done.stdout)
    assert report["recorded"]
    assert not report["has_graph"]
    assert not (tmp_path / "graph").exists()
    assert load_small(graph, after).retracted == 1
    assert not stands(graph, "s0000009")
    assert_exact(graph, after, 1)


def test_another_extractor_is_told(graph: Graph, tmp_path: Path) -> None:
    night = publish(open_storage(str(tmp_path / "a")), to_table(few()))
    other = publish(open_storage(str(tmp_path / "b")), to_table(few(extractor="onepass")))
    for each in (night, other):
        load_small(graph, each)
    assert retract(graph, night.storage, "study", "s0000003").elsewhere == ["onepass"]
    assert retract(graph, other.storage, "study", "s0000003").elsewhere == []
    assert not stands(graph, "s0000003")
    for each in (night, other):
        assert_exact(graph, each, 1)


def test_what_nobody_has_cannot_be_retracted(embedded_graph: Graph, tmp_path: Path) -> None:
    storage = open_storage(str(tmp_path))
    publish(storage, to_table(few()))
    with pytest.raises(ConfigError, match="no study 's9' in any snapshot"):
        retract(embedded_graph, storage, "study", "s9")
    with pytest.raises(ConfigError, match="no subject 's0000001' in any snapshot"):
        retract(embedded_graph, storage, "subject", "s0000001")
    with pytest.raises(SnapshotError, match="no snapshot 'x'"):
        retract(embedded_graph, storage, "run", "x")
    with pytest.raises(ConfigError, match="is not retracted"):
        retract(embedded_graph, storage, "study", "s0000001", undo=True)
    assert storage.list_names("retracted") == []


@pytest.mark.parametrize("damage", ["{", '{"kind": "x", "id": "1", "undo": false}', None])
def test_nothing_is_loaded_where_a_record_is_damaged(
    embedded_graph: Graph, tmp_path: Path, damage: str | None
) -> None:
    storage = open_storage(str(tmp_path))
    night = publish(storage, to_table(few()))
    record_retraction(storage, "study", "s0000001", undo=False)
    record_retraction(storage, "study", "s0000002", undo=False)
    first = tmp_path / "retracted/00000001.json"
    first.unlink() if damage is None else first.write_text(damage)
    with pytest.raises(SnapshotError, match=r"retraction retracted/00000001\.json"):
        load_small(embedded_graph, night)


def test_two_officers_at_once_lose_no_record(tmp_path: Path) -> None:
    storage = open_storage(str(tmp_path))
    with ThreadPoolExecutor(4) as pool:
        done = pool.map(
            lambda n: record_retraction(storage, "study", f"s{n % 10}", undo=False), range(20)
        )
    assert sum(done) == 10
    records = [json.loads(storage.read(name)) for name in storage.list_names("retracted")]
    assert {record["id"] for record in records} == {f"s{n}" for n in range(10)}
