"""The figures of the target `radgraph`, each with an interval over texts drawn again."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any, get_args

from radkg.metrics.calibration import Bin, Pair, bin_by_confidence, compute_calibration_error
from radkg.metrics.figures import estimate_rate, measure_calibration, round_interval, round_scores
from radkg.metrics.graph_match import (
    ENTITY_MATCHES,
    RELATION_MATCHES,
    Match,
    count_labels,
    keep_label,
    keep_relation,
    list_entities,
    list_relations,
)
from radkg.metrics.radgraph_f1 import Graph, score_radgraph, to_graph
from radkg.metrics.triplets import Score, bootstrap_f1, resample
from radkg.schema.records import LABELS, RELATIONS, Extraction, Label

POLARITIES: tuple[Label, ...] = tuple(label for label in get_args(Label) if label != "ANAT-DP")
NUM_BINS = 10


def score_graphs(gold: Sequence[Graph], found: Sequence[Graph]) -> dict[str, Any]:
    """Return entities, relations, polarity and F1-RadGraph of found graphs against gold ones."""
    return {
        "entities": {n: _measure(m, gold, found) for n, m in ENTITY_MATCHES.items()},
        "relations": {n: _measure(m, gold, found) for n, m in RELATION_MATCHES.items()},
        "polarity": _measure_polarity(gold, found),
        "f1_radgraph": {n: round(v, 4) for n, v in score_radgraph(gold, found)._asdict().items()},
    }


def score_names(gold: Sequence[Graph], found: Sequence[Graph]) -> dict[str, Any]:
    """Return the scores of each label and of each type of relation, exact and overlapping."""
    per_label, per_relation = {}, {}
    for label in LABELS:
        ours, theirs = ([keep_label(g, label) for g in side] for side in (gold, found))
        per_label[label] = {n: _measure(m, ours, theirs) for n, m in ENTITY_MATCHES.items()}
    for kind in RELATIONS:
        ours, theirs = ([keep_relation(g, kind) for g in side] for side in (gold, found))
        per_relation[kind] = {n: _measure(m, ours, theirs) for n, m in RELATION_MATCHES.items()}
    return {"per_label": per_label, "per_relation": per_relation}


def score_styles(
    styles: Sequence[str | None], gold: Sequence[Graph], found: Sequence[Graph]
) -> dict[str, Any]:
    """Return the exact scores of the texts of each style that the gold names, sorted."""
    scores = {}
    for style in sorted({style for style in styles if style is not None}):
        chosen = [i for i, each in enumerate(styles) if each == style]
        ours, theirs = [gold[i] for i in chosen], [found[i] for i in chosen]
        scores[style] = {
            "texts": len(chosen),
            "entities": _measure(ENTITY_MATCHES["exact"], ours, theirs),
            "relations": _measure(RELATION_MATCHES["exact"], ours, theirs),
        }
    return scores


def measure_confidence(gold: Sequence[Graph], rows: Sequence[Extraction]) -> dict[str, Any]:
    """Return how far the confidences of entities and of relations can be believed."""
    entities: list[list[Pair]] = []
    relations: list[list[Pair]] = []
    for graph, row in zip(gold, rows, strict=True):
        right, linked = list_entities(graph), list_relations(graph)
        mentions = to_graph(row).entities
        places = [None if m.start is None or m.end is None else (m.start, m.end) for m in mentions]
        entities.append(
            [
                (e.confidence, (place, e.label) in right)
                for e, place in zip(row.entities, places, strict=True)
                if place
            ]
        )
        relations.append(
            [
                (r.confidence, (places[r.head], r.relation, places[r.tail]) in linked)
                for r in row.relations
                if places[r.head] and places[r.tail]
            ]
        )
    return {"entities": _calibrate(entities), "relations": _calibrate(relations)}


def _measure(match: Match, gold: Sequence[Graph], found: Sequence[Graph]) -> dict[str, Any]:
    scores = [match(g, f) for g, f in zip(gold, found, strict=True)]
    total = sum(scores, Score(0, 0, 0))
    return {
        "gold": total.gold,
        "found": total.predicted,
        **round_scores(total),
        "f1_interval_95": round_interval(bootstrap_f1(scores)),
    }


def _measure_polarity(gold: Sequence[Graph], found: Sequence[Graph]) -> dict[str, Any]:
    """Return how often the polarity is right where both sides mark an observation on one span."""
    tables = [count_labels(g, f) for g, f in zip(gold, found, strict=True)]
    counts = []
    for table in tables:
        judged = {p: n for p, n in table.items() if set(p) <= set(POLARITIES)}
        right = sum(n for (ours, theirs), n in judged.items() if ours == theirs)
        counts.append((right, sum(judged.values())))
    total: Counter[tuple[Label, Label]] = sum(tables, Counter())
    return {
        **estimate_rate(counts),
        "table": {ours: {theirs: total[ours, theirs] for theirs in LABELS} for ours in LABELS},
    }


def _calibrate(texts: Sequence[Sequence[Pair]]) -> dict[str, Any]:
    """Return the reliability table and the expected calibration error with its interval."""
    measured = measure_calibration([pair for pairs in texts for pair in pairs])
    sums = [_sum_by_bin(bin_by_confidence(pairs, NUM_BINS)) for pairs in texts]
    interval = resample(sums, _compute_error_of_sums)
    return {
        "of": sum(len(pairs) for pairs in texts),
        "interval_95": round_interval(interval),
        **measured,
    }


def _sum_by_bin(bins: Sequence[Bin]) -> tuple[float, ...]:
    """Return count, sum of confidences and number right of each bin, one bin after another."""
    return tuple(
        value
        for b in bins
        for value in (b.count, b.count * (b.confidence or 0.0), b.count * (b.accuracy or 0.0))
    )


def _compute_error_of_sums(sums: Sequence[float]) -> float:
    bins = []
    for i in range(NUM_BINS):
        count, confidence, right = sums[3 * i : 3 * i + 3]
        mean, share = (confidence / count, right / count) if count else (None, None)
        bins.append(Bin(i / NUM_BINS, (i + 1) / NUM_BINS, round(count), mean, share))
    return compute_calibration_error(bins)
