"""A time limit for each of several pieces of work of one process, enforced from outside Python.

Not by a thread of Python, which would not get to run while a regular expression does. The timer of
`faulthandler` needs no Python, but there is only one: it is set to whichever limit comes first.
"""

from __future__ import annotations

import contextlib
import faulthandler
import itertools
import threading
import time
from collections.abc import Iterator

_STDERR = 2  # Python's own may be anything in a worker
_LEAST_S = 0.001


class Watchdog:
    """Ends this process, with the stacks of all its threads on stderr, if a block takes too long.

    A process has one.
    """

    def __init__(self) -> None:
        self._deadlines: dict[int, float] = {}
        self._numbers = itertools.count()
        self._lock = threading.Lock()

    @contextlib.contextmanager
    def watch(self, seconds: float) -> Iterator[None]:
        """End this process if the block takes longer; blocks may run beside each other."""
        number = next(self._numbers)
        with self._lock:
            self._deadlines[number] = time.monotonic() + seconds
            self._set_timer()
        try:
            yield
        finally:
            with self._lock:
                del self._deadlines[number]
                self._set_timer()

    def _set_timer(self) -> None:
        if not self._deadlines:
            faulthandler.cancel_dump_traceback_later()
            return
        left = max(_LEAST_S, min(self._deadlines.values()) - time.monotonic())
        faulthandler.dump_traceback_later(left, exit=True, file=_STDERR)


WATCHDOG = Watchdog()
