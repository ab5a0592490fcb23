"""Hosts of a real Ray in network namespaces of this machine, whose links can be cut.

Each host has its own address, its own `ray start` with the same token, and a wire to a switch that
is a namespace too: nothing of the machine's own network is touched. Needs root and iproute2.
"""

import contextlib
import os
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

_RAY = str(Path(sys.executable).parent / "ray")
_PORT = 6379


class Hosts:
    """A head and two more hosts, with one core each."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._name = f"rk{os.getpid()}"
        self._names = [f"{self._name}{letter}" for letter in "abc"]
        self.address = f"{_ip(0)}:{_PORT}"
        self.enter = ("ip", "netns", "exec", self._names[0])
        """command that takes a driver to the head"""

    def start(self) -> None:
        """Lay the wires and start Ray on each host."""
        _ip_command("netns", "add", self._name)
        _inside(self._name, "ip", "link", "add", "switch", "type", "bridge")
        _inside(self._name, "ip", "link", "set", "switch", "up")
        for number, name in enumerate(self._names):
            _ip_command("netns", "add", name)
            wire = ("type", "veth", "peer", "name", name, "netns", self._name)
            _ip_command("link", "add", "wire", "netns", name, *wire)
            _inside(self._name, "ip", "link", "set", name, "master", "switch", "up")
            _inside(name, "ip", "address", "add", f"{_ip(number)}/24", "dev", "wire")
            for device in ("wire", "lo"):
                _inside(name, "ip", "link", "set", device, "up")
        for number in range(len(self._names)):
            self._start_ray(number)

    def _start_ray(self, number: int) -> None:
        folder = self._folder / str(number)
        where = ("--head", f"--port={_PORT}", "--include-dashboard=false")
        if number:
            where = (f"--address={self.address}",)
        _inside(
            *(self._names[number], _RAY, "start", *where, f"--node-ip-address={_ip(number)}"),
            *("--num-cpus=1", "--object-store-memory=157286400", "--disable-usage-stats"),
            f"--temp-dir={folder}",
        )

    def cut(self, number: int) -> None:
        """Take a host's wire down."""
        _inside(self._name, "ip", "link", "set", self._names[number], "down")

    def mend(self, number: int) -> None:
        """Put it up again."""
        _inside(self._name, "ip", "link", "set", self._names[number], "up")

    def kill(self, number: int) -> None:
        """SIGKILL all that runs on a host."""
        said = _ip_command("netns", "pids", self._names[number])
        for pid in map(int, said.split()):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    def close(self) -> None:
        """End all processes and take the wires away."""
        for number, name in enumerate(self._names):
            with contextlib.suppress(subprocess.CalledProcessError):
                self.kill(number)
                _ip_command("netns", "delete", name)
        with contextlib.suppress(subprocess.CalledProcessError):
            _ip_command("netns", "delete", self._name)


@contextlib.contextmanager
def hosts() -> Iterator[Hosts]:
    """Start hosts and close them; skip where this machine allows no namespaces."""
    if os.geteuid() != 0 or not shutil.which("ip"):
        pytest.skip("network namespaces need root and iproute2")
    with (
        tempfile.TemporaryDirectory(prefix="rk") as short,  # a socket's path has 107 bytes
        pytest.MonkeyPatch.context() as patch,
    ):
        token = Path(short) / "token"
        token.write_text(secrets.token_hex(16))
        patch.setenv("RAY_AUTH_MODE", "token")
        patch.setenv("RAY_AUTH_TOKEN_PATH", str(token))
        found = Hosts(Path(short))
        try:
            found.start()
            yield found
        finally:
            found.close()


def _ip(number: int) -> str:
    return f"10.213.7.{number + 1}"


def _inside(name: str, *command: str) -> str:
    return _ip_command("netns", "exec", name, *command)


def _ip_command(*words: str) -> str:
    done = subprocess.run(["ip", *words], capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"ip {' '.join(words)}: {done.stdout}{done.stderr}"
    return done.stdout
