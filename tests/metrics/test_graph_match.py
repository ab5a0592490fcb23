import random

import networkx
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from radkg.metrics.graph_match import (
    ENTITY_MATCHES,
    RELATION_MATCHES,
    count_labels,
    count_pairs,
    keep_label,
    keep_relation,
    score_entities,
    score_overlapping_entities,
    score_overlapping_relations,
    score_relations,
    score_strict_relations,
)
from radkg.metrics.radgraph_f1 import Graph, Mention
from radkg.metrics.triplets import Score
from radkg.schema.records import LABELS, RELATIONS

MATCHES = {**ENTITY_MATCHES, **{f"relations {n}": m for n, m in RELATION_MATCHES.items()}}


def make_graph(spans, links=()):
    return Graph(tuple(Mention(a, b, f"{a}:{b}", label) for a, b, label in spans), tuple(links))


@st.composite
def draw_graphs(draw):
    starts = st.integers(0, 20)
    spans = draw(
        st.lists(st.tuples(starts, st.integers(1, 6), st.sampled_from(LABELS)), max_size=8)
    )
    spans = [(start, start + length, label) for start, length, label in spans]
    ends = st.integers(0, max(len(spans) - 1, 0))
    links = draw(st.lists(st.tuples(ends, ends, st.sampled_from(RELATIONS)), max_size=8))
    return make_graph(spans, [link for link in links if spans and link[0] != link[1]])


GOLD = make_graph(
    [(0, 5, "OBS-DP"), (6, 14, "OBS-DP"), (20, 24, "ANAT-DP")],
    [(0, 1, "modify"), (1, 2, "located_at")],
)


def test_a_longer_span_meets_and_is_not_equal():
    found = make_graph([(0, 14, "OBS-DP"), (20, 24, "ANAT-DP")], [(0, 1, "located_at")])
    assert score_entities(GOLD, found) == Score(agreed=1, predicted=2, gold=3)
    assert score_overlapping_entities(GOLD, found) == Score(2, 2, 3)
    assert score_relations(GOLD, found) == Score(0, 1, 2)
    assert score_overlapping_relations(GOLD, found) == Score(1, 1, 2)


def test_spans_that_touch_do_not_meet():
    assert score_overlapping_entities(
        make_graph([(0, 5, "OBS-DP")]), make_graph([(5, 9, "OBS-DP")])
    ) == Score(0, 1, 1)


def test_a_label_breaks_the_entity_and_only_the_strict_relation():
    found = make_graph([(0, 5, "OBS-DA"), *[(*m[:2], m.label) for m in GOLD.entities[1:]]])
    found = Graph(found.entities, GOLD.relations)
    assert score_entities(GOLD, found).agreed == score_overlapping_entities(GOLD, found).agreed == 2
    assert score_relations(GOLD, found).agreed == 2
    assert score_strict_relations(GOLD, found).agreed == 1
    assert dict(count_labels(GOLD, found)) == {
        ("OBS-DP", "OBS-DA"): 1,
        ("OBS-DP", "OBS-DP"): 1,
        ("ANAT-DP", "ANAT-DP"): 1,
    }


def test_what_was_read_from_an_image_has_no_place():
    seen = Mention(None, None, "effusion", "OBS-DP")
    graph = Graph((*GOLD.entities, seen), (*GOLD.relations, (3, 2, "located_at")))
    for name, match in MATCHES.items():
        assert match(GOLD, graph) == match(GOLD, GOLD), name


@given(draw_graphs())
def test_a_graph_agrees_with_itself(graph):
    for match in MATCHES.values():
        score = match(graph, graph)
        assert score.agreed == score.gold == score.predicted
        assert score.f1 == 1


@given(draw_graphs(), draw_graphs())
def test_agreement_is_symmetric(one, other):
    for match in MATCHES.values():
        there, back = match(one, other), match(other, one)
        assert (there.agreed, there.f1) == (back.agreed, back.f1)
        assert (there.precision, there.recall) == (back.recall, back.precision)


@given(draw_graphs(), draw_graphs())
def test_a_looser_match_never_agrees_less(one, other):
    assert score_entities(one, other).agreed <= score_overlapping_entities(one, other).agreed
    exact = score_relations(one, other).agreed
    assert exact <= score_overlapping_relations(one, other).agreed


@given(draw_graphs(), draw_graphs())
def test_labels_and_types_add_up(one, other):
    for match in ENTITY_MATCHES.values():
        parts = [match(keep_label(one, each), keep_label(other, each)) for each in LABELS]
        assert sum(parts, Score(0, 0, 0)) == match(one, other)
    for match in RELATION_MATCHES.values():
        parts = [match(keep_relation(one, k), keep_relation(other, k)) for k in RELATIONS]
        assert sum(parts, Score(0, 0, 0)) == match(one, other)


@given(draw_graphs(), st.randoms(use_true_random=False))
def test_shuffled_labels_agree_less(graph, draw: random.Random):
    labels = [m.label for m in graph.entities]
    draw.shuffle(labels)
    assume(labels != [m.label for m in graph.entities])
    assume(len({(m.start, m.end) for m in graph.entities}) == len(labels))
    entities = tuple(m._replace(label=n) for m, n in zip(graph.entities, labels, strict=True))
    shuffled = Graph(entities, graph.relations)
    assert score_entities(graph, shuffled).f1 < 1
    assert score_relations(graph, shuffled).f1 == 1


@given(st.lists(st.tuples(st.integers(0, 6), st.integers(0, 6)), max_size=20))
def test_the_pairs_are_as_many_as_possible(meeting):
    """Against Hopcroft and Karp's algorithm in networkx."""
    edges = set(meeting)
    graph = networkx.Graph()
    graph.add_nodes_from((side, i) for side in "ab" for i in range(7))
    graph.add_edges_from((("a", i), ("b", j)) for i, j in edges)
    best = networkx.bipartite.maximum_matching(graph, [("a", i) for i in range(7)])
    pairs = count_pairs(range(7), range(7), lambda i, j: (i, j) in edges)
    assert 2 * pairs == len(best)


@pytest.mark.parametrize("name", MATCHES)
def test_nothing_against_nothing_is_right(name):
    assert MATCHES[name](make_graph([]), make_graph([])).f1 == 1
