"""The 14 labels that papers score Open-i by, from names of findings: human codes, or a reading.

`labels.csv` is the table. They are called 14 human labels, and never CheXbert: no model is in them.
"""

from __future__ import annotations

import csv
from collections.abc import Set as AbstractSet
from functools import cache
from pathlib import Path

_TABLE = Path(__file__).with_name("labels.csv")


def name_labels(findings: AbstractSet[str]) -> frozenset[str]:
    """Return the labels of findings, given by the names of the human codes."""
    return frozenset(label for finding, label in _read_table() if finding in findings)


def list_labels() -> list[str]:
    """Return the 14 labels, sorted."""
    return sorted({label for _, label in _read_table()})


@cache
def _read_table() -> tuple[tuple[str, str], ...]:
    with _TABLE.open(encoding="ascii", newline="") as file:
        rows = csv.DictReader(line for line in file if not line.startswith("#"))
        return tuple((row["finding"], row["label"]) for row in rows)
