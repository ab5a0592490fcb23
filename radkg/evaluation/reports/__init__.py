"""How good the reports are that a reporter writes from images, beside floors on the same studies.

Human codes come first: what a text states, read back, against what the coders filed. Graphs and
words stand behind, for one constant sentence does well by both. `studies` says what is scored,
`written` what is scored of whom, `floors` what stands beside it, `yardstick` what each figure is.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from radkg.errors import ConfigError
from radkg.evaluation.reports.definitions import DEFINITIONS
from radkg.evaluation.reports.floors import shuffle_texts, write_floors
from radkg.evaluation.reports.looks import Looks, compute_looks
from radkg.evaluation.reports.reading import READERS, TextReader, load_readers
from radkg.evaluation.reports.studies import PARTS, open_report_set
from radkg.evaluation.reports.written import (
    PlanCodes,
    Written,
    choose_predictions,
    read_predictions,
    write_oracle_plans,
    write_pairs,
    write_reports,
)
from radkg.evaluation.reports.yardstick import Yardstick
from radkg.reporter.base import Reporter

__all__ = ["READERS", "PlanCodes", "check_report_question", "evaluate_reports"]


def evaluate_reports(
    archive_uri: str,
    reporter: Reporter | None,
    images: str | None = None,
    split: str = "test",
    *,
    predictions: Path | None = None,
    readers: Sequence[str] = READERS,
    plan_codes: PlanCodes | None = None,
    pairs: Path | None = None,
) -> dict[str, Any]:
    """Return the scores of reports as JSON-ready values; the definitions stand inside.

    Args:
        archive_uri: Open-i, the one archive with human codes: `openi`, or the path of a copy.
        reporter: what writes the reports; None: the texts of `predictions`, or the floors alone.
        images: directory with the archive's images; only studies with one at hand are scored.
            None: the floors that look at images are left out.
        split: `test`, or `dev` to choose on: the tenth of training that nothing learns from.
        predictions: JSON Lines of anybody's texts, `{"study_id": ..., "text": ...}`.
        readers: names of extractors that read the texts, for `load_extractor`.
        plan_codes: makes a plan of what the coders filed, for a reporter that writes plans to be
            scored on perfect ones too; None: the reporter makes them, where it can.
        pairs: file into which references and texts are written as JSON Lines.

    Raises:
        ArchiveError: the archive has no human codes, or no usable study in the split.
        ConfigError: a reporter without images, a reporter and predictions, or no such split.
        ExtractorError: there is no such reader, or the reporter failed on every study.
        SchemaError: the predictions do not fit the studies.
        StorageError: a file cannot be read or written.
    """
    check_report_question(reporter is not None, images, predictions)
    extractors = load_readers(readers)  # what is cheap to refuse comes before the work
    predicted = read_predictions(predictions) if predictions is not None else None
    report_set = open_report_set(archive_uri, split, images)
    written, planned = None, None
    if reporter is not None:
        written = write_reports(reporter, report_set)
        planned = write_oracle_plans(reporter, report_set, plan_codes)
    elif predictions is not None and predicted is not None:
        written = choose_predictions(predicted, predictions.name, report_set)
    if pairs is not None and written is not None:
        write_pairs(pairs, report_set, written)
    looks = compute_looks(report_set) if images else None
    text_readers = tuple(TextReader(each, report_set.filing) for each in extractors)
    yardsticks = [Yardstick(part, report_set, text_readers) for part in PARTS]
    return {
        "target": "report",
        "reporter": written.name if written else None,
        "model_id": written.model_id if written else None,
        "statuses": _show_statuses(written),
        **{each.part: _score_part(each, written, planned, looks) for each in yardsticks},
        "archive": report_set.archive,
        "split": report_set.split,
        "images": report_set.images is not None,
        "studies": len(report_set.scored),
        "left_out": dict(report_set.left_out),
        "texts_of_other_studies": written.others if written else 0,
        "training_studies": len(report_set.training),
        "readers": {reader.name: reader.model_id for reader in text_readers},
        "texts_unread": {reader.name: len(reader.failed) for reader in text_readers},
        "definitions": DEFINITIONS,
    }


def check_report_question(has_reporter: bool, images: str | None, predictions: Path | None) -> None:
    """Refuse a question that cannot be asked.

    Raises:
        ConfigError: a reporter without images, or a reporter and predictions.
    """
    if has_reporter and predictions is not None:
        raise ConfigError("--predictions are texts of another writer: leave --reporter out")
    if has_reporter and images is None:
        raise ConfigError("a reporter needs --images: a directory with the images")


def _show_statuses(written: Written | None) -> dict[str, Any] | None:
    if written is None or written.statuses is None:
        return None
    total = len(written.texts)
    return {
        status: {"drafts": count, "share": round(count / total, 4)}
        for status, count in written.statuses.items()
    }


def _score_part(
    yardstick: Yardstick,
    written: Written | None,
    planned: Sequence[str] | None,
    looks: Looks | None,
) -> dict[str, Any]:
    """Return the figures of all texts against one part of the reports."""
    scored = yardstick.indices
    texts: dict[str, list[str]] = {}
    if written is not None:
        texts["reporter"] = [written.texts[i] for i in scored]
        texts["shuffled_images"] = shuffle_texts(texts["reporter"])
    if planned is not None:
        texts["oracle_plans"] = [planned[i] for i in scored]
    texts |= write_floors(yardstick.report_set, yardstick.part, scored, looks)
    return {
        "studies": len(scored),
        "normal": sum(yardstick.is_normal),
        "classes": len({name for names in yardstick.findings for name in names}),
        "texts": {name: yardstick.score_texts(found) for name, found in texts.items()},
    }
