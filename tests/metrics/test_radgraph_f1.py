import pytest

from radkg.metrics.radgraph_f1 import Graph, Mention, score_radgraph, score_strict

EFFUSION = Mention(6, 14, "effusion", "OBS-DP")
SMALL = Mention(0, 5, "small", "OBS-DP")
LEFT = Mention(20, 24, "left", "ANAT-DP")
GOLD = Graph((SMALL, EFFUSION, LEFT), ((0, 1, "modify"), (1, 2, "located_at")))


def test_a_graph_agrees_with_itself():
    strict = score_strict([GOLD], [GOLD])
    assert strict.entities.f1 == strict.relations.f1 == strict.relaxed.f1 == 1
    assert {name: s.gold for name, s in strict.per_relation.items()} == {
        "located_at": 1,
        "modify": 1,
    }
    assert score_radgraph([GOLD], [GOLD]) == (1, 1, 1)


def test_a_label_breaks_every_strict_match_that_it_takes_part_in():
    denied = EFFUSION._replace(label="OBS-DA")
    strict = score_strict([GOLD], [Graph((SMALL, denied, LEFT), GOLD.relations)])
    assert strict.entities.agreed == 2
    assert strict.relations.agreed == 0
    assert strict.relaxed.f1 == 1


def test_another_type_breaks_the_relation_alone():
    other = Graph(GOLD.entities, ((0, 1, "modify"), (1, 2, "suggestive_of")))
    strict = score_strict([GOLD], [other])
    assert strict.entities.f1 == strict.relaxed.f1 == 1
    assert strict.relations.agreed == 1
    assert strict.per_relation["suggestive_of"].precision == 0


def test_f1_radgraph_compares_words_not_places():
    moved = Graph(tuple(m._replace(start=m.start + 9, end=m.end + 9) for m in GOLD.entities), ())
    assert score_strict([GOLD], [moved]).entities.f1 == 0
    found = score_radgraph([GOLD], [moved])
    assert found.simple == 1
    # has-relation flags: small and effusion have one in gold, none here
    assert found.partial == pytest.approx(1 / 3)
    # gold: small with modify, effusion with located_at, left alone; here all three alone
    assert found.complete == pytest.approx(1 / 3)


def test_it_is_a_mean_over_documents_and_0_where_a_side_is_empty():
    empty = Graph((), ())
    assert score_radgraph([GOLD, empty], [GOLD, empty]).simple == 0.5
    assert score_radgraph([GOLD, GOLD], [GOLD, empty]).complete == 0.5
    with pytest.raises(ValueError, match="at least one"):
        score_radgraph([], [])
