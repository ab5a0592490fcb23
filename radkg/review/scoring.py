"""Score filled sheets: the share of accepted triplets or tokens, and the agreement of the readers.

An unsure row counts for neither side of the share, and as an answer of its own in agreement. A row
without a verdict counts nowhere, and is listed. A token has no probability: its activation is how
its cell stands to the other cells of its image.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from radkg.errors import ConfigError, SchemaError, StorageError
from radkg.metrics.agreement import compute_cohen_kappa, compute_fleiss_kappa, compute_raw_agreement
from radkg.metrics.figures import estimate_rate, measure_calibration
from radkg.review.sheet import TRIPLETS, VERDICTS, JudgedRow, Key, SheetKind, read_csv


def score_sheets(files: Sequence[Path]) -> dict[str, Any]:
    """Return the scores of each filled sheet, and the agreement of several sheets.

    Raises:
        ConfigError: `files` is empty or names a file twice, the sheets are of two kinds, or no row
            was judged by all readers.
        SchemaError: a file is no review sheet; the message names the line.
        StorageError: a file cannot be read.
    """
    if not files or len(set(files)) != len(files):
        raise ConfigError("give one or more filled sheets, each once")
    sheets = [_read(file) for file in files]
    kinds = {row.kind for rows in sheets for row in rows} or {TRIPLETS}
    if len(kinds) > 1:
        raise ConfigError("give sheets of triplets or sheets of tokens, not both at once")
    (kind,) = kinds
    return {
        "of": f"{kind.item}s",
        "sheets": [
            {"file": str(file), **_scores(rows, kind)}
            for file, rows in zip(files, sheets, strict=True)
        ],
        "agreement": _agreement(files, sheets, kind) if len(sheets) > 1 else None,
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


def _read(file: Path) -> list[JudgedRow]:
    try:
        text = file.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise StorageError(f"cannot read {file}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise SchemaError(f"{file} is not UTF-8: save the sheet as CSV UTF-8") from error
    return read_csv(text, str(file))


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


def _agreement(
    files: Sequence[Path], sheets: Sequence[Sequence[JudgedRow]], kind: SheetKind
) -> dict[str, Any]:
    answers = [{row.key: row.verdict for row in rows if row.verdict} for rows in sheets]
    common: list[Key] = sorted(set(answers[0]).intersection(*answers[1:]))
    if not common:
        names = ", ".join(map(str, files))
        raise ConfigError(f"no {kind.item} is judged in all of {names}: are they of one sheet?")
    readings = [[answer[key] for key in common] for answer in answers]
    two = len(readings) == 2
    kappa = compute_cohen_kappa(*readings) if two else compute_fleiss_kappa(readings)
    return {
        "readers": len(readings),
        f"{kind.item}s": len(common),
        "raw": round(compute_raw_agreement(readings), 4),
        "kappa": None if kappa is None else round(kappa, 4),
        "kappa_of": "Cohen" if two else "Fleiss",
        "all_agree": sum(
            len({reading[i] for reading in readings}) == 1 for i in range(len(common))
        ),
    }


def format_scores(report: Mapping[str, Any]) -> Iterator[str]:
    """Yield the result of `score_sheets` as lines of text for people."""
    items = report["of"]
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
    found = report["agreement"]
    if found:
        kappa = "undefined" if found["kappa"] is None else f"{found['kappa']:.3f}"
        yield (
            f"{found['readers']} readers, {found[items]} {items} judged by all: "
            f"raw agreement {found['raw']:.3f}, {found['kappa_of']}'s kappa {kappa}"
        )
