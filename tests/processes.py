"""Processes of this machine, as /proc lists them."""

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
