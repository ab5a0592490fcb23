"""Target `copy`: an extraction states what the report says; it is filed as the coders would.

Habits are counted on the training split with the rules as reader (gold/filing.py), so that every
extractor is held against the same references. The codes name the salient present findings only:
precision is bounded by what the coders left out, and nothing is measured on them of suggestive_of
or of spans. For those an extractor that is not the rules is compared with the rules: silver.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from radkg.evaluation.errors import count_errors
from radkg.evaluation.evaluation_set import EvaluationSet
from radkg.evaluation.reference import (
    Answer,
    Count,
    References,
    count_unsupported,
    split_by_polarity,
    to_text_score,
    unify_anatomy,
)
from radkg.evaluation.unseen import list_unseen_sentences, make_silver_report
from radkg.extractor import Extractor, extract_rows
from radkg.gold.statements import NORMALITY
from radkg.metrics import bootstrap_rate, score
from radkg.metrics.figures import estimate_rate, round_interval, round_scores
from radkg.metrics.text import score_text
from radkg.rules import RulesExtractor
from radkg.rules.lexicon import load_lexicon
from radkg.schema.records import Extraction, Study, Unreadable

_FINDING_KINDS = frozenset({"finding", "quality"})
_BATCH = 500  # studies handed to the extractor at a time


def extract_all(extractor: Extractor, studies: Sequence[Study | Unreadable]) -> list[Extraction]:
    """Return one checked row per study; a study that fails is a failed row."""
    return [
        row
        for start in range(0, len(studies), _BATCH)
        for row in extract_rows(extractor, studies[start : start + _BATCH])
    ]


def make_copy_report(
    eval_set: EvaluationSet,
    extractor: Extractor,
    rows: Sequence[Extraction],
    answers: Sequence[Answer],
) -> dict[str, Any]:
    """Return the parts of the report that only this target has."""
    coded, training, filing, references = (
        eval_set.coded,
        eval_set.training,
        eval_set.filing,
        eval_set.references,
    )
    stated = [filing.list_certain_triplets(row) for row in rows]
    pairs = list(zip(rows, references, strict=True))
    false = [(int(has_asserted_finding(row)), 1) for row, known in pairs if known.is_normal]
    conditions = {row.condition for row in rows if row.status != "failed"}
    report: dict[str, Any] = {
        "condition": conditions.pop() if len(conditions) == 1 else extractor.condition,
        "normal_reports": {"total": len(false), "with_false_triplet": sum(n for n, _ in false)},
        "triplets_as_stated": round_scores(score([k.answer.triplets for k in references], stated)),
        "uncertain_counts_for": sorted(filing.doubted),
        "false_interval": round_interval(bootstrap_rate(false)) if false else None,
        "rates": {
            "validity": estimate_rate([(int(row.status != "failed"), 1) for row in rows]),
            "hallucination": {
                "codes": estimate_rate(count_unsupported(references, answers, by_codes=True)),
                "report": estimate_rate(count_unsupported(references, answers, by_codes=False)),
            },
            "contradiction": {"codes": estimate_rate(_denied_but_coded(rows, references))},
        },
        "errors": {
            name: asdict(counts)
            for name, counts in count_errors(rows, references, filing.classes).items()
        },
        "silver": None,
        "calibration": None,
    }
    teacher = RulesExtractor()
    if extractor.model_id == teacher.model_id:  # the rules agree with themselves
        return report
    readings = teacher(coded.studies)
    rates = report["rates"]
    rates["contradiction"]["silver"] = estimate_rate(_flipped(rows, readings))
    rates["hallucination"]["silver"] = estimate_rate(_invented(rows, readings, references))
    sentences = list_unseen_sentences(
        (*training.studies, *training.uncoded), (*coded.studies, *coded.uncoded)
    )
    if sentences and extractor.condition != "image":  # a sentence has no image
        silver = make_silver_report(extractor, sentences)
        report["calibration"] = silver.pop("calibration")
        report["silver"] = {**silver, "text_metrics": _text(rows, readings)}
    return report


def has_asserted_finding(extraction: Extraction) -> bool:
    """Tell whether any relation of the extraction asserts a finding, as certain, as not normal."""
    entities, kinds = extraction.entities, load_lexicon().kinds
    states_normality = {i for i, e in enumerate(entities) if e.concept in NORMALITY}
    called_normal = {r.tail for r in extraction.relations if r.head in states_normality}
    passed_over = states_normality | called_normal

    def is_finding(i: int) -> bool:
        concept = entities[i].concept
        is_finding_word = concept not in kinds or not _FINDING_KINDS.isdisjoint(kinds[concept])
        return entities[i].label == "OBS-DP" and is_finding_word

    return any(
        (is_finding(r.head) or is_finding(r.tail)) and passed_over.isdisjoint((r.head, r.tail))
        for r in extraction.relations
    )


def _denied_but_coded(rows: Sequence[Extraction], references: References) -> list[Count]:
    counts = []
    for row, known in zip(rows, references, strict=True):
        denied = split_by_polarity(row)[1]
        counts.append((len(denied & known.answer.findings), len(denied)))
    return counts


def _flipped(rows: Sequence[Extraction], readings: Sequence[Extraction]) -> list[Count]:
    counts = []
    for row, reading in zip(rows, readings, strict=True):
        present, absent = split_by_polarity(row)
        is_present, is_absent = split_by_polarity(reading)
        flips = len(present & is_absent) + len(absent & is_present)
        counts.append((flips, len((present | absent) & (is_present | is_absent))))
    return counts


def _invented(
    rows: Sequence[Extraction], readings: Sequence[Extraction], references: References
) -> list[Count]:
    counts = []
    for row, reading, known in zip(rows, readings, references, strict=True):
        names = {unify_anatomy(e.concept) for e in reading.entities} | known.coded
        ends = [
            {unify_anatomy(row.entities[i].concept) for i in (r.head, r.tail)}
            for r in row.relations
        ]
        counts.append((sum(not pair <= names for pair in ends), len(ends)))
    return counts


def _text(rows: Sequence[Extraction], readings: Sequence[Extraction]) -> list[dict[str, Any]]:
    gold, found = ([row.list_triplets() for row in side] for side in (readings, rows))
    return [
        {"of": "prediction", **to_text_score(score_text(gold, found))},
        {"of": "prediction", **to_text_score(score_text(gold, found, form="plain"))},
        {"of": "prediction", **to_text_score(score_text(gold, found, order="sorted"))},
        {"of": "prediction", **to_text_score(score_text(gold, found, order="shuffled"))},
        {"of": "gold", **to_text_score(score_text(gold, gold, order="shuffled"))},
    ]
