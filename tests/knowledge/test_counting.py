"""Concepts and relations of many studies, counted."""

from collections import Counter

from radkg.knowledge.counting import CountedGraph, GraphCounter
from radkg.knowledge.diff import list_edges, list_nodes
from radkg.knowledge.records import EDGES, NODES, Knowledge
from radkg.schema.arrow import to_table
from radkg.schema.concepts import get_concept_kind
from radkg.schema.records import Entity, Relation
from tests.support.runs.extractions import invent
from tests.support.runs.rows import row


def count(*parts) -> CountedGraph:
    counter = GraphCounter()
    for rows in parts:
        for batch in to_table(rows).to_batches():
            counter.add(batch)
    return counter.build()


def as_dicts(graph):
    knowledge = Knowledge(graph.nodes, graph.edges, {})
    return list_nodes(knowledge), list_edges(knowledge)


def said(text, label, source="report"):
    place = (0, len(text)) if source == "report" else (None, None)
    return Entity(text, label, text, *place, "findings", source)


def test_what_is_denied_makes_no_node_and_no_edge():
    graph = count([row("s1"), row("s2")])
    nodes, edges = as_dicts(graph)
    assert nodes == {
        (name, kind): {"studies": 2, "count": 2}
        for name, kind in (
            ("effusion", "observation"),
            ("left", "anatomy"),
            ("small", "observation"),
        )
    }
    assert edges == {
        ("effusion", "observation", "located_at", "left", "anatomy"): {"studies": 2, "count": 2},
        ("small", "observation", "modify", "effusion", "observation"): {"studies": 2, "count": 2},
    }
    entities = (said("large", "OBS-DP"), said("effusion", "OBS-DA"), said("lung", "ANAT-DP"))
    relations = (Relation(0, 1, "modify"), Relation(1, 2, "located_at"))
    graph = count([row("s1", entities=entities, relations=relations)])
    assert as_dicts(graph)[1] == {}
    assert graph.numbers["relations"] == {"stated": 0, "uncertain": 0, "denied": 2, "to itself": 0}
    assert graph.numbers["mentions"] == {"stated": 2, "uncertain": 0, "denied": 1}


def test_what_is_uncertain_counts_and_is_said():
    entities = (said("opacity", "OBS-U"), said("lung", "ANAT-DP"))
    graph = count([row("s1", entities=entities, relations=(Relation(0, 1, "located_at"),))])
    assert graph.nodes.num_rows == 2
    assert graph.numbers["mentions"]["uncertain"] == 1
    assert graph.numbers["relations"]["uncertain"] == 1


def test_what_a_model_saw_in_the_image_does_not_count():
    entities = (said("effusion", "OBS-DP", "image"), said("lung", "ANAT-DP"))
    graph = count([row("s1", entities=entities, relations=(Relation(0, 1, "located_at"),))])
    assert as_dicts(graph) == ({("lung", "anatomy"): {"studies": 1, "count": 1}}, {})


def test_one_name_of_two_kinds_is_two_nodes_and_a_concept_has_no_relation_to_itself():
    entities = (said("base", "ANAT-DP"), said("base", "OBS-DP"), said("base", "ANAT-DP"))
    relations = (Relation(0, 1, "modify"), Relation(0, 2, "modify"))
    graph = count([row("s1", entities=entities, relations=relations)])
    nodes, edges = as_dicts(graph)
    assert nodes["base", "anatomy"] == {"studies": 1, "count": 2}
    assert list(edges) == [("base", "anatomy", "modify", "base", "observation")]
    assert graph.numbers["relations"]["to itself"] == 1


def test_a_graph_is_what_a_loop_over_its_rows_counts():
    rows = invent(60, seed=3, vocabulary=40)
    mentions: Counter = Counter()
    in_studies: Counter = Counter()
    stated: Counter = Counter()
    by_study: Counter = Counter()
    for one in rows:
        keys = [(e.concept, get_concept_kind(e.label)) for e in one.entities]
        good = [e.label != "OBS-DA" for e in one.entities]
        mentions.update(key for key, is_good in zip(keys, good, strict=True) if is_good)
        in_studies.update({key for key, is_good in zip(keys, good, strict=True) if is_good})
        found = [
            (*keys[r.head], r.relation, *keys[r.tail])
            for r in one.relations
            if good[r.head] and good[r.tail] and keys[r.head] != keys[r.tail]
        ]
        stated.update(found)
        by_study.update(set(found))
    nodes, edges = as_dicts(count(rows))
    assert nodes == {k: {"studies": in_studies[k], "count": n} for k, n in mentions.items()}
    assert edges == {k: {"studies": by_study[k], "count": n} for k, n in stated.items()}


def test_parts_of_studies_add_up_in_any_order():
    rows = invent(50, seed=1, vocabulary=60)
    whole = count(rows)
    parts = count(rows[30:], rows[:10], rows[10:30])
    assert parts.nodes.equals(whole.nodes)
    assert parts.edges.equals(whole.edges)
    assert parts.numbers == whole.numbers


def test_the_most_frequent_stands_first_then_the_first_name():
    graph = count(invent(40, seed=2, vocabulary=30))
    rows = [(-r["studies"], r["name"], r["kind"]) for r in graph.nodes.to_pylist()]
    assert rows == sorted(rows)
    counts = graph.edges["count"].to_pylist()
    assert counts == sorted(counts, reverse=True)
    assert graph.nodes.schema.equals(NODES)
    assert graph.edges.schema.equals(EDGES)


def test_a_scale_is_the_first_nodes_with_the_edges_among_them():
    graph = count(invent(40, seed=2, vocabulary=30))
    whole = Knowledge(graph.nodes, graph.edges, {})
    nodes, edges = list_nodes(whole.take_scale(10)), list_edges(whole.take_scale(10))
    assert list(nodes) == list(list_nodes(whole))[:10]
    assert edges == {
        key: n for key, n in list_edges(whole).items() if key[:2] in nodes and key[3:] in nodes
    }
    assert 0 < len(edges) < graph.edges.num_rows
    assert list_nodes(whole.take_scale(10_000)) == list_nodes(whole)


def test_no_study_is_an_empty_graph():
    assert (
        count().nodes.num_rows == count([row("s1", entities=(), relations=())]).nodes.num_rows == 0
    )
