"""What the command line prints: data on stdout, progress and logs on stderr."""

from __future__ import annotations

import contextlib
import csv
import dataclasses
import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import typer
from rich.console import Console
from rich.table import Table

from radkg.schema.cells import escape_row

if TYPE_CHECKING:
    from radkg.progress import Progress

console = Console(stderr=True)


def show_progress() -> Progress:
    """Return the `Progress` of every verb, on stderr."""
    from radkg.cli.progress import make_console_progress

    return make_console_progress(console)


@contextlib.contextmanager
def keep_stdout_for_data() -> Iterator[None]:
    """Send to stderr what libraries print meanwhile: stdout is for data."""
    with contextlib.redirect_stdout(sys.stderr):
        yield


def print_json(value: Any) -> None:
    """Print one line of JSON."""
    typer.echo(json.dumps(value, default=str))


def print_report(report: Any, as_json: bool) -> None:
    """Print a report of a verb, a frozen dataclass, as JSON or as `name: value` lines."""
    values = dataclasses.asdict(report)
    if as_json:
        print_json(values)
    else:
        print_values(values)


def print_values(values: Mapping[str, Any]) -> None:
    """Print `name: value` lines; of a list a line for each item."""
    for name, value in values.items():
        if isinstance(value, list | tuple):
            typer.echo("\n".join([f"{name}:" if value else f"{name}: none", *map(_item, value)]))
        else:
            typer.echo(f"{name}: {value}")


def print_table(
    columns: Sequence[str],
    rows: Sequence[Sequence[Any]],
    title: str | None = None,
    *,
    as_csv: bool = False,
    raw: bool = False,
) -> None:
    """Print a table for people, or as comma-separated values.

    Args:
        columns: their names.
        rows: a value for each column.
        title: stands over the table.
        as_csv: print comma-separated values.
        raw: with no apostrophe before what a spreadsheet would compute.
    """
    if as_csv:
        whole = [columns, *rows]
        csv.writer(sys.stdout).writerows(whole if raw else map(escape_row, whole))
        return
    table = Table(title=title, title_justify="left")
    for column in columns:
        table.add_column(column)
    for row in rows:
        table.add_row(*map(_cell, row))
    Console(markup=False, emoji=False).print(table)  # a cell is what an archive or a graph says


def _item(value: Any) -> str:
    return f"  {value}"


def _cell(value: Any) -> str:
    if value is None:
        return ""
    return f"{value:.4g}" if isinstance(value, float) else str(value)
