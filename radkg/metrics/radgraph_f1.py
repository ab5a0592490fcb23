"""RadGraph's scores of one document's graph against another's: strict F1 and F1-RadGraph.

A graph is spans with labels and relations between them (Jain et al., NeurIPS 2021). Strict: spans,
labels and types agree, micro-averaged over documents. F1-RadGraph (Delbrouck et al., EMNLP 2022)
compares words instead of places and averages per document: for generated reports, which have other
places. A document where both sides are empty counts 0 there, as in the published code.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import NamedTuple

from radkg.metrics.triplets import Score, score
from radkg.schema.records import Extraction, Label, RelationType


class Mention(NamedTuple):
    """An entity: its place, its words lower-cased, its label."""

    start: int | None
    end: int | None
    text: str
    label: Label

    @property
    def place(self) -> Hashable:
        """Return what must agree in a strict match: the span and the label."""
        return (self.start, self.end, self.label)


@dataclass(frozen=True, slots=True)
class Graph:
    """The entities of one document and the relations between them, by their indices."""

    entities: tuple[Mention, ...]
    relations: tuple[tuple[int, int, RelationType], ...]


class StrictScores(NamedTuple):
    """Micro scores where spans, labels and types must agree."""

    entities: Score
    relations: Score
    per_relation: dict[str, Score]
    relaxed: Score  # both spans, whatever the labels and the type


class RadGraphF1(NamedTuple):
    """Means over documents, in [0, 1]: words and label; with has-relation flag; with relations."""

    simple: float
    partial: float
    complete: float


def to_graph(extraction: Extraction) -> Graph:
    """Return the graph of an extraction."""
    return Graph(
        tuple(
            Mention(e.start, e.end, " ".join(e.text.lower().split()), e.label)
            for e in extraction.entities
        ),
        tuple((r.head, r.tail, r.relation) for r in extraction.relations),
    )


def score_strict(gold: Sequence[Graph], predicted: Sequence[Graph]) -> StrictScores:
    """Return the strict scores, as DyGIE++ counts them.

    Raises:
        ValueError: the sequences differ in length.
    """
    ours, theirs = [list_links(g) for g in gold], [list_links(p) for p in predicted]
    kinds = sorted({kind for found in ours + theirs for _, kind, _ in found})
    return StrictScores(
        entities=score([_places(g) for g in gold], [_places(p) for p in predicted]),
        relations=score(ours, theirs),
        per_relation={
            kind: score(
                [{link for link in found if link[1] == kind} for found in ours],
                [{link for link in found if link[1] == kind} for found in theirs],
            )
            for kind in kinds
        },
        relaxed=score([_pairs(g) for g in gold], [_pairs(p) for p in predicted]),
    )


def score_radgraph(gold: Sequence[Graph], predicted: Sequence[Graph]) -> RadGraphF1:
    """Return F1-RadGraph in its three strengths, 0 for a document where either side is empty.

    Raises:
        ValueError: the sequences differ in length or are empty.
    """
    if not gold:
        raise ValueError("F1-RadGraph needs at least one document")
    each = [score_document(g, p) for g, p in zip(gold, predicted, strict=True)]
    return RadGraphF1(*(sum(column) / len(each) for column in zip(*each, strict=True)))


def score_document(gold: Graph, predicted: Graph) -> RadGraphF1:
    """Return F1-RadGraph of one document; 0 where either side is empty."""
    if not gold.entities or not predicted.entities:
        return RadGraphF1(0.0, 0.0, 0.0)
    strengths = (_simple, list_related, _complete)
    return RadGraphF1(*(score([of(gold)], [of(predicted)]).f1 for of in strengths))


def _places(graph: Graph) -> AbstractSet[Hashable]:
    return {mention.place for mention in graph.entities}


def list_links(graph: Graph) -> set[tuple[Hashable, RelationType, Hashable]]:
    """Return the relations by the places of their ends: what must agree in a strict match."""
    entities = graph.entities
    return {(entities[h].place, kind, entities[t].place) for h, t, kind in graph.relations}


def _pairs(graph: Graph) -> AbstractSet[Hashable]:
    spans = [(mention.start, mention.end) for mention in graph.entities]
    return {(spans[h], spans[t]) for h, t, _ in graph.relations}


def _simple(graph: Graph) -> AbstractSet[Hashable]:
    return {(mention.text, mention.label) for mention in graph.entities}


def list_related(graph: Graph) -> AbstractSet[Hashable]:
    """Return words and label of each entity, and whether it has a relation: what rg_er compares."""
    heads = {head for head, _, _ in graph.relations}
    return {(m.text, m.label, i in heads) for i, m in enumerate(graph.entities)}


def _complete(graph: Graph) -> AbstractSet[Hashable]:
    """Return an entity with each of its relations; one without a relation stands alone."""
    heads = {head for head, _, _ in graph.relations}
    alone = {(m.text, m.label) for i, m in enumerate(graph.entities) if i not in heads}
    entities = graph.entities
    related = {
        (entities[h].text, entities[h].label, kind, entities[t].text)
        for h, t, kind in graph.relations
    }
    return alone | related
