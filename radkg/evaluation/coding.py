"""Target `codes`: a model writes what the coders would file, in their names, with a confidence."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from radkg.evaluation.reference import (
    Answer,
    Yardstick,
    contradicted,
    false_on_normal,
    unsupported,
)
from radkg.metrics import bootstrap_rate
from radkg.metrics.figures import calibration, rate_with_interval, rounded
from radkg.schema.codes import Codes


def codes_report(
    read: Sequence[Codes | None],
    answers: Sequence[Answer],
    classes: frozenset[str],
    yard: Yardstick,
) -> dict[str, Any]:
    """Return the parts of the report that only this target has."""
    false = false_on_normal(yard, answers)
    known = [(codes, k.answer) for codes, k in zip(read, yard, strict=True) if codes is not None]
    return {
        "normal_reports": {"total": len(false), "with_false_triplet": sum(n for n, _ in false)},
        "false_interval": rounded(bootstrap_rate(false)) if false else None,
        "rates": {
            "validity": rate_with_interval([(int(codes is not None), 1) for codes in read]),
            "hallucination": {
                "codes": rate_with_interval(unsupported(yard, answers, by_codes=True)),
                "report": rate_with_interval(unsupported(yard, answers, by_codes=False)),
            },
            "contradiction": {"report": rate_with_interval(contradicted(yard, answers))},
        },
        "calibration": {
            "triplets": calibration(
                [(c, t in gold.triplets) for codes, gold in known for t, c in codes.triplets]
            ),
            "findings": calibration(
                [
                    (c, name in gold.findings)
                    for codes, gold in known
                    for name, c in codes.findings
                    if name in classes
                ]
            ),
        },
    }
