"""Sums of findings in the graph, on both engines: those of its studies, or not asked."""

from pathlib import Path

import pytest

from radkg.graph import Graph
from radkg.graph.ask.queries import list_queries, run_query
from radkg.graph.engine.values import run_statement
from radkg.graph.load import aggregates
from radkg.graph.load.aggregates import has_sums
from radkg.graph.load.loader import load
from radkg.graph.rows.nested import BatchSizes
from radkg.run.snapshot import publish
from radkg.schema.arrow import to_table
from radkg.storage import open_storage
from tests.graph.load.test_loader import assert_exact, few
from tests.support.graph.contents import read_everything
from tests.support.graph.facts import study
from tests.support.graph.loading import HookedGraph
from tests.support.graph.same_answers import sample_values, variations
from tests.support.graph.servers import clear_graph
from tests.support.runs.extractions import InventedSnapshot

COUNTED = "MATCH (:Load)-[n:COUNTS]->(:Concept {name: $name}) RETURN n.present AS studies"
PAIRED = "MATCH (:Concept {name: $name})-[n:AGG_CO_OCCURS]->(o) RETURN o.name AS name ORDER BY name"


def write(graph: Graph, statement: str) -> None:
    graph.write(lambda t: run_statement(t, statement))


def test_sums_give_the_rows_of_the_walk(graph: Graph) -> None:
    twice = study(0, 0, None, "-effusion", "+effusion", archive="invented")
    load(graph, InventedSnapshot([*few(), twice]))
    load(graph, InventedSnapshot(few(seed=1, archive="other"), archive="other"))
    samples = sample_values(graph)
    samples["finding"] += ["effusion", "concept 19"]  # in one study of 47: no pairs
    compared, unpaired = 0, 0
    for query in list_queries():
        if query.summed is None:
            continue
        for values in variations(query, samples):
            given = run_query(graph, query.name, values).parameters
            if not has_sums(graph, given[query.paired] if query.paired else None):
                unpaired += 1
                continue
            walked = graph.read(query.statement, **given)
            assert graph.read(query.summed, **given) == walked, f"{query.name} {values}"
            compared += bool(walked)
    assert compared > 20
    assert unpaired > 0


def test_a_night_adds_what_came_and_takes_off_what_went(
    graph: Graph, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    storage = open_storage(str(tmp_path))
    first = [study(i, i, None, "+edema", "+mass") for i in range(30)]
    rare = study(30, 30, None, "+edema", "-mass", "+nodule")
    load(graph, publish(storage, to_table([*first, rare])))
    whole = read_everything(graph)
    changed = [study(0, 0, None, "?edema", "+mass"), *first[2:], rare]
    after = publish(storage, to_table(changed))
    with monkeypatch.context() as patch:
        patch.setattr(aggregates, "compute_sums", lambda kept: pytest.fail("all rows were counted"))
        load(graph, after)
    assert_exact(graph, after)
    assert graph.read(COUNTED, name="edema") == [{"studies": 29}]
    assert graph.read(PAIRED, name="edema") == [{"name": "mass"}, {"name": "nodule"}]
    assert not has_sums(graph, "nodule")
    assert has_sums(graph, "edema")
    # a second one makes it frequent: then its pairs with all others are needed
    often = publish(storage, to_table([*changed[:-2], study(31, 31, None, "+nodule"), rare]))
    load(graph, often)
    assert_exact(graph, often)
    assert graph.read(PAIRED, name="nodule") == [{"name": "edema"}]
    # what a hand puts among them is no base of a night
    write(graph, "MATCH (l:Load) MATCH (c:Concept {name: 'mass'}) CREATE (l)-[:COUNTS]->(c)")
    back = publish(storage, to_table([*first, rare]))
    load(graph, back)
    assert read_everything(graph) == whole


def test_a_load_killed_among_its_sums_is_not_asked(graph: Graph, login: tuple[str, str]) -> None:
    sizes = BatchSizes(edges=7)
    old, new = InventedSnapshot(few()), InventedSnapshot(few(seed=1)[3:])
    load(graph, old)
    with HookedGraph(graph, login) as undisturbed:
        load(undisturbed, new, sizes=sizes)
    last_sums = undisturbed.num_writes - 2  # behind them only the end of the load
    clear_graph(graph)
    load(graph, old)
    assert has_sums(graph)

    def kill(number: int) -> None:
        if number == last_sums:
            raise InterruptedError

    with HookedGraph(graph, login, kill) as killed, pytest.raises(InterruptedError):
        load(killed, new, sizes=sizes)
    assert not has_sums(graph)
    load(graph, new)
    assert has_sums(graph)
    assert_exact(graph, new)


def test_a_graph_of_an_older_radkg_gets_its_sums_with_the_next_load(graph: Graph) -> None:
    snapshot = InventedSnapshot(few())
    load(graph, snapshot)
    whole = read_everything(graph)
    write(graph, "MATCH (l:Load)-[n:COUNTS]->() DELETE n")
    write(graph, "MATCH (:Concept)-[n:AGG_CO_OCCURS]->() DELETE n")
    write(graph, "MATCH (l:Load) REMOVE l.sums, l.num_sums, l.num_read")
    assert not has_sums(graph)
    assert_exact(graph, snapshot)  # old, not broken
    answer = run_query(graph, "certainty_mix", {}).rows
    report = load(graph, snapshot)
    assert report.unchanged == report.studies
    assert has_sums(graph)
    assert read_everything(graph) == whole
    assert_exact(graph, snapshot)
    assert run_query(graph, "certainty_mix", {}).rows == answer


def test_sums_of_two_extractors_of_an_archive_are_not_asked(graph: Graph) -> None:
    assert not has_sums(graph)  # nothing was loaded
    one, other = InventedSnapshot(few()), few(seed=1, extractor="onepass")
    load(graph, one)
    load(graph, InventedSnapshot(other, extractor="onepass"))
    assert not has_sums(graph)
    nothing = InventedSnapshot([], archive="invented", extractor="onepass")
    load(graph, nothing)
    assert has_sums(graph)
    assert_exact(graph, one, nothing)
    (left,) = graph.read(
        "MATCH (l:Load {extractor: 'onepass'}) RETURN l.num_sums AS sums,"
        " COUNT { (l)-[:COUNTS]->() } AS counts"
    )
    assert left == {"sums": 0, "counts": 0}
