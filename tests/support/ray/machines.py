"""Machines on this machine: each with a network, processes, a host name and a /tmp/ray of its own.

A machine is one process in namespaces of Linux; whoever is started on it is a child of that process
and ends with it, as at a power cut. All wires lead to one switch, a namespace too. On its name a
machine answers with 127.0.1.1, as Debian sets it up. Needs root, iproute2 and util-linux.
"""

import contextlib
import ctypes
import os
import shutil
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.support.runs.processes import commands

_REAPER = "while :; do sleep 3600 & wait $!; done"  # the first process buries the orphans
_CLONE_NEWNET = 0x40000000
_GATEWAY = "10.213.9.254"


@dataclass
class Machine:
    """One machine; `home` is the home of its only user."""

    name: str
    address: str
    home: Path
    pid: int = 0
    """its first process; 0: it is off"""

    @property
    def is_on(self) -> bool:
        return self.pid > 0

    def enter(self) -> list[str]:
        """Return the command before a command that runs on this machine."""
        spaces = ("-n", "-m", "-p", "-u", f"--wd={self.home}")
        return ["nsenter", "-t", str(self.pid), *spaces, "--"]

    def start(self, command: Sequence[str], **options: Any) -> "subprocess.Popen[Any]":
        """Start a process on this machine, with a bare environment and what `env` adds."""
        changes: Mapping[str, str] = options.pop("env", {})
        path = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
        environment = {"HOME": str(self.home), "USER": "root", "PATH": path, "LANG": "C.UTF-8"}
        return subprocess.Popen([*self.enter(), *command], env=environment | changes, **options)

    def kill(self, process: "subprocess.Popen[Any]") -> None:
        """SIGKILL what `start` started, behind the command that entered the machine."""
        with contextlib.suppress(OSError):
            for child in (
                Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
            ):
                os.kill(int(child), signal.SIGKILL)
        process.kill()
        process.wait()

    def run(self, command: str, timeout_s: float = 60, **changes: str) -> str:
        """Run a line of bash; return what it said, and fail if it failed."""
        done = self.start(
            ["bash", "-c", command],
            env=changes,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        said, _ = done.communicate(timeout=timeout_s)
        assert done.returncode == 0, f"{self.name}: {command}: {said}"
        return str(said)

    def commands(self) -> dict[int, str]:
        """Return the command line of every process on this machine, by its id outside."""
        found = {}
        own = os.readlink(f"/proc/{self.pid}/ns/pid")
        for pid, command in commands().items():
            with contextlib.suppress(OSError):
                if os.readlink(f"/proc/{pid}/ns/pid") == own:
                    found[pid] = command
        return found

    def connect(self, port: int) -> socket.socket:
        """Return a connection to a port of this machine's loopback."""
        found: list[Any] = []

        def open_there() -> None:
            libc = ctypes.CDLL(None, use_errno=True)
            with open(f"/proc/{self.pid}/ns/net") as network:  # of this thread alone
                if libc.setns(network.fileno(), _CLONE_NEWNET):
                    raise OSError(ctypes.get_errno(), "setns")
            try:
                found.append(socket.create_connection(("127.0.0.1", port), timeout=10))
            except OSError as error:
                found.append(error)

        thread = threading.Thread(target=open_there)
        thread.start()
        thread.join()
        if isinstance(found[0], OSError):
            raise found[0]
        connection: socket.socket = found[0]
        connection.settimeout(None)  # whoever gets it waits
        return connection


class Machines:
    """Machines and the switch between them."""

    def __init__(self, folder: Path, names: Sequence[str]) -> None:
        """Name machines; they are off. `folder` has a short path: sockets are made below it."""
        self._folder = folder
        self._switch = f"rk{os.getpid()}"
        self._parents: dict[str, subprocess.Popen[Any]] = {}
        self.all = {
            name: Machine(name, f"10.213.9.{number + 1}", folder / name)
            for number, name in enumerate(names)
        }
        for machine in self.all.values():
            machine.home.mkdir(parents=True)
            (folder / f"{machine.name}.ray").mkdir()
        Path("/tmp/ray").mkdir(exist_ok=True)
        _run("ip", "netns", "add", self._switch)
        self._inside("ip", "link", "add", "switch", "type", "bridge")
        self._inside("ip", "link", "set", "switch", "up")

    def switch_on(self, name: str) -> Machine:
        """Start a machine and connect it."""
        machine = self.all[name]
        hosts = self._folder / f"{name}.hosts"
        hosts.write_text(f"127.0.0.1 localhost\n127.0.1.1 {name}\n")
        set_up = (
            f"mount --bind {self._folder}/{name}.ray /tmp/ray && mount --bind {hosts} /etc/hosts "
            f"&& hostname {name} && ip link set lo up && exec bash -c '{_REAPER}'"
        )
        spaces = ("--net", "--pid", "--mount", "--uts", "--fork", "--mount-proc", "--kill-child")
        command = ["unshare", *spaces, "bash", "-c", set_up]
        parent = subprocess.Popen(command, stderr=subprocess.DEVNULL)
        machine.pid = _find_child(parent.pid)
        self._parents[name] = parent
        wire = self._wire(name)
        peer = ("type", "veth", "peer", "name", wire, "netns", self._switch)
        _run("ip", "link", "add", "wire", "netns", str(machine.pid), *peer)
        self._inside("ip", "link", "set", wire, "master", "switch", "up")
        network = ["nsenter", "-t", str(machine.pid), "-n", "--"]
        _run(*network, "ip", "address", "add", f"{machine.address}/24", "dev", "wire")
        _run(*network, "ip", "link", "set", "wire", "up")
        _run(*network, "ip", "route", "add", "default", "via", _GATEWAY)  # nobody is there
        return machine

    def cut(self, name: str) -> None:
        """Take the wire of a machine down."""
        self._inside("ip", "link", "set", self._wire(name), "down")

    def mend(self, name: str) -> None:
        """Put it up again."""
        self._inside("ip", "link", "set", self._wire(name), "up")

    def switch_off(self, name: str) -> None:
        """SIGKILL all that runs on a machine."""
        machine = self.all[name]
        with contextlib.suppress(ProcessLookupError):
            os.kill(machine.pid, signal.SIGKILL)
        machine.pid = 0
        self._parents.pop(name).wait()

    def close(self) -> None:
        """Switch all off, and take the switch away."""
        for machine in self.all.values():
            if machine.is_on:
                self.switch_off(machine.name)
        _run("ip", "netns", "delete", self._switch)

    def _wire(self, name: str) -> str:
        """Return the name of a machine's wire at the switch."""
        return f"{self._switch}{list(self.all).index(name)}"

    def _inside(self, *command: str) -> None:
        _run("ip", "netns", "exec", self._switch, *command)


@contextlib.contextmanager
def machines(folder: Path, *names: str) -> Iterator[Machines]:
    """Give machines that are off; skip where this machine allows no namespaces."""
    if os.geteuid() != 0 or not all(map(shutil.which, ("ip", "unshare", "nsenter"))):
        pytest.skip("network namespaces need root, iproute2 and util-linux")
    try:
        found = Machines(folder, names)
    except AssertionError as error:
        pytest.skip(f"no network namespaces here: {error}")
    try:
        yield found
    finally:
        found.close()


def _find_child(parent: int) -> int:
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        children = Path(f"/proc/{parent}/task/{parent}/children").read_text().split()
        if children and "sleep" in _commands_below(int(children[0])):
            return int(children[0])
        time.sleep(0.05)
    raise AssertionError("a machine did not start in 20 s")


def _commands_below(pid: int) -> str:
    """Return the names of a process's children: the reaper has begun when it sleeps."""
    with contextlib.suppress(OSError):
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        return " ".join(Path(f"/proc/{child}/comm").read_text() for child in children)
    return ""


def _run(*words: str) -> str:
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{' '.join(words)}: {done.stdout}{done.stderr}"
    return done.stdout
