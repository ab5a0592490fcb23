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
from radkg.metrics.figures import calibration, counted, rounded, scores
from radkg.metrics.radgraph_f1 import Graph, graph_of, links, radgraph_f1, strict_f1
from radkg.rules import RulesExtractor
from radkg.schema.records import Extraction, Section, Study
from radkg.train.silver import archive_sentences


def unseen_sentences(training: Iterable[Study], studies: Iterable[Study]) -> list[str]:
    """Return the sentences of `studies` that stand in no training study, each once, sorted."""
    seen = {_plain(sentence) for sentence in archive_sentences(training)}
    found: dict[str, str] = {}
    for sentence in sorted(archive_sentences(studies)):
        if _plain(sentence) not in seen:
            found.setdefault(_plain(sentence), sentence)
    return list(found.values())


def silver_report(extractor: Extractor, sentences: Sequence[str]) -> dict[str, Any]:
    """Return the agreement of an extractor with the rules, with its calibration."""
    studies = [_as_study(i, sentence) for i, sentence in enumerate(sentences)]
    rows, teacher = extract_rows(extractor, studies), RulesExtractor()(studies)
    found, gold = [graph_of(row) for row in rows], [graph_of(row) for row in teacher]
    strict = strict_f1(gold, found)
    words = radgraph_f1(gold, found)
    interval = bootstrap([links(graph) for graph in gold], [links(graph) for graph in found])
    return {
        "sentences": len(sentences),
        "failed": sum(row.status == "failed" for row in rows),
        "entities": scores(strict.entities),
        "triplets": scores(strict.relations),
        "triplets_relaxed": scores(strict.relaxed),
        "per_relation": counted(strict.per_relation),
        "intervals_95": {"triplets_f1": rounded(interval)},
        "f1_radgraph": {name: round(value, 4) for name, value in words._asdict().items()},
        "calibration": calibration(_pairs(rows, gold)),
    }


def _pairs(rows: Sequence[Extraction], gold: Sequence[Graph]) -> list[tuple[float, bool]]:
    """Return the confidence of each relation and whether the rules have it too."""
    pairs = []
    for row, graph in zip(rows, gold, strict=True):
        known, entities = links(graph), graph_of(row).entities
        for r in row.relations:
            link = (entities[r.head].place, r.relation, entities[r.tail].place)
            pairs.append((r.confidence, link in known))
    return pairs


def _as_study(number: int, sentence: str) -> Study:
    section = Section("findings", 0, len(sentence))
    name = f"sentence-{number}"
    return Study(name, name, "sentences", None, sentence, (section,), (), None, name)


def _plain(sentence: str) -> str:
    return " ".join(sentence.lower().split())
