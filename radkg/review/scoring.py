"""Score filled sheets: the share of accepted triplets or tokens, and the agreement of the readers.

An unsure row counts for neither side of the share, and as an answer of its own in agreement. A row
without a verdict counts nowhere, and is listed. A token has no probability: its activation is how
its cell stands to the other cells of its image.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from radkg.errors import ConfigError
from radkg.metrics.figures import estimate_rate, measure_calibration
from radkg.review.agreement import compute_agreement, format_agreement
from radkg.review.cells import list_columns, read_text
from radkg.review.draft_scoring import SENTENCES, format_draft_scores, score_draft_sheets
from radkg.review.sheet import TRIPLETS, VERDICTS, JudgedRow, SheetKind, read_csv


def score_sheets(files: Sequence[Path]) -> dict[str, Any]:
    """Return the scores of each filled sheet, and the agreement of several sheets.

    Sheets of drafts are scored as draft_scoring.py says.

    Raises:
        ConfigError: `files` is empty, names a file twice or sheets of several kinds, or no row was
            judged by all readers.
        SchemaError: a file is no review sheet; the message names the line.
        StorageError: a file cannot be read.
    """
    if not files or len(set(files)) != len(files):
        raise ConfigError("give one or more filled sheets, each once")
    texts = [read_text(file) for file in files]
    of_drafts = {"sentence" in list_columns(text) for text in texts}
    if of_drafts == {True}:
        return score_draft_sheets(files, texts)
    sheets = [
        read_csv(text, str(file))
        for file, text in zip(files, texts, strict=True)
        if "sentence" not in list_columns(text)
    ]
    kinds = {row.kind for rows in sheets for row in rows} or {TRIPLETS}
    if len(kinds) > 1 or len(of_drafts) > 1:
        raise ConfigError(
            "the sheets are of several kinds (triplets, tokens, drafts): score each kind by itself"
        )
    (kind,) = kinds
    items = f"{kind.item}s"
    answers = [{row.key: row.verdict for row in rows if row.verdict} for rows in sheets]
    return {
        "of": items,
        "sheets": [
            {"file": str(file), **_scores(rows, kind)}
            for file, rows in zip(files, sheets, strict=True)
        ],
        "agreement": compute_agreement(files, answers, items) if len(sheets) > 1 else None,
        "definitions": {
            "accepted": f"share of accepted {kind.item}s among accepted and rejected ones; 95 % "
            "interval by bootstrap over studies",
            "per_confidence": "the same per range of confidence, with the expected calibration "
            "error over all; null where a row has no confidence",
            "agreement": f"over {kind.item}s that every reader judged, unsure being an answer; "
            "raw: share of agreeing pairs; kappa: Cohen's for two readers, Fleiss' for more, null "
            "where all answers are one",
        },
    }


def _scores(rows: Sequence[JudgedRow], kind: SheetKind) -> dict[str, Any]:
    empty = [row for row in rows if row.verdict is None]
    decided = [row for row in rows if row.verdict in ("accept", "reject")]
    groups = sorted({row.group for row in rows})
    pairs = [(r.confidence, r.verdict == "accept") for r in decided if r.confidence is not None]
    return {
        "rows": len(rows),
        **{verdict: sum(row.verdict == verdict for row in rows) for verdict in VERDICTS},
        "unfilled": len(empty),
        "unfilled_rows": [f"{row.key[1]} {kind.item} {row.key[2]}" for row in empty],
        "accepted": _accepted(decided),
        f"per_{kind.group}": {
            name: _accepted([row for row in decided if row.group == name]) for name in groups
        },
        "per_confidence": measure_calibration(pairs) if kind.confidence else None,
    }


def _accepted(rows: Sequence[JudgedRow]) -> dict[str, Any]:
    by_study: dict[str, list[bool]] = {}
    for row in rows:
        by_study.setdefault(row.key[1], []).append(row.verdict == "accept")
    return estimate_rate([(sum(judged), len(judged)) for judged in by_study.values()])


def format_scores(report: Mapping[str, Any]) -> Iterator[str]:
    """Yield the result of `score_sheets` as lines of text for people."""
    items = report["of"]
    if items == SENTENCES:
        yield from format_draft_scores(report)
        return
    for sheet in report["sheets"]:
        groups = sheet.get("per_relation") or sheet.get("per_label") or {}
        counts = ", ".join(f"{sheet[name]} {name}" for name in (*VERDICTS, "unfilled"))
        yield f"{sheet['file']}: {sheet['rows']} {items}: {counts}"
        for name, found in {"all": sheet["accepted"], **groups}.items():
            if found["rate"] is not None:
                low, high = found["interval_95"]
                yield f"  accepted, {name}: {found['rate']:.3f} [{low:.3f}, {high:.3f}]"
        for name in sheet["unfilled_rows"]:
            yield f"  unfilled: {name}"
    if report["agreement"]:
        yield format_agreement(report["agreement"], items)
