"""Score filled sheets of drafts: the share of correct sentences, what drafts lack, and agreement.

A sentence of which a reader cannot tell counts for neither side of the share, and as an answer of
its own in agreement. A sentence without a verdict counts nowhere; its row is listed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from radkg.metrics.figures import estimate_rate
from radkg.review.agreement import compute_agreement, format_agreement
from radkg.review.draft_sheet import JUDGEMENTS, LACKING, JudgedSentence, read_draft_csv

SENTENCES = "sentences"


def score_draft_sheets(files: Sequence[Path], texts: Sequence[str]) -> dict[str, Any]:
    """Return the scores of each filled sheet of drafts, and the agreement of several.

    Args:
        files: of the readers.
        texts: of these files.

    Raises:
        ConfigError: no sentence was judged by all readers.
        SchemaError: a file is no sheet of drafts; the message names the line.
    """
    sheets = [read_draft_csv(text, str(file)) for file, text in zip(files, texts, strict=True)]
    answers = [{row.key: row.verdict for row in rows if row.verdict} for rows in sheets]
    return {
        "of": SENTENCES,
        "sheets": [
            {"file": str(file), **_score(rows)} for file, rows in zip(files, sheets, strict=True)
        ],
        "agreement": compute_agreement(files, answers, SENTENCES) if len(sheets) > 1 else None,
        "definitions": {
            "correct_share": "share of correct sentences among correct and wrong ones; 95 % "
            "interval by bootstrap over studies",
            "per_origin, per_status": "the same for sentences that were retrieved, generated or "
            "rewritten, and for verified and unverified drafts",
            "lacking": "drafts for which the reader named a finding that they lack",
            "agreement": "over sentences that every reader judged, cannot tell being an answer; "
            "raw: share of agreeing pairs; kappa: Cohen's for two readers, Fleiss' for more, null "
            "where all answers are one",
        },
    }


def _score(rows: Sequence[JudgedSentence]) -> dict[str, Any]:
    sentences = [row for row in rows if row.key[2] != LACKING]
    lacking = [row for row in rows if row.key[2] == LACKING and row.comment]
    empty = [row for row in sentences if row.verdict is None]
    decided = [row for row in sentences if row.verdict in ("correct", "wrong")]
    return {
        "sentences": len(sentences),
        **{verdict: sum(row.verdict == verdict for row in sentences) for verdict in JUDGEMENTS},
        "unfilled": len(empty),
        "unfilled_rows": [f"{row.key[1]} sentence {row.key[2]}" for row in empty],
        "correct_share": _share(decided),
        "per_origin": {
            name: _share([row for row in decided if row.origin == name])
            for name in sorted({row.origin for row in sentences})
        },
        "per_status": {
            name: _share([row for row in decided if row.status == name])
            for name in sorted({row.status for row in sentences})
        },
        "drafts": len({row.key[:2] for row in rows}),
        "lacking": [{"study_id": row.key[1], "findings": row.comment} for row in lacking],
    }


def _share(rows: Sequence[JudgedSentence]) -> dict[str, Any]:
    by_study: dict[str, list[bool]] = {}
    for row in rows:
        by_study.setdefault(row.key[1], []).append(row.verdict == "correct")
    return estimate_rate([(sum(judged), len(judged)) for judged in by_study.values()])


def format_draft_scores(report: Mapping[str, Any]) -> Iterator[str]:
    """Yield the result of `score_draft_sheets` as lines of text for people."""
    for sheet in report["sheets"]:
        counts = ", ".join(f"{sheet[name]} {name}" for name in (*JUDGEMENTS, "unfilled"))
        yield (
            f"{sheet['file']}: {sheet['sentences']} sentences of {sheet['drafts']} drafts: {counts}"
        )
        shares = {"all": sheet["correct_share"], **sheet["per_origin"], **sheet["per_status"]}
        for name, found in shares.items():
            if found["rate"] is not None:
                low, high = found["interval_95"]
                yield f"  correct, {name}: {found['rate']:.3f} [{low:.3f}, {high:.3f}]"
        yield f"  drafts that lack a finding: {len(sheet['lacking'])} of {sheet['drafts']}"
        for row in sheet["lacking"]:
            yield f"  lacking: {row['study_id']}: {row['findings']}"
        for name in sheet["unfilled_rows"]:
            yield f"  unfilled: {name}"
    if report["agreement"]:
        yield format_agreement(report["agreement"], SENTENCES)
