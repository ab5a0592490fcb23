"""One reader's graph of a text against another's, by places in the text: equal or meeting spans.

Exact entities agree in span and label, exact relations in both spans and the type. Strict relations
agree in the labels of both ends as well, as DyGIE++ counts them. Overlapping entities share a
character and the label; overlapping relations share the type, and each end shares a character with
its counterpart. There each entity or relation is paired once at most, and the pairs are as many as
possible, so that no long span collects several short ones. What was read from an image has no place
and is left out.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

from radkg.metrics.radgraph_f1 import Graph, Mention
from radkg.metrics.triplets import Score
from radkg.schema.records import Label, RelationType

Place = tuple[int, int]
EntityPlace = tuple[Place, Label]
RelationPlace = tuple[Place, RelationType, Place]
StrictPlace = tuple[EntityPlace, RelationType, EntityPlace]
Match = Callable[[Graph, Graph], Score]
_T = TypeVar("_T")


def list_entities(graph: Graph) -> dict[EntityPlace, None]:
    """Return span and label of each entity, each once, in order."""
    places = ((_find_place(mention), mention.label) for mention in graph.entities)
    return {(place, label): None for place, label in places if place}


def list_relations(graph: Graph) -> dict[RelationPlace, None]:
    """Return both spans and the type of each relation, each once, in order."""
    return {(head[0], kind, tail[0]): None for head, kind, tail in list_strict_relations(graph)}


def list_strict_relations(graph: Graph) -> dict[StrictPlace, None]:
    """Return both ends, with their labels, and the type of each relation, each once, in order."""
    found: dict[StrictPlace, None] = {}
    for head, tail, kind in graph.relations:
        one, other = graph.entities[head], graph.entities[tail]
        place, there = _find_place(one), _find_place(other)
        if place and there:
            found[(place, one.label), kind, (there, other.label)] = None
    return found


def keep_label(graph: Graph, label: Label) -> Graph:
    """Return the entities with this label alone, without relations."""
    return Graph(tuple(m for m in graph.entities if m.label == label), ())


def keep_relation(graph: Graph, kind: RelationType) -> Graph:
    """Return the graph with the relations of this type alone."""
    return Graph(graph.entities, tuple(r for r in graph.relations if r[2] == kind))


def score_entities(gold: Graph, found: Graph) -> Score:
    """Return the score of entities that agree in span and label."""
    return _match_equal(list_entities(gold), list_entities(found))


def score_overlapping_entities(gold: Graph, found: Graph) -> Score:
    """Return the score of entities that agree in the label and share a character."""
    ours, theirs = list(list_entities(gold)), list(list_entities(found))
    pairs = count_pairs(ours, theirs, lambda a, b: a[1] == b[1] and _meet(a[0], b[0]))
    return Score(pairs, len(theirs), len(ours))


def score_relations(gold: Graph, found: Graph) -> Score:
    """Return the score of relations that agree in both spans and the type."""
    return _match_equal(list_relations(gold), list_relations(found))


def score_strict_relations(gold: Graph, found: Graph) -> Score:
    """Return the score of relations that agree in the labels of both ends as well."""
    return _match_equal(list_strict_relations(gold), list_strict_relations(found))


def score_overlapping_relations(gold: Graph, found: Graph) -> Score:
    """Return the score of relations that agree in the type and share characters at both ends."""
    ours, theirs = list(list_relations(gold)), list(list_relations(found))

    def meet(a: RelationPlace, b: RelationPlace) -> bool:
        return a[1] == b[1] and _meet(a[0], b[0]) and _meet(a[2], b[2])

    return Score(count_pairs(ours, theirs, meet), len(theirs), len(ours))


ENTITY_MATCHES: Mapping[str, Match] = {
    "exact": score_entities,
    "overlapping": score_overlapping_entities,
}
RELATION_MATCHES: Mapping[str, Match] = {
    "exact": score_relations,
    "strict": score_strict_relations,
    "overlapping": score_overlapping_relations,
}


def count_labels(gold: Graph, found: Graph) -> Counter[tuple[Label, Label]]:
    """Return how often a gold label met a found label on an equal span.

    A span that a side marks twice, with two labels, is left out: nothing says which label to take.
    """
    ours, theirs = _list_labels(gold), _list_labels(found)
    return Counter((ours[place], theirs[place]) for place in ours if place in theirs)


def count_pairs(ours: Sequence[_T], theirs: Sequence[_T], meet: Callable[[_T, _T], bool]) -> int:
    """Return how many pairs that meet can be made at most, each member in one pair.

    Source: Kuhn's method of augmenting paths.
    """
    candidates = [[j for j, b in enumerate(theirs) if meet(a, b)] for a in ours]
    partner: dict[int, int] = {}

    def find_partner(i: int, seen: set[int]) -> bool:
        for j in candidates[i]:
            if j not in seen:
                seen.add(j)
                if j not in partner or find_partner(partner[j], seen):
                    partner[j] = i
                    return True
        return False

    return sum(find_partner(i, set()) for i in range(len(ours)))


def _match_equal(ours: Mapping[_T, None], theirs: Mapping[_T, None]) -> Score:
    return Score(len(ours.keys() & theirs.keys()), len(theirs), len(ours))


def _list_labels(graph: Graph) -> dict[Place, Label]:
    labels: dict[Place, set[Label]] = {}
    for place, label in list_entities(graph):
        labels.setdefault(place, set()).add(label)
    return {place: found.pop() for place, found in labels.items() if len(found) == 1}


def _find_place(mention: Mention) -> Place | None:
    return None if mention.start is None or mention.end is None else (mention.start, mention.end)


def _meet(one: Place, other: Place) -> bool:
    return one[0] < other[1] and other[0] < one[1]
