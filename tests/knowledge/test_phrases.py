"""What a graph knows of a finding becomes one sentence."""

import pyarrow as pa
import pytest

from radkg.errors import KnowledgeError
from radkg.knowledge.phrases import describe_labels
from radkg.knowledge.records import EDGES, NODES, Knowledge

CONCEPTS = ("effusion", "small", "large", "pleural", "left", "pneumonia", "rare", "lonely")


def make_knowledge(*edges: tuple[str, str, str, int]) -> Knowledge:
    """Return a graph of CONCEPTS with edges (head, relation, tail, count)."""
    sites = {"pleural", "left"}
    nodes = [
        {"name": n, "kind": ("observation", "anatomy")[n in sites], "mentions": 9, "studies": 9}
        for n in CONCEPTS
    ]
    rows = [
        {
            "head": CONCEPTS.index(head),
            "tail": CONCEPTS.index(tail),
            "relation": relation,
            "count": count,
            "studies": count,
        }
        for head, relation, tail, count in edges
    ]
    return Knowledge(pa.Table.from_pylist(nodes, NODES), pa.Table.from_pylist(rows, EDGES), {})


def test_the_most_frequent_neighbours_fill_the_sentence():
    knowledge = make_knowledge(
        ("large", "modify", "effusion", 5),
        ("small", "modify", "effusion", 20),
        ("left", "modify", "effusion", 4),  # the third most frequent
        ("rare", "modify", "effusion", 2),  # too few to be more than chance
        ("effusion", "modify", "effusion", 30),  # a finding does not describe itself
        ("effusion", "located_at", "pleural", 9),
        ("pleural", "located_at", "left", 9),  # not of the effusion
        ("effusion", "suggestive_of", "pneumonia", 3),
    )
    assert describe_labels(["effusion", "lonely"], knowledge) == [
        "effusion: often small or large, in pleural, suggests pneumonia",
        "lonely",
    ]


def test_equally_frequent_neighbours_are_in_the_order_of_their_names():
    knowledge = make_knowledge(
        ("small", "modify", "effusion", 5),
        ("large", "modify", "effusion", 5),
        ("left", "modify", "effusion", 5),
    )
    assert describe_labels(["effusion"], knowledge) == ["effusion: often large or left"]


def test_an_unknown_label_and_an_empty_graph_are_refused():
    knowledge = make_knowledge(("small", "modify", "effusion", 5))
    with pytest.raises(KnowledgeError, match="no observation hernia, left: leave the label out"):
        describe_labels(["effusion", "hernia", "left"], knowledge)
    with pytest.raises(KnowledgeError, match="no edge"):
        describe_labels(["effusion"], make_knowledge())
