"""A Bolt connection that breaks after a commit reached the server and before its answer returns."""

import contextlib
import socket
import threading
from collections.abc import Iterator
from urllib.parse import urlsplit

COMMIT = b"\x00\x02\xb0\x12\x00\x00"  # a chunk of two bytes: a structure without fields, COMMIT


@contextlib.contextmanager
def losing_commits(address: str, every: int) -> Iterator[tuple[str, list[int]]]:
    """Give the address of a proxy that loses the answer to every n-th commit, and those lost."""
    target = urlsplit(address)
    lost: list[int] = []
    commits = 0

    def serve(client: socket.socket) -> None:
        nonlocal commits
        server = socket.create_connection((target.hostname, target.port))
        lose = threading.Event()

        def answer() -> None:
            with contextlib.suppress(OSError):
                while data := server.recv(65536):
                    if lose.is_set():
                        break
                    client.sendall(data)
                client.shutdown(socket.SHUT_RDWR)

        back = threading.Thread(target=answer, daemon=True)
        back.start()
        with contextlib.suppress(OSError):
            while data := client.recv(65536):
                if COMMIT in data:
                    commits += 1
                    if commits % every == 0:
                        lost.append(commits)
                        lose.set()
                server.sendall(data)
        back.join(10)
        server.close()
        client.close()

    def accept() -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = listener.accept()
                threading.Thread(target=serve, args=(client,), daemon=True).start()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=accept, daemon=True).start()
        yield f"bolt://127.0.0.1:{listener.getsockname()[1]}", lost
        listener.shutdown(socket.SHUT_RDWR)
