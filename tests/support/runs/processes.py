"""Processes of this machine, as /proc lists them."""

import contextlib
import os
import threading
from collections.abc import Callable, Iterator
from pathlib import Path


def commands() -> dict[int, str]:
    """Return the command line of every process that runs, by its id."""
    found = {}
    for path in Path("/proc").glob("[0-9]*"):
        try:
            command = (path / "cmdline").read_bytes().replace(b"\0", b" ").decode()
        except OSError:  # it has just ended
            continue
        if command:
            found[int(path.name)] = command
    return found


def children(parent: int) -> list[int]:
    """Return the ids of the processes that this one has started and that still run."""
    found = []
    for pid in commands():
        try:
            status = Path(f"/proc/{pid}/status").read_text()
        except OSError:
            continue
        if f"\nPPid:\t{parent}\n" in status:
            found.append(pid)
    return found


def resident(pid: int, *, below: bool = False) -> int:
    """Return the bytes in memory of a process, shared pages in part; `below`: and of all it began.

    What has just ended holds nothing.
    """
    total = 0
    with contextlib.suppress(OSError):
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                total = int(line.split()[1]) * 1024
    return total + (sum(resident(child, below=True) for child in children(pid)) if below else 0)


def processor_s(pid: int) -> float:
    """Return the processor seconds of a process and of all below it, ended ones included."""
    ticks = 0
    with contextlib.suppress(OSError):
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        ticks = sum(map(int, fields[11:15]))  # its own, and of those it has waited for
    return ticks / os.sysconf("SC_CLK_TCK") + sum(processor_s(child) for child in children(pid))


@contextlib.contextmanager
def each_half_second(sample: Callable[[], None]) -> Iterator[None]:
    """Call `sample` in a thread, twice a second, while the block runs."""
    end = threading.Event()

    def run() -> None:
        while not end.wait(0.5):
            sample()

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield
    finally:
        end.set()
        thread.join()
