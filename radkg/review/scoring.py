"""Score filled sheets: the share of accepted triplets, and the agreement of the readers.

An unsure triplet counts for neither side of the share, and as an answer of its own in agreement. A
triplet without a verdict counts nowhere; its row is listed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from radkg.errors import ConfigError, SchemaError, StorageError
from radkg.metrics.agreement import compute_cohen_kappa, compute_fleiss_kappa, compute_raw_agreement
from radkg.metrics.figures import estimate_rate, measure_calibration
from radkg.review.sheet import VERDICTS, JudgedTriplet, Key, read_csv


def score_sheets(files: Sequence[Path]) -> dict[str, Any]:
    """Return the scores of each filled sheet, and the agreement of several sheets.

    Raises:
        ConfigError: `files` is empty or names a file twice, or no triplet was judged by all
            readers.
        SchemaError: a file is no review sheet; the message names the line.
        StorageError: a file cannot be read.
    """
    if not files or len(set(files)) != len(files):
        raise ConfigError("give one or more filled sheets, each once")
    sheets = [_read(file) for file in files]
    return {
        "sheets": [
            {"file": str(file), **_scores(rows)} for file, rows in zip(files, sheets, strict=True)
        ],
        "agreement": _agreement(files, sheets) if len(sheets) > 1 else None,
        "definitions": {
            "accepted": "share of accepted triplets among accepted and rejected ones; 95 % "
            "interval by bootstrap over studies",
            "per_confidence": "the same per range of confidence, with the expected calibration "
            "error over all",
            "agreement": "over triplets that every reader judged, unsure being an answer; raw: "
            "share of agreeing pairs; kappa: Cohen's for two readers, Fleiss' for more, null where "
            "all answers are one",
        },
    }


def _read(file: Path) -> list[JudgedTriplet]:
    try:
        text = file.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise StorageError(f"cannot read {file}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise SchemaError(f"{file} is not UTF-8: save the sheet as CSV UTF-8") from error
    return read_csv(text, str(file))


def _scores(rows: Sequence[JudgedTriplet]) -> dict[str, Any]:
    empty = [row for row in rows if row.verdict is None]
    decided = [row for row in rows if row.verdict in ("accept", "reject")]
    relations = sorted({row.relation for row in rows})
    return {
        "rows": len(rows),
        **{verdict: sum(row.verdict == verdict for row in rows) for verdict in VERDICTS},
        "unfilled": len(empty),
        "unfilled_rows": [f"{row.key[1]} triplet {row.key[2]}" for row in empty],
        "accepted": _accepted(decided),
        "per_relation": {
            name: _accepted([row for row in decided if row.relation == name]) for name in relations
        },
        "per_confidence": measure_calibration(
            [(r.confidence, r.verdict == "accept") for r in decided]
        ),
    }


def _accepted(rows: Sequence[JudgedTriplet]) -> dict[str, Any]:
    by_study: dict[str, list[bool]] = {}
    for row in rows:
        by_study.setdefault(row.key[1], []).append(row.verdict == "accept")
    return estimate_rate([(sum(judged), len(judged)) for judged in by_study.values()])


def _agreement(files: Sequence[Path], sheets: Sequence[Sequence[JudgedTriplet]]) -> dict[str, Any]:
    answers = [{row.key: row.verdict for row in rows if row.verdict} for rows in sheets]
    common: list[Key] = sorted(set(answers[0]).intersection(*answers[1:]))
    if not common:
        names = ", ".join(map(str, files))
        raise ConfigError(f"no triplet is judged in all of {names}: are they of one sheet?")
    readings = [[answer[key] for key in common] for answer in answers]
    two = len(readings) == 2
    kappa = compute_cohen_kappa(*readings) if two else compute_fleiss_kappa(readings)
    return {
        "readers": len(readings),
        "triplets": len(common),
        "raw": round(compute_raw_agreement(readings), 4),
        "kappa": None if kappa is None else round(kappa, 4),
        "kappa_of": "Cohen" if two else "Fleiss",
        "all_agree": sum(
            len({reading[i] for reading in readings}) == 1 for i in range(len(common))
        ),
    }


def format_scores(report: Mapping[str, Any]) -> Iterator[str]:
    """Yield the result of `score_sheets` as lines of text for people."""
    for sheet in report["sheets"]:
        counts = ", ".join(f"{sheet[name]} {name}" for name in (*VERDICTS, "unfilled"))
        yield f"{sheet['file']}: {sheet['rows']} triplets: {counts}"
        for name, found in {"all": sheet["accepted"], **sheet["per_relation"]}.items():
            if found["rate"] is not None:
                low, high = found["interval_95"]
                yield f"  accepted, {name}: {found['rate']:.3f} [{low:.3f}, {high:.3f}]"
        for name in sheet["unfilled_rows"]:
            yield f"  unfilled: {name}"
    found = report["agreement"]
    if found:
        kappa = "undefined" if found["kappa"] is None else f"{found['kappa']:.3f}"
        yield (
            f"{found['readers']} readers, {found['triplets']} triplets judged by all: "
            f"raw agreement {found['raw']:.3f}, {found['kappa_of']}'s kappa {kappa}"
        )
