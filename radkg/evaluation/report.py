"""One extractor on an evaluation set: the report of `radkg evaluate`, as JSON-ready values."""

from __future__ import annotations

from typing import Any

from radkg.errors import ConfigError, ExtractorError
from radkg.evaluation.coding import make_codes_report
from radkg.evaluation.copying import extract_all, make_copy_report
from radkg.evaluation.definitions import CODES, COPY, PUBLISHED
from radkg.evaluation.evaluation_set import EvaluationSet, check_split
from radkg.evaluation.floors import FLOORS, Floors, shuffle_answers, to_answer
from radkg.evaluation.readers import apply_condition, read_codes
from radkg.evaluation.reference import Answer, list_text_scores, score_floor
from radkg.extractor import ChoosesCondition, CodesReader, Extractor, load_extractor
from radkg.metrics import bootstrap, score, score_by_relation, score_relaxed
from radkg.metrics.figures import round_interval, round_scores, round_scores_by_name
from radkg.schema.linearize import TARGETS, Target
from radkg.schema.records import CONDITIONS, Condition


def make_report(
    eval_set: EvaluationSet,
    extractor: str | Extractor | CodesReader,
    *,
    target: Target = "copy",
    condition: Condition | None = None,
    floors: Floors | None = None,
) -> dict[str, Any]:
    """Return the scores of an extractor; arguments and errors as of `evaluate`."""
    check_question(eval_set.split, target, condition, floors, eval_set.images)
    reader: Any = extractor
    if extractor == "ngram":
        reader = eval_set.ngram
    elif isinstance(extractor, str):
        reader = load_extractor(extractor, condition)
    if target == "codes" and eval_set.images is None and isinstance(reader, ChoosesCondition):
        condition = condition or "report"  # what is not given cannot be used
    reader = apply_condition(reader, condition)
    answers, failed, own = (_coded if target == "codes" else _copied)(eval_set, reader)
    gold_findings = [known.answer.findings for known in eval_set.references]
    gold_triplets = [known.answer.triplets for known in eval_set.references]
    findings, triplets = [a.findings for a in answers], [a.triplets for a in answers]
    read_under = own.get("condition", reader.condition)
    scored_floors = eval_set.score_floors(floors or ("all" if target == "codes" else "quick"))
    if read_under == "image":  # what the images add to knowing how often each code is given
        scored_floors["other_image"] = score_floor(eval_set.references, shuffle_answers(answers))
    by_class = {
        name: score([g & {name} for g in gold_findings], [f & {name} for f in findings])
        for name in sorted(eval_set.filing.classes)
    }
    return {
        "findings": round_scores(score(gold_findings, findings)),
        "triplets": round_scores(score(gold_triplets, triplets)),
        "normal_reports": own.pop("normal_reports"),
        "floors": scored_floors,
        "published": PUBLISHED,
        "intervals_95": {
            "findings_f1": round_interval(bootstrap(gold_findings, findings)),
            "triplets_f1": round_interval(bootstrap(gold_triplets, triplets)),
            "false_triplet_rate": own.pop("false_interval"),
        },
        "triplets_relaxed": round_scores(score_relaxed(gold_triplets, triplets)),
        "per_relation": round_scores_by_name(score_by_relation(gold_triplets, triplets)),
        "text_metrics": list_text_scores(eval_set.references, answers),
        **own,
        "classes": round_scores_by_name(by_class),
        "archive": eval_set.archive,
        "split": eval_set.split,
        "target": target,
        "condition": read_under,
        "studies": len(eval_set.coded.studies),
        "without_image": None if eval_set.images is None else eval_set.without_image,
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


def _coded(eval_set: EvaluationSet, reader: Any) -> tuple[list[Answer], int, dict[str, Any]]:
    """Return the answers of a reader of codes, how many studies failed, and its own figures."""
    if not isinstance(reader, CodesReader):
        raise ExtractorError(
            f"extractor {reader.name} writes no codes: --target copy files what it extracts"
        )
    read = read_codes(reader, eval_set.coded.studies)
    answers = [to_answer(codes, eval_set.filing) for codes in read]
    own = make_codes_report(read, answers, eval_set.filing.classes, eval_set.references)
    return answers, sum(codes is None for codes in read), own


def _copied(eval_set: EvaluationSet, reader: Any) -> tuple[list[Answer], int, dict[str, Any]]:
    """Return what would be filed for extractions, how many failed, and their own figures."""
    if not callable(reader):
        raise ExtractorError(f"extractor {reader.name} extracts nothing: --target codes")
    rows = extract_all(reader, eval_set.coded.studies)
    answers = [
        Answer(eval_set.filing.predict_findings(row), eval_set.filing.predict_triplets(row))
        for row in rows
    ]
    own = make_copy_report(eval_set, reader, rows, answers)
    return answers, sum(row.status == "failed" for row in rows), own
