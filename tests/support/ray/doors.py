"""The way from machine to machine: what ssh would start there is started there; see ssh.py."""

import contextlib
import json
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.support.ray.machines import Machine, Machines

_SCRIPT = Path(__file__).with_name("ssh.py")


@contextlib.contextmanager
def doors(machines: Machines, folder: Path) -> Iterator[Path]:
    """Open the machines to each other; give the directory that holds `ssh` and `rsync`."""
    place = folder / "bin"
    place.mkdir()
    for name in ("ssh", "rsync"):
        command = f'exec {sys.executable} -I {_SCRIPT} {name} {folder}/door "$@"'
        (place / name).write_text(f"#!/bin/sh\n{command}\n")
        (place / name).chmod(0o755)
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(f"{folder}/door")
        server.listen(64)
        threading.Thread(target=_serve, args=(server, machines), daemon=True).start()
        yield place


def _serve(server: socket.socket, machines: Machines) -> None:
    while True:
        try:
            connection, _ = server.accept()
        except OSError:  # closed
            return
        threading.Thread(target=_answer, args=(connection, machines), daemon=True).start()


def _answer(connection: socket.socket, machines: Machines) -> None:
    with connection, contextlib.suppress(OSError):
        data, fds, _, _ = socket.recv_fds(connection, 1 << 20, 3)
        while not data.endswith(b"\n"):
            data += connection.recv(1 << 20)
        request = json.loads(data)
        named = [one for one in machines.all.values() if one.address == request["to"]]
        machine = named[0] if named and named[0].is_on else None
        if "command" in request:
            code = _run(connection, machine, request["command"], fds)
            connection.sendall(f"{code}\n".encode())
        elif machine and "home" in request:
            connection.sendall(f"{machine.home}\n".encode())
        elif machine:
            with machine.connect(request["port"]) as there:
                socket.send_fds(connection, [b"\n"], [there.fileno()])


def _run(connection: socket.socket, machine: Machine | None, command: str, fds: list[int]) -> int:
    """Run a command as a user's shell does; end it when who asked is gone."""
    try:
        if machine is None:
            os.write(fds[2], b"ssh: connect to host port 22: Connection refused\n")
            return 255
        streams: dict[str, Any] = dict(zip(("stdin", "stdout", "stderr"), fds, strict=True))
        process = machine.start(["bash", "-c", command], **streams)
    finally:
        for fd in fds:
            os.close(fd)
    while True:
        with contextlib.suppress(subprocess.TimeoutExpired):
            return int(process.wait(0.2))
        connection.setblocking(False)
        with contextlib.suppress(BlockingIOError):
            if not connection.recv(1):
                machine.kill(process)
                return 255
        connection.setblocking(True)
