"""Something done again and again beside a block: news of long work, copies of a file that grows."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator


@contextlib.contextmanager
def repeat_beside(
    act: Callable[[], object], every_s: float, name: str, patience_s: float | None = None
) -> Iterator[None]:
    """Call `act` in a thread of its own, first after `every_s` seconds, until the block ends.

    Args:
        act: must not raise.
        every_s: seconds between two calls.
        name: of the thread.
        patience_s: seconds that the end of the block waits for a call; None: until it returns.
    """
    over = threading.Event()

    def repeat() -> None:
        while not over.wait(every_s):
            act()

    thread = threading.Thread(target=repeat, name=name, daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join(patience_s)
