"""Target `codes`: a model writes what the coders would file, in their names, with a confidence."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from radkg.evaluation.reference import (
    Answer,
    References,
    count_contradicted,
    count_false_on_normal,
    count_unsupported,
)
from radkg.metrics import bootstrap_rate
from radkg.metrics.figures import estimate_rate, measure_calibration, round_interval
from radkg.schema.codes import Codes


def make_codes_report(
    read: Sequence[Codes | None],
    answers: Sequence[Answer],
    classes: frozenset[str],
    references: References,
) -> dict[str, Any]:
    """Return the parts of the report that only this target has."""
    false = count_false_on_normal(references, answers)
    known = [
        (codes, k.answer) for codes, k in zip(read, references, strict=True) if codes is not None
    ]
    return {
        "normal_reports": {"total": len(false), "with_false_triplet": sum(n for n, _ in false)},
        "false_interval": round_interval(bootstrap_rate(false)) if false else None,
        "rates": {
            "validity": estimate_rate([(int(codes is not None), 1) for codes in read]),
            "hallucination": {
                "codes": estimate_rate(count_unsupported(references, answers, by_codes=True)),
                "report": estimate_rate(count_unsupported(references, answers, by_codes=False)),
            },
            "contradiction": {"report": estimate_rate(count_contradicted(references, answers))},
        },
        "calibration": {
            "triplets": measure_calibration(
                [(c, t in gold.triplets) for codes, gold in known for t, c in codes.triplets]
            ),
            "findings": measure_calibration(
                [
                    (c, name in gold.findings)
                    for codes, gold in known
                    for name, c in codes.findings
                    if name in classes
                ]
            ),
        },
    }
