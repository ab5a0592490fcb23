"""The nightly run, on the embedded graph: what it does, what it leaves alone, what stops it."""

from pathlib import Path
from typing import Any

import pytest

import radkg.verbs.nightly
from radkg.errors import GraphError, SnapshotError, TooManyFlips
from radkg.graph import open_graph
from radkg.graph.load.ledger import find_standing_snapshot
from radkg.graph.verify.full import verify
from radkg.knowledge.diff import compare_knowledge
from radkg.knowledge.store import load_knowledge, locate_previous, read_facts
from radkg.run.audit import AuditLog
from radkg.run.gate import Gate
from radkg.run.local import LocalRunner
from radkg.run.retractions import record_retraction
from radkg.run.settings import ExtractConfig
from radkg.run.snapshot import list_snapshot_ids, read_snapshot
from radkg.storage import open_storage
from radkg.verbs.nightly import NightConfig, NightReport, run_nightly
from radkg.verbs.retract import RetractConfig, retract
from tests.support.archives.openi import make_studies, make_xml, write_tar

WORDS = "tests.support.runs.extractors:words"


class Nights:
    """An archive that changes, a run and its graph."""

    def __init__(self, place: Path) -> None:
        self.archive, self.out = place / "a.tgz", place / "out"
        self.members = make_studies(40)
        self.storage = open_storage(str(self.out))

    def run(self, extractor: str = WORDS, **arguments: Any) -> NightReport:
        write_tar(self.archive, self.members)
        config = ExtractConfig(
            archive=str(self.archive), out=str(self.out), extractor=extractor, unit_size=10
        )
        return run_nightly(NightConfig(extract=config, **arguments), LocalRunner(0))

    def in_graph(self) -> str | None:
        """Return the night in the graph, which must stand there exactly."""
        with open_graph("embedded", self.out / "graph") as graph:
            night = find_standing_snapshot(graph, read_snapshot(self.storage))
            assert night is None or verify(graph, night).ok
        return night.snapshot_id if night else None


@pytest.fixture
def nights(tmp_path: Path) -> Nights:
    return Nights(tmp_path)


def did(report: NightReport) -> tuple[int, ...]:
    return (report.extracted, report.created, report.replaced, report.removed, report.verified)


def test_a_night_does_what_changed_and_the_second_time_nothing(nights: Nights):
    first = nights.run()
    assert did(first) == (40, 40, 0, 0, 40)
    assert first.before is None
    del nights.members["ecgen-radiology/7.xml"]
    nights.members["ecgen-radiology/8.xml"] = make_xml(8, findings="Clear.", impression="")
    nights.members["ecgen-radiology/99.xml"] = make_xml(99)
    second = nights.run()
    assert did(second) == (2, 1, 1, 1, 2)
    assert (second.studies, second.before) == (40, first.snapshot_id)
    assert nights.in_graph() == second.snapshot_id
    stamps = {p: p.stat().st_mtime_ns for p in nights.out.glob("snapshot/**/*")}
    again = nights.run()
    assert did(again) == (0, 0, 0, 0, 0)
    assert again.snapshot_id == again.before == second.snapshot_id
    assert stamps == {p: p.stat().st_mtime_ns for p in nights.out.glob("snapshot/**/*")}
    assert AuditLog(nights.storage).verify().ok
    parts = {Path(name).stem for name in nights.storage.list_names("snapshot/parts")}
    columns = [Path(name).stem.split("-")[0] for name in nights.storage.list_names("population")]
    assert sorted(columns) == sorted(parts)
    (compared,) = nights.storage.list_names("diffs")
    assert Path(compared).name.startswith(f"{first.snapshot_id}-{second.snapshot_id}-")


@pytest.mark.long
def test_the_knowledge_graph_follows_the_snapshot(nights: Nights):
    directory = nights.out / "knowledge"
    first = nights.run(knowledge=True)
    assert first.knowledge == "built"
    assert read_facts(directory)["snapshot_id"] == first.snapshot_id
    stamps = {p: p.stat().st_mtime_ns for p in nights.out.glob("knowledge*/*")}
    assert nights.run(knowledge=True).knowledge == "unchanged"
    assert stamps == {p: p.stat().st_mtime_ns for p in nights.out.glob("knowledge*/*")}
    nights.members["ecgen-radiology/99.xml"] = make_xml(99)
    assert nights.run().knowledge is None
    second = nights.run(knowledge=True)
    assert second.knowledge == "built"
    diff = compare_knowledge(*map(load_knowledge, (locate_previous(directory), directory)))
    ids = [facts["snapshot_id"] for facts in (diff.before, diff.after)]
    assert ids == [first.snapshot_id, second.snapshot_id]
    assert diff.after["studies"] == diff.before["studies"] + 1
    assert AuditLog(nights.storage).verify().ok
    config = RetractConfig(out=str(nights.out), kind="study", which="CXR99")
    retract(config)
    assert list(nights.out.glob("knowledge*")) == []


@pytest.mark.long
def test_another_model_replaces_all(nights: Nights):
    nights.run()
    assert did(nights.run(WORDS + "_two")) == (40, 0, 40, 0, 40)
    assert nights.in_graph() == read_snapshot(nights.storage).snapshot_id


@pytest.mark.long
def test_a_night_that_flips_too_much_is_published_and_not_loaded(nights: Nights):
    first, gate = nights.run(), Gate(0.1, 20)
    for number in range(1, 6):  # 5 of 40
        nights.members[f"ecgen-radiology/{number}.xml"] = make_xml(number, findings="effusion")
    flips = "tests.support.runs.extractors:denies"
    for _ in range(2):  # the next night is still compared with the graph, not with this one
        with pytest.raises(TooManyFlips, match=r"effusion 40 of 40 \(1\): look at the evidence"):
            nights.run(flips, gate=gate)
        assert read_snapshot(nights.storage).snapshot_id != first.snapshot_id
        assert nights.in_graph() == first.snapshot_id
    assert did(nights.run(gate=gate)) == (40, 0, 5, 0, 5)


@pytest.mark.long
def test_a_night_that_does_not_verify_is_verified_again(nights: Nights):
    nights.run()
    nights.members["ecgen-radiology/99.xml"] = make_xml(99)

    with pytest.MonkeyPatch.context() as patch:
        load = radkg.verbs.nightly.load

        def spoiled(graph: Any, *arguments: Any, **options: Any) -> Any:
            report = load(graph, *arguments, **options)
            graph.write(
                lambda t: t.run(
                    "MATCH (:Study {study_id: 'CXR99'})-[:HAS_EXTRACTION]->(x)"
                    "-[:HAS_MENTION]->(m {ordinal: 0}) SET m.text = 'other'"
                ).consume()
            )
            return report

        patch.setattr(radkg.verbs.nightly, "load", spoiled)
        with pytest.raises(GraphError, match="CXR99: mentions"):
            nights.run()
    with pytest.raises(GraphError, match="CXR99: mentions"):
        nights.run()
    assert [line.get("outcome") for line in AuditLog(nights.storage).read_lines()][
        -1
    ] == "GraphError"


@pytest.mark.long
def test_a_night_is_verified_again_after_a_retraction(nights: Nights):
    nights.run()
    record_retraction(nights.storage, "study", "CXR7", undo=False)
    assert did(nights.run()) == (0, 0, 0, 1, 39)
    assert did(nights.run()) == (0, 0, 0, 0, 0)


@pytest.mark.long
def test_the_gate_does_not_open_because_a_load_was_cut_off(nights: Nights):
    class Stopped(Exception):
        pass

    def stop(*arguments: Any) -> None:
        raise Stopped

    first = nights.run()
    nights.members["ecgen-radiology/99.xml"] = make_xml(99)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("radkg.graph.load.aggregates.write_sums", stop)
        with pytest.raises(Stopped):
            nights.run(gate=Gate(0.1, 20))
    with pytest.raises(TooManyFlips):
        nights.run("tests.support.runs.extractors:denies", gate=Gate(0.1, 20))
    name = f"snapshot/manifest-{first.snapshot_id}.json"
    nights.storage.delete(name)
    with pytest.raises(SnapshotError, match=f"cannot compare with night {first.snapshot_id}"):
        nights.run(gate=Gate(0.1, 20))


@pytest.mark.long
def test_old_nights_and_finished_units_go(nights: Nights):
    for number in range(3):
        nights.members[f"ecgen-radiology/{50 + number}.xml"] = make_xml(50 + number)
        last = nights.run(keep=2)
    assert last.pruned == 1
    assert len(list_snapshot_ids(nights.storage)) == 2
    assert nights.storage.list_names("journal") == []
    assert did(nights.run(keep=2)) == (0, 0, 0, 0, 0)
