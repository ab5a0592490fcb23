"""A report of the target `radgraph` as a table and notes, for people."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

Scores = Mapping[str, Any]
_MEASURES = (
    ("entities", ("entities", "exact")),
    ("overlapping", ("entities", "overlapping")),
    ("relations", ("relations", "exact")),
    ("strict", ("relations", "strict")),
    ("overlapping", ("relations", "overlapping")),
)


def make_radgraph_table(report: Scores) -> tuple[list[str], list[list[str]], list[str]]:
    """Return columns, rows (a measure each) and the notes below the table."""
    beside = dict(report["floors"])
    if report["ceiling"]:
        beside["ceiling"] = report["ceiling"]
    columns = [report["extractor"], "gold", "P", "R", "F1", "95 %", *beside]
    rows = []
    for name, path in _list_measures(report):
        scores = _find(report, path)
        rows.append(
            [
                name,
                f"{scores['gold']:,}",
                *(_show(scores[figure]) for figure in ("precision", "recall", "f1")),
                " ".join(map(_show, scores["f1_interval_95"])),
                *(_show(_find(other, path)["f1"]) for other in beside.values()),
            ]
        )
    return columns, rows, [*_list_notes(report)]


def _list_measures(report: Scores) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Yield each measure with the keys under which a report, a floor or the ceiling has it."""
    yield from _MEASURES
    for part in ("per_label", "per_relation"):
        yield from ((name, (part, name, "exact")) for name in report[part])


def _find(scores: Scores, path: tuple[str, ...]) -> Scores:
    for key in path:
        scores = scores[key]
    return scores


def _show(share: float) -> str:
    return f"{share:.3f}".removeprefix("0")


def _list_notes(report: Scores) -> Iterator[str]:
    yield f"{report['texts']} {report['text_is']}s of {report['gold']}; {report['condition']}"
    yield "entities: span and label; relations: both spans and type; strict: labels of ends too"
    yield "P precision, R recall; [ ]: 95 % interval"
    beside = [f"{name} (floor)" for name in report["floors"]]
    if report["ceiling"]:
        of = f"{report['ceiling']['of']} {report['ceiling']['are']}"
        beside.append(f"a second annotator on {of} (ceiling)")
    if beside:
        yield "last columns: F1 of " + " and of ".join(beside)
    polarity = report["polarity"]
    if polarity["rate"] is not None:
        low, high = map(_show, polarity["interval_95"])
        rate = f"{_show(polarity['rate'])} [{low}, {high}] of {polarity['of']}"
        yield f"polarity is right on equal spans: {rate}"
    for name, measured in report["calibration"].items():
        low, high = map(_show, measured["interval_95"])
        error = _show(measured["expected_calibration_error"])
        yield f"calibration error of {name}: {error} [{low}, {high}]"
    for style, scores in report["per_style"].items():
        entities, relations = _show_f1(scores["entities"]), _show_f1(scores["relations"])
        yield f"{style}, {scores['texts']}: entities {entities}, relations {relations}"
    if report["failed"]:
        yield f"failed: {report['failed']} texts, which count as read without finding anything"
        yield from (f"  {text_id}: {reason}" for text_id, reason in report["reasons"].items())


def _show_f1(scores: Scores) -> str:
    low, high = map(_show, scores["f1_interval_95"])
    return f"{_show(scores['f1'])} [{low}, {high}]"
