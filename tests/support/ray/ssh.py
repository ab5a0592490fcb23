"""Stand-ins for ssh and rsync between the machines of machines.py: what is sent there runs there.

`python ssh.py ssh|rsync DOOR ...` takes what Ray's launcher gives to ssh and rsync. DOOR is the
socket of doors.py, which starts the command on the machine that has the address.
"""

import contextlib
import json
import os
import shutil
import socket
import sys
import threading

WITH_VALUE = ("-i", "-o", "-L", "-p", "-l")


def main(door: str, arguments: list[str]) -> int:
    """Be `ssh [options] user@address command`."""
    forwards, target, words = [], "", list(arguments)
    while words and not target:
        word = words.pop(0)
        if word in WITH_VALUE:
            value = words.pop(0)
            forwards += [value] if word == "-L" else []
        elif not word.startswith("-"):
            target = word
    address = target.rpartition("@")[2]
    for forward in forwards:
        local, _, port = forward.split(":")
        forward_port(door, int(local), address, int(port))
    with ask(door, {"to": address, "command": " ".join(words)}, [0, 1, 2]) as connection:
        return int(connection.makefile().readline() or 255)


def copy(door: str, arguments: list[str]) -> int:
    """Be `rsync --rsh ... -avz [--exclude PATTERN] source user@address:path`."""
    excluded = [arguments[i + 1] for i, word in enumerate(arguments) if word == "--exclude"]
    source, (target, path) = arguments[-2], arguments[-1].split(":", 1)
    with ask(door, {"to": target.rpartition("@")[2], "home": True}) as connection:
        home = connection.makefile().readline().strip()
    if not home:
        return 255
    path = home + path[1:] if path.startswith("~") else path
    if os.path.isdir(source):
        ignore = shutil.ignore_patterns(*excluded)
        shutil.copytree(source, path, symlinks=True, ignore=ignore, dirs_exist_ok=True)
    else:
        shutil.copy2(source, path)
    return 0


def forward_port(door: str, local: int, address: str, port: int) -> None:
    """Listen on a port of this machine's loopback; lead each connection to one of the other's."""
    server = socket.create_server(("127.0.0.1", local))

    def serve() -> None:
        while True:
            caller, _ = server.accept()
            with ask(door, {"to": address, "port": port}) as connection:
                _, fds, _, _ = socket.recv_fds(connection, 16, 1)
            if not fds:
                caller.close()
                continue
            there = socket.socket(fileno=fds[0])
            for pair in ((caller, there), (there, caller)):
                threading.Thread(target=pump, args=pair, daemon=True).start()

    threading.Thread(target=serve, daemon=True).start()


def pump(source: socket.socket, sink: socket.socket) -> None:
    """Send what comes from one to the other, until it ends."""
    with contextlib.suppress(OSError):
        while data := source.recv(1 << 16):
            sink.sendall(data)
        sink.shutdown(socket.SHUT_WR)


def ask(door: str, what: dict[str, object], fds: list[int] | None = None) -> socket.socket:
    """Ask for something at the door; the answer is read from what is returned."""
    connection = socket.socket(socket.AF_UNIX)
    connection.connect(door)
    socket.send_fds(connection, [json.dumps(what).encode() + b"\n"], fds or [])
    return connection


if __name__ == "__main__":
    sys.exit({"ssh": main, "rsync": copy}[sys.argv[1]](sys.argv[2], sys.argv[3:]))
