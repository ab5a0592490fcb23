"""Show long work on stderr: a bar with time on a terminal, plain lines elsewhere.

Where no terminal is, as in the log of a job, a line comes at least every ten seconds, whether or
not there is news: a reader of the log sees that the work goes on, how fast, and what is left.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.progress import Progress as Bars

from radkg.progress import Advance, Progress
from radkg.repeating import repeat_beside

Follow = Callable[[str, Mapping[str, Any] | None], None]  # stage, newest line of its loss curve

QUIET_S = 10.0  # longest time without a line


def make_console_progress(console: Console) -> Progress:
    """Return a `Progress` that shows each stage on this console."""

    @contextlib.contextmanager
    def show(stage: str) -> Iterator[Advance]:
        shown = _bar(console, stage) if console.is_terminal else _lines(console, stage)
        with shown as advance:
            yield advance

    return show


@contextlib.contextmanager
def _bar(console: Console, stage: str) -> Iterator[Advance]:
    columns = (
        TextColumn("{task.description:<28}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[failed]}"),
    )
    with Bars(*columns, console=console) as bars:
        task = bars.add_task(stage, total=None, failed="")

        def advance(done: int, total: int, failed: int = 0, /) -> None:
            said = f"{failed} failed" if failed else ""
            bars.update(task, completed=done, total=total, failed=said)

        yield advance
        total = bars.tasks[0].total
        bars.update(task, completed=total or 1, total=total or 1)


@contextlib.contextmanager
def _lines(console: Console, stage: str) -> Iterator[Advance]:
    counter = _Counter(stage)
    with repeat_beside(
        lambda: console.print(counter.line(), highlight=False, soft_wrap=True), QUIET_S, "progress"
    ):
        yield counter.advance
    console.print(counter.last_line(), highlight=False, soft_wrap=True)


class _Counter:
    """How far a stage is, as a line of text; written by the work, read by the clock."""

    def __init__(self, stage: str) -> None:
        self._stage = stage
        self._start = time.monotonic()
        self._first: tuple[float, int] | None = None  # when the first things were finished
        self._state = (0, 0, 0)

    def advance(self, done: int, total: int, failed: int = 0, /) -> None:
        """Be the `Advance` of the stage."""
        self._state = (done, total, failed)
        if self._first is None and done:
            self._first = (time.monotonic(), done)

    def line(self) -> str:
        """Return where the stage is now: done of all, rate, time left, failed."""
        now, (done, total, failed) = time.monotonic(), self._state
        said = [f"{now - self._start:.0f} s"]
        if total:
            said.append(f"{done:,} of {total:,} done")
        if self._first and done > self._first[1] and now > self._first[0]:
            rate = (done - self._first[1]) / (now - self._first[0])
            said.append(f"{rate:,.3g} a second, about {(total - done) / rate:,.0f} s left")
        if failed:
            said.append(f"{failed:,} failed")
        return f"{self._stage}: {', '.join(said)}"

    def last_line(self) -> str:
        """Return what the whole stage took."""
        done, _, failed = self._state
        took = f"{self._stage}: {time.monotonic() - self._start:.1f} s"
        return (
            took + (f", {done:,} done" if done else "") + (f", {failed:,} failed" if failed else "")
        )


@contextlib.contextmanager
def show_training(console: Console) -> Iterator[Follow]:
    """Show a training run; call the result with the stage and the newest line of its curve."""
    if not console.is_terminal:
        newest = ["training: starting"]

        def say(name: str, line: Mapping[str, Any] | None) -> None:
            said = f"{name}: {_speed(line)}"
            if line is None:  # a stage begins: said at once, and again while nothing else is known
                console.print(said, highlight=False, soft_wrap=True)
            newest[0] = said

        with repeat_beside(
            lambda: console.print(newest[0], highlight=False, soft_wrap=True), QUIET_S, "progress"
        ):
            yield say
        console.print(newest[0], highlight=False, soft_wrap=True)
        return
    columns = (
        TextColumn("{task.description:<10}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[speed]}"),
        TimeElapsedColumn(),
    )
    with Bars(*columns, console=console) as bars:
        tasks: dict[str, TaskID] = {}

        def show(name: str, line: Mapping[str, Any] | None) -> None:
            if name not in tasks:
                tasks[name] = bars.add_task(name, total=None, speed="")
            if line is None:
                bars.update(tasks[name], speed=_speed(None))
            else:
                done, total = line["step"], line["steps"]
                bars.update(tasks[name], completed=done, total=total, speed=_speed(line))

        yield show


def _speed(line: Mapping[str, Any] | None) -> str:
    if line is None:
        return "reading the archive, starting workers"
    mfu = "" if line["mfu"] is None else f", MFU {line['mfu']:.1%}"
    return (
        f"step {line['step']} of {line['steps']}, loss {line['loss']:.4f}, "
        f"{line['tokens_per_s']:,.0f} tokens/s{mfu}, {line['eta_s']:.0f} s left"
    )
