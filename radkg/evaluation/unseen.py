"""Agreement with the rules on sentences that training has not seen, strict on spans and labels.

Silver: it says how well an extractor imitates the rules, not how right it is. A sentence is read as
a report of its own; sentences of the test split that occur in no training report are taken once,
capitals and blanks apart.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from radkg.extractor import Extractor, extract_rows
from radkg.metrics import bootstrap
from radkg.metrics.figures import (
    measure_calibration,
    round_interval,
    round_scores,
    round_scores_by_name,
)
from radkg.metrics.radgraph_f1 import Graph, list_links, score_radgraph, score_strict, to_graph
from radkg.rules import RulesExtractor
from radkg.schema.records import Extraction, Section, Study
from radkg.train.silver import count_sentences


def list_unseen_sentences(training: Iterable[Study], studies: Iterable[Study]) -> list[str]:
    """Return the sentences of `studies` that stand in no training study, each once, sorted."""
    seen = {_plain(sentence) for sentence in count_sentences(training)}
    found: dict[str, str] = {}
    for sentence in sorted(count_sentences(studies)):
        if _plain(sentence) not in seen:
            found.setdefault(_plain(sentence), sentence)
    return list(found.values())


def make_silver_report(extractor: Extractor, sentences: Sequence[str]) -> dict[str, Any]:
    """Return the agreement of an extractor with the rules, with its calibration."""
    studies = [make_sentence_study(i, sentence) for i, sentence in enumerate(sentences)]
    rows, teacher = extract_rows(extractor, studies), RulesExtractor()(studies)
    found, gold = [to_graph(row) for row in rows], [to_graph(row) for row in teacher]
    strict = score_strict(gold, found)
    words = score_radgraph(gold, found)
    interval = bootstrap(
        [list_links(graph) for graph in gold], [list_links(graph) for graph in found]
    )
    return {
        "sentences": len(sentences),
        "failed": sum(row.status == "failed" for row in rows),
        "entities": round_scores(strict.entities),
        "triplets": round_scores(strict.relations),
        "triplets_relaxed": round_scores(strict.relaxed),
        "per_relation": round_scores_by_name(strict.per_relation),
        "intervals_95": {"triplets_f1": round_interval(interval)},
        "f1_radgraph": {name: round(value, 4) for name, value in words._asdict().items()},
        "calibration": measure_calibration(_pairs(rows, gold)),
    }


def _pairs(rows: Sequence[Extraction], gold: Sequence[Graph]) -> list[tuple[float, bool]]:
    """Return the confidence of each relation and whether the rules have it too."""
    pairs = []
    for row, graph in zip(rows, gold, strict=True):
        known, entities = list_links(graph), to_graph(row).entities
        for r in row.relations:
            link = (entities[r.head].place, r.relation, entities[r.tail].place)
            pairs.append((r.confidence, link in known))
    return pairs


def make_sentence_study(number: int, sentence: str) -> Study:
    """Return a sentence as a study of its own, all findings."""
    section = Section("findings", 0, len(sentence))
    name = f"sentence-{number}"
    return Study(name, name, "sentences", None, sentence, (section,), (), None, name)


def _plain(sentence: str) -> str:
    return " ".join(sentence.lower().split())
