"""Target `copy`: an extraction states what the report says; it is filed as the coders would.

By habits counted on the training split with the rules as reader (gold/filing.py), so that
every extractor meets the same yardstick. The codes name the salient present findings only:
precision is bounded by what the coders left out, and nothing is measured on them of suggestive_of
or of spans. For those an extractor that is not the rules is compared with the rules: silver.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from radkg.evaluation.bench import Bench
from radkg.evaluation.errors import error_counts
from radkg.evaluation.reference import (
    Answer,
    Count,
    Yardstick,
    one_name,
    polarities,
    text_row,
    unsupported,
)
from radkg.evaluation.unseen import silver_report, unseen_sentences
from radkg.extractor import Extractor, extract_rows
from radkg.gold.statements import NORMALITY
from radkg.metrics import bootstrap_rate, score
from radkg.metrics.figures import rate_with_interval, rounded, scores
from radkg.metrics.text import text_score
from radkg.rules import RulesExtractor
from radkg.rules.lexicon import load_lexicon
from radkg.schema.records import Extraction, Study

_FINDING_KINDS = frozenset({"finding", "quality"})
_BATCH = 500  # studies handed to the extractor at a time


def extractions_of(extractor: Extractor, studies: Sequence[Study]) -> list[Extraction]:
    """Return one checked row per study; a study that fails is a failed row."""
    return [
        row
        for start in range(0, len(studies), _BATCH)
        for row in extract_rows(extractor, studies[start : start + _BATCH])
    ]


def copy_report(
    bench: Bench, extractor: Extractor, rows: Sequence[Extraction], answers: Sequence[Answer]
) -> dict[str, Any]:
    """Return the parts of the report that only this target has."""
    coded, training, filing, yard = bench.coded, bench.training, bench.filing, bench.yard
    stated = [filing.list_certain_triplets(row) for row in rows]
    pairs = list(zip(rows, yard, strict=True))
    false = [(int(asserts_finding(row)), 1) for row, known in pairs if known.is_normal]
    conditions = {row.condition for row in rows if row.status != "failed"}
    report: dict[str, Any] = {
        "condition": conditions.pop() if len(conditions) == 1 else extractor.condition,
        "normal_reports": {"total": len(false), "with_false_triplet": sum(n for n, _ in false)},
        "triplets_as_stated": scores(score([k.answer.triplets for k in yard], stated)),
        "uncertain_counts_for": sorted(filing.doubted),
        "false_interval": rounded(bootstrap_rate(false)) if false else None,
        "rates": {
            "validity": rate_with_interval([(int(row.status != "failed"), 1) for row in rows]),
            "hallucination": {
                "codes": rate_with_interval(unsupported(yard, answers, by_codes=True)),
                "report": rate_with_interval(unsupported(yard, answers, by_codes=False)),
            },
            "contradiction": {"codes": rate_with_interval(_denied_but_coded(rows, yard))},
        },
        "errors": {
            name: asdict(counts)
            for name, counts in error_counts(rows, yard, filing.classes).items()
        },
        "silver": None,
        "calibration": None,
    }
    teacher = RulesExtractor()
    if extractor.model_id == teacher.model_id:  # the rules agree with themselves
        return report
    readings = teacher(coded.studies)
    rates = report["rates"]
    rates["contradiction"]["silver"] = rate_with_interval(_flipped(rows, readings))
    rates["hallucination"]["silver"] = rate_with_interval(_invented(rows, readings, yard))
    sentences = unseen_sentences(
        (*training.studies, *training.uncoded), (*coded.studies, *coded.uncoded)
    )
    if sentences and extractor.condition != "image":  # a sentence has no image
        silver = silver_report(extractor, sentences)
        report["calibration"] = silver.pop("calibration")
        report["silver"] = {**silver, "text_metrics": _text(rows, readings)}
    return report


def asserts_finding(extraction: Extraction) -> bool:
    """Tell whether any relation of the extraction asserts a finding, as certain, as not normal."""
    entities, kinds = extraction.entities, load_lexicon().kinds
    called_normal = {r.tail for r in extraction.relations if entities[r.head].concept in NORMALITY}

    def is_finding(i: int) -> bool:
        concept = entities[i].concept
        is_finding_word = concept not in kinds or not _FINDING_KINDS.isdisjoint(kinds[concept])
        return entities[i].label == "OBS-DP" and is_finding_word

    return any(
        (is_finding(r.head) or is_finding(r.tail)) and called_normal.isdisjoint((r.head, r.tail))
        for r in extraction.relations
    )


def _denied_but_coded(rows: Sequence[Extraction], yard: Yardstick) -> list[Count]:
    counts = []
    for row, known in zip(rows, yard, strict=True):
        denied = polarities(row)[1]
        counts.append((len(denied & known.answer.findings), len(denied)))
    return counts


def _flipped(rows: Sequence[Extraction], readings: Sequence[Extraction]) -> list[Count]:
    counts = []
    for row, reading in zip(rows, readings, strict=True):
        present, absent = polarities(row)
        is_present, is_absent = polarities(reading)
        flips = len(present & is_absent) + len(absent & is_present)
        counts.append((flips, len((present | absent) & (is_present | is_absent))))
    return counts


def _invented(
    rows: Sequence[Extraction], readings: Sequence[Extraction], yard: Yardstick
) -> list[Count]:
    counts = []
    for row, reading, known in zip(rows, readings, yard, strict=True):
        names = {one_name(e.concept) for e in reading.entities} | known.coded
        ends = [
            {one_name(row.entities[i].concept) for i in (r.head, r.tail)} for r in row.relations
        ]
        counts.append((sum(not pair <= names for pair in ends), len(ends)))
    return counts


def _text(rows: Sequence[Extraction], readings: Sequence[Extraction]) -> list[dict[str, Any]]:
    gold, found = ([row.triplets() for row in side] for side in (readings, rows))
    return [
        {"of": "prediction", **text_row(text_score(gold, found))},
        {"of": "prediction", **text_row(text_score(gold, found, form="plain"))},
        {"of": "prediction", **text_row(text_score(gold, found, order="sorted"))},
        {"of": "prediction", **text_row(text_score(gold, found, order="shuffled"))},
        {"of": "gold", **text_row(text_score(gold, gold, order="shuffled"))},
    ]
