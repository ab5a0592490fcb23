"""The table of an experiment: figures with intervals, as CSV, as Markdown and inside a README."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from radkg.errors import ConfigError
from radkg.schema.cells import escape_row


class Figure(NamedTuple):
    """A figure in [0, 1] with the ends of its 95 % interval, counted over `of` things."""

    value: float
    low: float
    high: float
    of: int


@dataclass(frozen=True)
class TableRow:
    """The figures of a variant under a condition; None where a figure has nothing to count."""

    group: str
    """rows of one group have one colour in the plot, such as one set of weights"""
    name: str
    figures: dict[str, Figure | None]
    notes: dict[str, str | int | float]
    """columns without interval: steps, seconds, loss"""


@dataclass(frozen=True)
class Table:
    """The result of an experiment."""

    name: str
    title: str
    caption: str
    rows: Sequence[TableRow]
    shown: tuple[str, ...]
    """names of the figures that the Markdown table and the plot show"""

    def to_csv(self) -> str:
        """Return CSV: every figure with value, low, high and of, and the notes."""
        figures = list(dict.fromkeys(name for row in self.rows for name in row.figures))
        notes = list(dict.fromkeys(name for row in self.rows for name in row.notes))
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        parts = [f"{name} {part}".strip() for name in figures for part in ("", "low", "high", "of")]
        writer.writerow(escape_row(["group", "row", *parts, *notes]))
        for row in self.rows:
            cells: list[str | int | float] = [row.group, row.name]
            for name in figures:
                figure = row.figures.get(name)
                cells += ["", "", "", ""] if figure is None else _rounded(figure)
            writer.writerow(escape_row([*cells, *(row.notes.get(name, "") for name in notes)]))
        return text.getvalue()

    def to_markdown(self) -> str:
        """Return a Markdown table of the shown figures, and the caption."""
        lines = [
            "| | | " + " | ".join(self.shown) + " |",
            "|---|---|" + "---|" * len(self.shown),
        ]
        for row in self.rows:
            cells = [row.group, row.name, *(_cell(row.figures.get(name)) for name in self.shown)]
            lines.append("| " + " | ".join(cells) + " |")
        return "\n".join([*lines, "", self.caption, ""])

    def write_into(self, readme: Path) -> None:
        """Replace the text between the two marks of this experiment in a README.

        Raises:
            ConfigError: the file cannot be read or has no such marks.
        """
        start, end = f"<!-- experiment:{self.name} -->", f"<!-- /experiment:{self.name} -->"
        try:
            text = readme.read_text()
        except OSError as error:
            raise ConfigError(f"cannot read {readme}: {error.strerror}") from error
        before, opened, rest = text.partition(start)
        _, closed, after = rest.partition(end)
        if not (opened and closed):
            raise ConfigError(f"{readme} has no lines {start} and {end} to write the table between")
        readme.write_text(f"{before}{start}\n{self.to_markdown()}{end}{after}")


def _rounded(figure: Figure) -> list[str | int | float]:
    return [round(figure.value, 4), round(figure.low, 4), round(figure.high, 4), figure.of]


def _cell(figure: Figure | None) -> str:
    if figure is None:
        return ""
    return f"{_short(figure.value)} ({_short(figure.low)} to {_short(figure.high)})"


def _short(value: float) -> str:
    return f"{value:.3f}".removeprefix("0") if value < 1 else f"{value:.2f}"
