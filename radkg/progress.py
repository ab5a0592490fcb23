"""What long work says of itself: the name of a stage, and how far the stage is.

Verbs take a `Progress` and know no screen: the command line draws bars or prints lines, a notebook
or a test gives nothing.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from typing import Protocol


class Advance(Protocol):
    """Says how far one stage is; may be called from one thread, as often as there is news."""

    def __call__(self, done: int, total: int, failed: int = 0, /) -> None:
        """Say that `done` of `total` things are finished, `failed` of them without success."""
        ...


Progress = Callable[[str], AbstractContextManager[Advance]]
"""Begins a stage by its name; the stage ends with the block."""


@contextlib.contextmanager
def say_nothing(stage: str) -> Iterator[Advance]:
    """Be a `Progress` that nobody sees."""
    yield ignore


def ignore(done: int, total: int, failed: int = 0, /) -> None:
    """Be an `Advance` that nobody sees."""
