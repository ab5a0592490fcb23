"""A proxy before a real graph server that disturbs chosen requests, as networks and clusters do.

Faults wait in a queue: each is due when so many more requests of its name have come, and counts as
delivered when it was done to one. Where the client comes by `routed`, the proxy is a cluster of two
servers in front of one store, and "leader change" makes the other one the leader.
"""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections import Counter, deque
from collections.abc import Iterable
from typing import Self
from urllib.parse import urlsplit

from tests.support.graph.bolt_faults import Delivered, Fault
from tests.support.graph.disturbed_connection import RESET, DisturbedConnection


class FaultProxy:
    """Passes connections on to a server and disturbs them."""

    def __init__(self, server: str) -> None:
        address = urlsplit(server)
        self.server = (address.hostname, address.port)
        self.lock = threading.Lock()
        self.delivered: list[Delivered] = []
        self.asked: Counter[str] = Counter()
        self.leader = 0
        self._waiting: deque[Fault] = deque()
        self._passed = 0
        self._away_until = 0.0
        self._connections: set[DisturbedConnection] = set()
        self._listeners = [socket.create_server(("127.0.0.1", 0)) for _ in range(2)]
        self.ports = [listener.getsockname()[1] for listener in self._listeners]
        self.address = f"bolt://127.0.0.1:{self.ports[0]}"
        self.routed = f"neo4j://127.0.0.1:{self.ports[0]}"
        for member, listener in enumerate(self._listeners):
            threading.Thread(target=self._accept, args=(member, listener), daemon=True).start()

    def disturb(self, faults: Iterable[Fault]) -> None:
        """Put faults behind those that wait."""
        with self.lock:
            self._waiting.extend(faults)

    @property
    def waiting(self) -> int:
        """How many faults wait."""
        return len(self._waiting)

    def due(self, request: str, writing: bool) -> Fault | None:
        """Count a request, and return the fault that is due at it.

        Of the commits those of transactions that write count: others change nothing.
        """
        with self.lock:
            self.asked[request] += 1
            if not self._waiting or self._waiting[0].request != request:
                return None
            if request == "COMMIT" and not writing:
                return None
            self._passed += 1
            if self._passed <= self._waiting[0].after:
                return None
            self._passed = 0
            return self._waiting.popleft()

    def put_back(self, fault: Fault) -> None:
        """Take back a fault that could not be done here."""
        with self.lock:
            self._waiting.appendleft(fault)

    def count(self, fault: Fault, unknown: bool) -> None:
        """Write down a fault that was done."""
        with self.lock:
            self.delivered.append(Delivered(fault, unknown))

    def go_away(self, seconds: float) -> None:
        """Hang up on everybody, and on who comes within these seconds."""
        self._away_until = time.monotonic() + seconds
        for connection in list(self._connections):
            connection.hang_up(reset=True)

    def wait_until_back(self) -> None:
        """Wait for the end of an outage."""
        time.sleep(max(0.0, self._away_until - time.monotonic()))

    def change_leader(self) -> None:
        """Make the other member the leader."""
        self.leader = 1 - self.leader

    def close(self) -> None:
        """Hang up."""
        for listener in self._listeners:
            with contextlib.suppress(OSError):
                listener.shutdown(socket.SHUT_RDWR)
            listener.close()
        for connection in list(self._connections):
            connection.hang_up()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _accept(self, member: int, listener: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = listener.accept()
                threading.Thread(target=self._serve, args=(member, client), daemon=True).start()

    def _serve(self, member: int, client: socket.socket) -> None:
        with client, contextlib.suppress(OSError, EOFError):
            if time.monotonic() < self._away_until:
                client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
                return
            with socket.create_connection(self.server) as server:
                connection = DisturbedConnection(self, member, client, server)
                self._connections.add(connection)
                try:
                    connection.serve()
                finally:
                    self._connections.discard(connection)
                    connection.close()
