"""A real Ray on machines of machines.py, whose links can be cut: same token, one core a host."""

import contextlib
import os
import secrets
import signal
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.pages.blocks import ROOT
from tests.support.ray.machines import Machine, Machines, machines

_RAY = str(Path(sys.executable).parent / "ray")
_PORT = 6379
_NAMES = ("a", "b", "c")


class Hosts:
    """A head and two more hosts, or as many as are named."""

    def __init__(self, machines: Machines, head_cpus: int) -> None:
        self._machines = machines
        self._names = list(machines.all)
        self._head_cpus = head_cpus
        self.address = f"{self.head.address}:{_PORT}"

    @property
    def head(self) -> Machine:
        return self._machines.all[self._names[0]]

    @property
    def enter(self) -> tuple[str, ...]:
        """The command that takes a driver to the head."""
        return tuple(self.head.enter())

    def start(self, number: int, **changes: str) -> None:
        """Switch a host on, and start Ray on it, with variables of its own."""
        machine = self._machines.switch_on(self._names[number])
        where = ["--head", f"--port={_PORT}", "--include-dashboard=false"]
        if number:
            where = [f"--address={self.address}"]
        cpus = 1 if number else self._head_cpus
        command = [_RAY, "start", *where, f"--num-cpus={cpus}", "--disable-usage-stats"]
        machine.run(
            " ".join([*command, "--object-store-memory=157286400"]),
            timeout_s=180,
            # the monitor of memory would kill for what others use here
            **os.environ
            | {"PYTHONPATH": str(ROOT), "RAY_memory_monitor_refresh_ms": "0"}
            | changes,
        )

    def get_address(self, number: int) -> str:
        """Return the address of a host."""
        return self._machines.all[self._names[number]].address

    def cut(self, number: int) -> None:
        """Take a host's wire down."""
        self._machines.cut(self._names[number])

    def mend(self, number: int) -> None:
        """Put it up again."""
        self._machines.mend(self._names[number])

    def kill_process(self, number: int, word: str) -> None:
        """SIGKILL a process of a host whose command has this word."""
        found = self._machines.all[self._names[number]].commands()
        pid = next(pid for pid, command in found.items() if word in command)
        os.kill(pid, signal.SIGKILL)

    def kill(self, number: int) -> None:
        """SIGKILL all that runs on a host."""
        self._machines.switch_off(self._names[number])


@contextlib.contextmanager
def hosts(count: int = 3, head_cpus: int = 1, off: int = 0) -> Iterator[Hosts]:
    """Start hosts, but the last `off`, and close them; skip where no namespaces are allowed."""
    with (
        tempfile.TemporaryDirectory(prefix="rk") as short,  # a socket's path has 107 bytes
        pytest.MonkeyPatch.context() as patch,
        machines(Path(short), *_NAMES[:count]) as found,
    ):
        token = Path(short) / "token"
        token.write_text(secrets.token_hex(16))
        patch.setenv("RAY_AUTH_MODE", "token")
        patch.setenv("RAY_AUTH_TOKEN_PATH", str(token))
        here = Hosts(found, head_cpus)
        for number in range(count - off):
            here.start(number)
        yield here
