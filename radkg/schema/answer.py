"""The answer of a population query: a table with its question; standard library only."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

Cell = str | int | float | date | None


@dataclass(frozen=True, slots=True)
class Answer:
    """A table with its question and parameters; every row is as long as `columns`."""

    name: str
    question: str
    parameters: Mapping[str, Cell]
    columns: Sequence[str]
    rows: Sequence[Sequence[Cell]]
