"""Score answers against the human codes, with bootstrap intervals; and make the two floors."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from typing import TypeVar

from radkg.evaluation.floors import make_quick_answers
from radkg.evaluation.reference import Answer, Reference, count_false_on_normal, count_unsupported
from radkg.experiments.study_sets import StudySet
from radkg.experiments.table import Figure
from radkg.gold.filing import Filing, list_gold_findings, list_gold_triplets
from radkg.metrics import bootstrap, bootstrap_rate, score
from radkg.schema.records import RELATIONS

Figures = dict[str, Figure | None]
Fact = TypeVar("Fact", bound=tuple[object, object, object])  # head, relation, tail
TRIPLETS, FINDINGS, NORMAL = "triplet F1", "findings F1", "false on normal"
BY_CODES, BY_REPORT = "hallucination, codes", "hallucination, report"


def score_codes(references: Sequence[Reference], answers: Sequence[Answer]) -> Figures:
    """Return the figures of codes; evaluation/definitions.py defines each figure."""
    gold, predicted = [k.answer.triplets for k in references], [a.triplets for a in answers]
    pairs = list(zip(gold, predicted, strict=True))
    figures: Figures = {
        TRIPLETS: score_f1(gold, predicted),
        "triplet precision": score_share([(len(g & s), len(s)) for g, s in pairs]),
        "triplet recall": score_share([(len(g & s), len(g)) for g, s in pairs]),
        FINDINGS: score_f1([k.answer.findings for k in references], [a.findings for a in answers]),
        BY_CODES: score_share(count_unsupported(references, answers, by_codes=True)),
        BY_REPORT: score_share(count_unsupported(references, answers, by_codes=False)),
        NORMAL: score_share(count_false_on_normal(references, answers)),
    }
    figures |= score_relations(gold, predicted)
    return figures


def score_relations(
    gold: Sequence[AbstractSet[Fact]], predicted: Sequence[AbstractSet[Fact]]
) -> Figures:
    """Return the F1 of each relation; None where the gold has no such relation."""
    found: Figures = {}
    for name in RELATIONS:
        one = [{t for t in triplets if t[1] == name} for triplets in gold]
        other = [{t for t in triplets if t[1] == name} for triplets in predicted]
        found[f"{name} F1"] = score_f1(one, other)
    return found


def score_f1(
    gold: Sequence[AbstractSet[object]], predicted: Sequence[AbstractSet[object]]
) -> Figure | None:
    """Return micro F1 with its interval over studies; None where the gold is empty."""
    counts = score(gold, predicted)
    if not counts.gold:
        return None
    return Figure(counts.f1, *bootstrap(gold, predicted), counts.gold)


def score_share(counts: Sequence[tuple[int, int]]) -> Figure | None:
    """Return a rate with its interval over studies; None where nothing is counted."""
    total = sum(of for _, of in counts)
    if not total:
        return None
    return Figure(sum(n for n, _ in counts) / total, *bootstrap_rate(counts), total)


def make_floors(training: StudySet, scored: StudySet, filing: Filing) -> dict[str, list[Answer]]:
    """Return two floors that look at nothing: the best fixed answer and the most frequent one."""
    constant = make_quick_answers(filing, training.coded, scored.studies)["constant"]
    counts = Counter(
        Answer(list_gold_findings(gold) & filing.classes, list_gold_triplets(gold))
        for gold in training.golds
    )
    ((majority, _),) = counts.most_common(1)
    return {"constant": constant, "majority": [majority] * len(scored)}
