"""Show long work on stderr: a bar with time on a terminal, plain lines elsewhere."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

Advance = Callable[[int, int], None]  # done, in all


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
