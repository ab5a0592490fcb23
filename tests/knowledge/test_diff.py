"""What changed between two knowledge graphs."""

from radkg.knowledge.counting import GraphCounter
from radkg.knowledge.diff import FACTS, compare_knowledge
from radkg.knowledge.records import Knowledge
from radkg.schema.arrow import to_table
from radkg.schema.records import Entity, Relation
from tests.support.runs.extractions import invent
from tests.support.runs.rows import row


def graph(rows) -> Knowledge:
    counter = GraphCounter()
    for batch in to_table(rows).to_batches():
        counter.add(batch)
    counted = counter.build()
    return Knowledge(counted.nodes, counted.edges, dict.fromkeys(FACTS, "x"))


def found(changes):
    return {c.name: (c.what, c.studies, c.count) for c in changes}


def test_what_came_went_and_changed():
    entities = (
        Entity("small", "OBS-DP", "small", 0, 5, None),
        Entity("edema", "OBS-DP", "edema", 6, 11, None),
    )
    edema = row("s3", entities=entities, relations=(Relation(0, 1, "modify"),))
    diff = compare_knowledge(graph([row("s1"), row("s2")]), graph([row("s1"), edema]))
    assert found(diff.nodes) == {
        "edema (observation)": ("came", (0, 1), (0, 1)),
        "effusion (observation)": ("changed", (2, 1), (2, 1)),
        "left (anatomy)": ("changed", (2, 1), (2, 1)),
    }
    assert found(diff.edges)["small (observation) modify edema (observation)"][0] == "came"
    assert diff.count() == {
        "nodes": {"came": 1, "went": 0, "changed": 2},
        "edges": {"came": 1, "went": 0, "changed": 2},
    }
    back = compare_knowledge(graph([row("s1"), edema]), graph([row("s1"), row("s2")]))
    assert found(back.nodes)["edema (observation)"] == ("went", (1, 0), (1, 0))
    assert diff.to_dict()["nodes"][0]["what"] == "came"
    assert (diff.before["nodes"], diff.after["nodes"]) == (3, 4)


def test_equal_graphs_differ_in_nothing_and_all_goes_from_one_to_none():
    rows = invent(20, seed=1, vocabulary=30)
    same = compare_knowledge(graph(rows), graph(rows))
    assert same.nodes == same.edges == ()
    gone = compare_knowledge(graph(rows), graph([]))
    assert {c.what for c in (*gone.nodes, *gone.edges)} == {"went"}
    assert len(gone.edges) == graph(rows).edges.num_rows
