"""A report of `evaluate` as a table and notes, for people."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_SCORES = ("precision", "recall", "f1")


def make_score_table(report: Mapping[str, Any]) -> tuple[list[str], list[list[str]], list[str]]:
    """Return columns, rows (the extractor, then its floors) and the notes below the table."""
    normal = report["normal_reports"]
    scored = {
        f"{report['extractor']} ({report['target']})": {
            **report,
            "false": normal["with_false_triplet"],
        }
    }
    for name, floor in report["floors"].items():
        scored[name] = {**floor, "false": floor["normal_reports_with_false_triplet"]}
    pairs = [(kind, score) for kind in ("findings", "triplets") for score in _SCORES]
    columns = [f"{report['studies']} studies ({report['split']})"]
    columns += ["findings P", "R", "F1", "triplets P", "R", "F1", "false"]
    rows = [
        [name, *(f"{row[kind][score]:.3f}" for kind, score in pairs), str(row["false"])]
        for name, row in scored.items()
    ]
    return columns, rows, [*_notes(report)]


def _notes(report: Mapping[str, Any]) -> list[str]:
    normal = report["normal_reports"]
    notes = ["below the extractor: floors; P precision, R recall"]
    notes.append(f"false: normal reports with a false triplet, of {normal['total']}")
    notes.append(f"condition: {report['condition']}")
    if report["without_image"]:
        notes.append(f"left out: {report['without_image']} studies without an image at hand")
    for kind, rates in report["rates"].items():
        found = {"": rates} if "rate" in rates else rates
        notes += [f"{kind} {by}".strip() + f": {_rate(rate)}" for by, rate in found.items()]
    for row in report["text_metrics"]:
        notes.append(
            f"BLEU-1 {row['bleu_1']:.3f} BLEU-4 {row['bleu_4']:.3f} ROUGE-L {row['rouge_l']:.3f} "
            f"({row['of']}, {row['format']}, order {row['order']}, {row['tokeniser']})"
        )
    silver = report.get("silver")
    if silver:
        relations = ", ".join(f"{n} {v['f1']:.3f}" for n, v in silver["per_relation"].items())
        notes.append(
            f"silver, {silver['sentences']} unseen sentences: entities "
            f"{silver['entities']['f1']:.3f}, triplets {silver['triplets']['f1']:.3f} ({relations})"
        )
    return notes


def _rate(found: Mapping[str, Any]) -> str:
    if found["rate"] is None:
        return "nothing to count"
    low, high = found["interval_95"]
    return f"{found['rate']:.3f} [{low:.3f}, {high:.3f}] of {found['of']}"
