"""The agreement of several readers of one sheet, of whatever its rows are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from radkg.errors import ConfigError
from radkg.metrics.agreement import compute_cohen_kappa, compute_fleiss_kappa, compute_raw_agreement

Answers = Mapping[tuple[str, str, int], str]
"""verdicts of one reader by the key of the row"""


def compute_agreement(
    files: Sequence[Path], answers: Sequence[Answers], what: str
) -> dict[str, Any]:
    """Return the agreement over the rows that every reader judged.

    Args:
        files: of the readers.
        answers: of the readers.
        what: a row is, in the plural: triplets.

    Raises:
        ConfigError: no row was judged by all readers.
    """
    common = sorted(set(answers[0]).intersection(*answers[1:]))
    if not common:
        names = ", ".join(map(str, files))
        raise ConfigError(f"no {what[:-1]} is judged in all of {names}: are they of one sheet?")
    readings = [[answer[key] for key in common] for answer in answers]
    two = len(readings) == 2
    kappa = compute_cohen_kappa(*readings) if two else compute_fleiss_kappa(readings)
    return {
        "readers": len(readings),
        what: len(common),
        "raw": round(compute_raw_agreement(readings), 4),
        "kappa": None if kappa is None else round(kappa, 4),
        "kappa_of": "Cohen" if two else "Fleiss",
        "all_agree": sum(
            len({reading[i] for reading in readings}) == 1 for i in range(len(common))
        ),
    }


def format_agreement(found: Mapping[str, Any], what: str) -> str:
    """Return the agreement as a line of text for people."""
    kappa = "undefined" if found["kappa"] is None else f"{found['kappa']:.3f}"
    return (
        f"{found['readers']} readers, {found[what]} {what} judged by all: "
        f"raw agreement {found['raw']:.3f}, {found['kappa_of']}'s kappa {kappa}"
    )
