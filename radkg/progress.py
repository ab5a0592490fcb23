"""Show long work on stderr: a bar with time on a terminal, plain lines elsewhere."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
)

Advance = Callable[[int, int], None]  # done, in all
Follow = Callable[[str, Mapping[str, Any] | None], None]  # stage, newest line of its loss curve

_QUIET_S = 10.0  # between two plain lines


@contextlib.contextmanager
def stage(console: Console, name: str) -> Iterator[Advance]:
    """Show one stage of the work; call the result with (done, total) as it goes on."""
    start = time.perf_counter()
    if not console.is_terminal:
        yield lambda done, total: None
        console.print(f"{name}: {time.perf_counter() - start:.1f} s", highlight=False)
        return
    columns = (
        TextColumn("{task.description:<28}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=console) as bar:
        task = bar.add_task(name, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)
        total = bar.tasks[0].total
        bar.update(task, completed=total or 1, total=total or 1)


@contextlib.contextmanager
def training(console: Console) -> Iterator[Follow]:
    """Show a training run; call the result with the stage and the newest line of its curve."""
    if not console.is_terminal:
        said: dict[str, float] = {}

        def say(name: str, line: Mapping[str, Any] | None) -> None:
            now = time.monotonic()
            if line is None or now - said.get(name, 0.0) >= _QUIET_S:
                said[name] = now
                console.print(f"{name}: {_speed(line)}", highlight=False)

        yield say
        return
    columns = (
        TextColumn("{task.description:<10}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[speed]}"),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=console) as bar:
        tasks: dict[str, TaskID] = {}

        def show(name: str, line: Mapping[str, Any] | None) -> None:
            if name not in tasks:
                tasks[name] = bar.add_task(name, total=None, speed="")
            if line is None:
                bar.update(tasks[name], speed=_speed(None))
            else:
                done, total = line["step"], line["steps"]
                bar.update(tasks[name], completed=done, total=total, speed=_speed(line))

        yield show


def _speed(line: Mapping[str, Any] | None) -> str:
    if line is None:
        return "reading the archive, starting workers"
    mfu = "" if line["mfu"] is None else f", MFU {line['mfu']:.1%}"
    return (
        f"step {line['step']} of {line['steps']}, loss {line['loss']:.4f}, "
        f"{line['tokens_per_s']:,.0f} tokens/s{mfu}, {line['eta_s']:.0f} s left"
    )
