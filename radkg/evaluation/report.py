"""One extractor against a bench: the report of `radkg evaluate`, as JSON-ready values."""

from __future__ import annotations

from typing import Any

from radkg.errors import ConfigError, ExtractorError
from radkg.evaluation.bench import Bench, check_split
from radkg.evaluation.coding import codes_report
from radkg.evaluation.copying import copy_report, extractions_of
from radkg.evaluation.definitions import CODES, COPY, PUBLISHED
from radkg.evaluation.floors import FLOORS, Floors, answer_of
from radkg.evaluation.readers import apply_condition, read_codes
from radkg.evaluation.reference import Answer, text_rows
from radkg.extractor import ChoosesCondition, CodesReader, Extractor, load_extractor
from radkg.metrics import bootstrap, by_relation, relaxed, score
from radkg.metrics.figures import counted, rounded, scores
from radkg.schema.linearize import TARGETS, Target
from radkg.schema.records import CONDITIONS, Condition


def report(
    bench: Bench,
    extractor: str | Extractor | CodesReader,
    *,
    target: Target = "copy",
    condition: Condition | None = None,
    floors: Floors | None = None,
) -> dict[str, Any]:
    """Return the scores of an extractor; arguments and errors as of `evaluate`."""
    check_question(bench.split, target, condition, floors, bench.images)
    reader: Any = extractor
    if extractor == "ngram":
        reader = bench.ngram
    elif isinstance(extractor, str):
        reader = load_extractor(extractor, condition)
    if target == "codes" and bench.images is None and isinstance(reader, ChoosesCondition):
        condition = condition or "report"  # what is not given cannot be used
    reader = apply_condition(reader, condition)
    answers, failed, own = (_coded if target == "codes" else _copied)(bench, reader)
    gold_findings = [known.answer.findings for known in bench.yard]
    gold_triplets = [known.answer.triplets for known in bench.yard]
    findings, triplets = [a.findings for a in answers], [a.triplets for a in answers]
    by_class = {
        name: score([g & {name} for g in gold_findings], [f & {name} for f in findings])
        for name in sorted(bench.filing.classes)
    }
    return {
        "findings": scores(score(gold_findings, findings)),
        "triplets": scores(score(gold_triplets, triplets)),
        "normal_reports": own.pop("normal_reports"),
        "floors": bench.floors(floors or ("all" if target == "codes" else "quick")),
        "published": PUBLISHED,
        "intervals_95": {
            "findings_f1": rounded(bootstrap(gold_findings, findings)),
            "triplets_f1": rounded(bootstrap(gold_triplets, triplets)),
            "false_triplet_rate": own.pop("false_interval"),
        },
        "triplets_relaxed": scores(relaxed(gold_triplets, triplets)),
        "per_relation": counted(by_relation(gold_triplets, triplets)),
        "text_metrics": text_rows(bench.yard, answers),
        **own,
        "classes": counted(by_class),
        "archive": bench.archive,
        "split": bench.split,
        "target": target,
        "condition": own.get("condition", reader.condition),
        "studies": len(bench.coded.studies),
        "without_image": None if bench.images is None else bench.without_image,
        "failed": failed,
        "extractor": reader.name,
        "model_id": reader.model_id,
        "definitions": CODES if target == "codes" else COPY,
    }


def check_question(
    split: str,
    target: str = "copy",
    condition: str | None = None,
    floors: str | None = None,
    images: str | None = None,
) -> None:
    """Refuse a question that cannot be asked.

    Raises:
        ConfigError: the condition needs images, and none are given.
        ValueError: split, target, condition or floors has no such name.
    """
    check_split(split)
    if target not in TARGETS:
        raise ValueError(f"target {target!r} is none of {TARGETS}")
    if condition is not None and condition not in CONDITIONS:
        raise ValueError(f"condition {condition!r} is none of {CONDITIONS}")
    if floors is not None and floors not in FLOORS:
        raise ValueError(f"floors {floors!r} is none of {FLOORS}")
    if condition not in (None, "report") and images is None:
        raise ConfigError(f"--condition {condition} needs --images: a directory with the images")


def _coded(bench: Bench, reader: Any) -> tuple[list[Answer], int, dict[str, Any]]:
    """Return the answers of a reader of codes, how many studies failed, and its own figures."""
    if not isinstance(reader, CodesReader):
        raise ExtractorError(
            f"extractor {reader.name} writes no codes: --target copy files what it extracts"
        )
    read = read_codes(reader, bench.coded.studies)
    answers = [answer_of(codes, bench.filing) for codes in read]
    own = codes_report(read, answers, bench.filing.classes, bench.yard)
    return answers, sum(codes is None for codes in read), own


def _copied(bench: Bench, reader: Any) -> tuple[list[Answer], int, dict[str, Any]]:
    """Return what would be filed for extractions, how many failed, and their own figures."""
    if not callable(reader):
        raise ExtractorError(f"extractor {reader.name} extracts nothing: --target codes")
    rows = extractions_of(reader, bench.coded.studies)
    answers = [
        Answer(bench.filing.predict_findings(row), bench.filing.predict_triplets(row))
        for row in rows
    ]
    own = copy_report(bench, reader, rows, answers)
    return answers, sum(row.status == "failed" for row in rows), own
