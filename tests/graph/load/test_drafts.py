"""Drafts beside studies, on both engines: once, whole, replaced, removed with their studies."""

import dataclasses
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from radkg.errors import ConfigError, GraphError
from radkg.graph import Graph, open_graph
from radkg.graph.load.draft_removal import remove_drafts
from radkg.graph.load.drafts import DraftsReport, load_drafts
from radkg.graph.load.retracting import retract
from radkg.graph.verify.draft_loads import count_drafts, find_draft_problems
from radkg.graph.verify.drafts import verify_drafts
from radkg.graph.verify.full import verify
from radkg.run.retractions import record_retraction
from radkg.run.snapshot import Snapshot, publish
from radkg.schema.arrow import to_table
from radkg.schema.draft_table import from_draft_row
from radkg.storage import open_storage
from tests.support.graph.bolt_faults import Fault
from tests.support.graph.contents import read_everything
from tests.support.graph.drafted import STUDIES, assert_exact, bring, drafts, loaded, studies
from tests.support.graph.fault_proxy import FaultProxy
from tests.support.graph.loading import SMALL, HookedGraph, load_small
from tests.support.graph.servers import clear_graph
from tests.support.runs.drafts import invent_drafts, publish_drafts
from tests.support.runs.extractions import invent
from tests.support.runs.fork_server import ROOT

KINDS = ("created", "replaced", "removed", "unchanged")

__all__ = ["drafts", "loaded", "studies"]


def counts(report: DraftsReport) -> tuple[int, ...]:
    return tuple(getattr(report, kind) for kind in KINDS)


def test_once_and_twice(
    loaded: Graph, login: tuple[str, str], studies: Snapshot, drafts: Snapshot
) -> None:
    seen: list[tuple[int, int]] = []
    first = load_drafts(loaded, drafts, studies, lambda *at: seen.append(at), sizes=SMALL)
    assert counts(first) == (23, 0, 0, 0)
    assert (first.standing, first.retracted, first.not_in_graph) == (23, 0, [])
    assert seen == [(5, 23), (10, 23), (15, 23), (20, 23), (23, 23)]
    assert_exact(loaded, drafts, studies)
    assert count_drafts(loaded) == 23
    once = read_everything(loaded)
    with HookedGraph(loaded, login) as watched:
        second = bring(watched, drafts, studies)
        assert watched.num_writes == 0
    assert counts(second) == (0, 0, 0, 23)
    assert read_everything(loaded) == once


def test_what_a_draft_says_comes_back(loaded: Graph, studies: Snapshot, drafts: Snapshot) -> None:
    bring(loaded, drafts, studies)
    published = [from_draft_row(r) for t in drafts.read_tables() for r in t.to_pylist()]
    for draft in published:
        ((found,), claims) = (
            [row[name] for row in loaded.read(statement, study_id=draft.study_id)]
            for name, statement in (
                ("d", "MATCH (:Study {study_id: $study_id})-[:HAS_DRAFT]->(d) RETURN d"),
                (
                    "c",
                    "MATCH (:Study {study_id: $study_id})-[:HAS_DRAFT]->()-[:CLAIMS]->(c)"
                    " RETURN c ORDER BY c.ordinal",
                ),
            )
        )
        assert (found["text"], found["status"]) == (draft.text, draft.status)
        assert (found["source"], found["snapshot_id"]) == ("image", drafts.snapshot_id)
        assert found.get("reason") == draft.reason
        assert [c["finding"] for c in claims] == [claim.finding for claim in draft.plan]
        for number, sentence in enumerate(draft.sentences):
            at = found["sentence_starts"][number], found["sentence_ends"][number]
            assert at == (sentence.start, sentence.end)
            stating = [c["ordinal"] for c in claims if number in c.get("sentences", [])]
            assert tuple(stating) == sentence.claims
        boxes = [c.get("box") and tuple(c["box"]) for c in claims]
        assert boxes == [claim.box for claim in draft.plan]


def test_a_later_snapshot_replaces(loaded: Graph, studies: Snapshot, tmp_path: Path) -> None:
    old = invent_drafts(STUDIES)
    bring(loaded, publish_drafts(tmp_path / "drafts", old), studies)
    other = dataclasses.replace(old[7], text=old[7].text + "!")
    later = publish_drafts(tmp_path / "drafts", [*old[3:7], other, *old[8:]])
    assert counts(bring(loaded, later, studies)) == (0, 1, 3, 19)
    assert_exact(loaded, later, studies)
    step_by_step = read_everything(loaded)
    new = publish_drafts(tmp_path / "drafts", invent_drafts(STUDIES, 1, model_id="d2"))
    assert counts(bring(loaded, new, studies)) == (3, 20, 0, 0)
    bring(loaded, later, studies)
    assert read_everything(loaded) == step_by_step
    clear_graph(loaded)
    load_small(loaded, studies)
    bring(loaded, later, studies)
    assert read_everything(loaded) == step_by_step


def test_two_reporters_stand_beside_each_other(
    loaded: Graph, studies: Snapshot, drafts: Snapshot, tmp_path: Path
) -> None:
    bring(loaded, drafts, studies)
    others = publish_drafts(tmp_path / "others", invent_drafts(STUDIES[:9], 2, reporter="r2gen"))
    assert counts(bring(loaded, others, studies)) == (9, 0, 0, 0)
    for each in (drafts, others):
        assert_exact(loaded, each, studies)


def test_studies_that_the_graph_does_not_hold_are_named(
    loaded: Graph, drafts: Snapshot, tmp_path: Path
) -> None:
    fewer = publish(open_storage(str(tmp_path / "run")), to_table(STUDIES[2:]))
    load_small(loaded, fewer)
    report = bring(loaded, drafts, fewer)
    assert (report.created, report.not_in_graph) == (21, ["s0000000", "s0000001"])
    assert_exact(loaded, drafts, fewer)
    said = str(verify_drafts(loaded, drafts, fewer))
    assert said.endswith("by every property; 2 are of studies that the graph does not hold")
    again = publish(open_storage(str(tmp_path / "run")), to_table(STUDIES))
    load_small(loaded, again)
    report = bring(loaded, drafts, again)  # the studies have come since
    assert (report.created, report.unchanged, report.not_in_graph) == (2, 21, [])


def test_what_does_not_fit_is_refused(
    graph: Graph, studies: Snapshot, drafts: Snapshot, tmp_path: Path
) -> None:
    with pytest.raises(GraphError, match=r"does not hold the studies of .*: run `radkg load"):
        bring(graph, drafts, studies)
    load_small(graph, studies)
    elsewhere = invent_drafts(invent(2, archive="elsewhere"))
    with pytest.raises(ConfigError, match="are of the archive 'elsewhere', and the studies"):
        bring(graph, publish_drafts(tmp_path / "elsewhere", elsewhere), studies)
    assert count_drafts(graph) == 0


def test_a_study_that_leaves_takes_its_drafts(
    loaded: Graph, studies: Snapshot, drafts: Snapshot, tmp_path: Path
) -> None:
    storage = open_storage(str(tmp_path / "other"))
    other = publish(storage, to_table(invent(9, entities=2, relations=1, extractor="onepass")))
    load_small(loaded, other)
    bring(loaded, drafts, studies)
    fewer = publish(studies.storage, to_table(STUDIES[4:20]))
    load_small(loaded, fewer)
    # of the first four another extractor's reading stands, of the last three none
    assert count_drafts(loaded) == 20
    assert verify(loaded, fewer).ok
    load_small(loaded, studies)
    assert counts(bring(loaded, drafts, studies)) == (3, 0, 0, 20)
    assert_exact(loaded, drafts, studies)


def test_a_retraction_takes_drafts_out_until_undone(
    loaded: Graph, studies: Snapshot, drafts: Snapshot, tmp_path: Path
) -> None:
    storage = open_storage(str(tmp_path / "other"))
    other = publish(storage, to_table(invent(9, entities=2, relations=1, extractor="onepass")))
    load_small(loaded, other)
    bring(loaded, drafts, studies)
    whole = read_everything(loaded)
    for kind, which, number in (("study", "s0000001", 1), ("subject", "p0000004", 4)):
        retract(loaded, studies.storage, kind, which)  # type: ignore[arg-type]
        assert count_drafts(loaded) == 23 - number
        assert_exact(loaded, drafts, studies)
    report = bring(loaded, drafts, studies)
    assert (report.retracted, report.unchanged) == (4, 19)
    assert_exact(loaded, drafts, studies)
    retract(loaded, studies.storage, "study", "s0000001", undo=True)
    retract(loaded, studies.storage, "subject", "p0000004", undo=True)
    assert counts(bring(loaded, drafts, studies)) == (4, 0, 0, 19)
    assert read_everything(loaded) == whole


def test_a_retraction_meanwhile_is_not_written_back(
    loaded: Graph, login: tuple[str, str], studies: Snapshot, drafts: Snapshot
) -> None:
    def take_out(number: int) -> None:
        if number == 2:
            retract(loaded, studies.storage, "study", "s0000022")

    with (
        HookedGraph(loaded, login, take_out) as late,
        pytest.raises(GraphError, match="knows 1 retractions and this load of drafts 0"),
    ):
        bring(late, drafts, studies)
    bring(loaded, drafts, studies)
    assert_exact(loaded, drafts, studies)
    record_retraction(studies.storage, "study", "s0000021", undo=False)  # no graph follows yet
    with pytest.raises(GraphError, match="knows 1 retractions and this load of drafts 2"):
        bring(loaded, drafts, studies, repair=True)


class Stopped(Exception):
    """Raised by a progress function in the middle of a load."""


def test_a_load_that_stops_in_the_middle_goes_on(
    loaded: Graph, studies: Snapshot, drafts: Snapshot
) -> None:
    bring(loaded, drafts, studies)
    whole = read_everything(loaded)
    clear_graph(loaded)
    load_small(loaded, studies)

    def stop(done: int, total: int) -> None:
        if done == 10:
            raise Stopped

    with pytest.raises(Stopped):
        load_drafts(loaded, drafts, studies, stop, sizes=SMALL)
    report = verify_drafts(loaded, drafts, studies)
    assert len(report.differences) == 13
    assert "did not end" in str(report)
    assert "the load of drafts invented|plan did not end" in str(verify(loaded, studies))
    assert counts(bring(loaded, drafts, studies)) == (13, 0, 0, 10)
    assert read_everything(loaded) == whole


KILLED = """
import os, sys
from pathlib import Path
from radkg.graph import open_graph
from radkg.graph.load.drafts import load_drafts
from radkg.run.kind import DRAFTS
from radkg.run.run import Run
from tests.support.graph.loading import SMALL
where, store, run, drafts = sys.argv[1:]
def die(done, total):
    if done == 15:
        os.kill(os.getpid(), 9)
with open_graph(where, Path(store)) as graph:
    snapshots = Run(drafts, DRAFTS).read_snapshot(), Run(run).read_snapshot()
    load_drafts(graph, *snapshots, die, sizes=SMALL)
"""


@pytest.mark.long
def test_a_load_that_is_killed_is_finished_by_the_same_load(
    where: tuple[str, Path], studies: Snapshot, drafts: Snapshot
) -> None:
    with open_graph(*where) as graph:
        load_small(graph, studies)
    places = [*where, studies.storage.uri, drafts.storage.uri]
    killed = subprocess.run(
        [sys.executable, "-c", KILLED, *map(str, places)], cwd=ROOT, check=False
    )
    assert killed.returncode == -9
    with open_graph(*where) as graph:
        assert counts(bring(graph, drafts, studies)) == (8, 0, 0, 15)
        assert_exact(graph, drafts, studies)
        clear_graph(graph)


def test_through_a_network_that_fails(
    loaded: Graph, login: tuple[str, str], studies: Snapshot, drafts: Snapshot
) -> None:
    kinds = ("unanswered", "late", "cut", "deadlock")
    with FaultProxy(loaded.address) as proxy, Graph(proxy.address, *login) as far:
        proxy.disturb([Fault(kind, "COMMIT", 1) for kind in kinds])
        bring(far, drafts, studies)
        assert len(proxy.delivered) == len(kinds)
    assert_exact(loaded, drafts, studies)


def test_two_loads_and_one_that_removes_studies_at_once(
    loaded: Graph, studies: Snapshot, drafts: Snapshot
) -> None:
    fewer = publish(studies.storage, to_table(STUDIES[8:]))
    under_way = threading.Barrier(3, timeout=60)

    def load_some() -> None:
        met: list[int] = []

        def meet(done: int, total: int) -> None:
            if not met:
                met.append(under_way.wait())

        load_drafts(loaded, drafts, studies, meet, sizes=SMALL)

    with ThreadPoolExecutor(2) as pool:
        works = [pool.submit(load_some) for _ in range(2)]
        under_way.wait()
        load_small(loaded, fewer)
        for work in works:
            work.result()
    assert count_drafts(loaded) == 15
    assert_exact(loaded, drafts, fewer)


def test_a_load_that_is_overtaken_stops(
    loaded: Graph, studies: Snapshot, drafts: Snapshot, tmp_path: Path
) -> None:
    new = publish_drafts(tmp_path / "new", invent_drafts(STUDIES, 1))

    def overtake(done: int, total: int) -> None:
        if done == 10:
            bring(loaded, new, studies)

    with pytest.raises(GraphError, match=f"overtaken by one of {new.snapshot_id}"):
        load_drafts(loaded, drafts, studies, overtake, sizes=SMALL)
    assert_exact(loaded, new, studies)


def test_the_drafts_of_one_reporter_go(
    loaded: Graph, login: tuple[str, str], studies: Snapshot, drafts: Snapshot, tmp_path: Path
) -> None:
    other = publish_drafts(tmp_path / "other", invent_drafts(STUDIES, reporter="other"))
    bring(loaded, drafts, studies)
    alone = read_everything(loaded)
    bring(loaded, other, studies)

    with pytest.raises(ConfigError, match="it has those of other, plan"):
        remove_drafts(loaded, studies.archive, "nobody")

    def die(number: int) -> None:
        if number == 2:
            raise InterruptedError

    with HookedGraph(loaded, login, die) as dying, pytest.raises(InterruptedError):
        remove_drafts(dying, studies.archive, "other", SMALL)
    assert count_drafts(loaded, other) == 23
    assert 0 < count_drafts(loaded) - 23 < 23
    (problem,) = find_draft_problems(loaded)
    assert "other did not end" in problem
    remove_drafts(loaded, studies.archive, "other", SMALL)
    assert read_everything(loaded) == alone
    assert_exact(loaded, drafts, studies)


def test_a_load_of_drafts_stops_a_removal(
    loaded: Graph, login: tuple[str, str], studies: Snapshot, drafts: Snapshot
) -> None:
    bring(loaded, drafts, studies)

    def load(number: int) -> None:
        if number == 2:
            bring(loaded, drafts, studies)

    with HookedGraph(loaded, login, load) as slow, pytest.raises(GraphError, match="began while"):
        remove_drafts(slow, studies.archive, "plan", SMALL)
    assert_exact(loaded, drafts, studies)
