"""One connection through a fault proxy: what the client asks and the server answers, disturbed."""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
import time
from typing import TYPE_CHECKING

from tests.support.graph.bolt import (
    FAILURE,
    IGNORED,
    RECORD,
    REQUESTS,
    SUCCESS,
    failure,
    message,
    read_message,
    routes,
    shake_hands,
    tag,
    writes,
)
from tests.support.graph.bolt_faults import (
    AFTER,
    DELAY_S,
    HARMLESS,
    LATE_S,
    LEADER_CHANGE,
    PATIENCE_S,
    REFUSALS,
    REPLICATION_FAILURE,
    SILENCE_S,
    Fault,
)

if TYPE_CHECKING:
    from tests.support.graph.fault_proxy import FaultProxy

RESET = struct.pack("ii", 1, 0)  # linger for no second: close with a reset
_PATIENCE = b"connection.recv_timeout_seconds"
_ROUTING, _NO_ROUTING = b"ssr.enabled\xc3", b"ssr.enabled\xc2"


class DisturbedConnection:
    """One connection: a thread for what the client asks, another for what the server answers."""

    def __init__(
        self, proxy: FaultProxy, member: int, client: socket.socket, server: socket.socket
    ) -> None:
        self._proxy = proxy
        self._member = member
        self._client = client
        self._server = server
        self._from_client = client.makefile("rb")
        self._from_server = server.makefile("rb")
        self._minor = 0
        self._answered = threading.Condition()
        self._num_asked = self._num_answered = 0
        self._ignoring = False  # since a refusal of ours, until RESET
        self._in_transaction = False
        self._writing = False  # in a transaction that may write
        self._at_answer: tuple[int, Fault] | None = None  # what to do when this one is answered
        self._deaf = False  # the client hears nothing any more

    def serve(self) -> None:
        """Pass on what the client asks until one side hangs up."""
        sockets = (self._client, self._server)
        self._minor = shake_hands(self._from_client, self._from_server, sockets)
        threading.Thread(target=self._answer, daemon=True).start()
        while True:
            raw = read_message(self._from_client)
            name = REQUESTS.get(tag(raw), "")
            if self._ignoring and name != "RESET":
                self._client.sendall(message(IGNORED))
                continue
            self._ignoring = False
            if name == "ROUTE":
                self._say(routes(*self._cluster()))
                continue
            if name == "BEGIN" or (name == "RUN" and not self._in_transaction):
                self._writing = writes(raw)
            if name in ("BEGIN", "COMMIT", "ROLLBACK", "RESET"):
                self._in_transaction = name == "BEGIN"
            fault = self._proxy.due(name, self._writing)
            if fault is not None:
                self._disturb(fault, raw, name)
            elif (
                self._member != self._proxy.leader
                and self._writing
                and name in ("BEGIN", "RUN", "COMMIT")
            ):
                self._refuse(REFUSALS["not a leader"])
            else:
                self._pass(raw, name)

    def hang_up(self, reset: bool = False) -> None:
        """End the connection on both sides; `reset` is how a host does that knows nothing of it."""
        self._deaf = True
        with contextlib.suppress(OSError):
            if reset:  # sent when `serve` has woken up and closed
                self._client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
            self._client.shutdown(socket.SHUT_RD if reset else socket.SHUT_RDWR)
        with contextlib.suppress(OSError):
            self._server.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Hang up where that was not done, and let go of what was read ahead."""
        with contextlib.suppress(OSError):
            self._server.shutdown(socket.SHUT_RDWR)
        self._from_client.close()
        self._from_server.close()

    def _cluster(self) -> tuple[str, list[str]]:
        members = [f"127.0.0.1:{port}" for port in self._proxy.ports]
        return members[self._proxy.leader], members

    def _pass(self, raw: bytes, name: str) -> None:
        if name and name != "GOODBYE":
            self._num_asked += 1
        self._server.sendall(raw)

    def _disturb(self, fault: Fault, raw: bytes, name: str) -> None:
        """Do what is to be done to this request."""
        kind = fault.kind
        if kind in AFTER and kind != "late":
            self._at_answer = (self._num_asked + 1, fault)
            self._pass(raw, name)
            return
        if kind == LEADER_CHANGE and not self._writing:
            self._proxy.put_back(fault)  # only who writes needs the leader
            self._pass(raw, name)
            return
        told = (*REFUSALS, *HARMLESS, LEADER_CHANGE)
        self._proxy.count(fault, name == "COMMIT" and kind not in told)
        if kind == LEADER_CHANGE:
            self._proxy.change_leader()
            self._refuse(REFUSALS["not a leader"])
        elif kind in REFUSALS:
            self._refuse(REFUSALS[kind])
        elif kind == "delayed":
            time.sleep(DELAY_S)
            self._pass(raw, name)
        elif kind == "late":
            self._pass_late(raw, name)
        elif kind == "silent":
            self._be_silent()
        elif kind == "outage":
            self._proxy.go_away(fault.seconds)
        else:
            if kind == "torn request":
                self._server.sendall(raw[: len(raw) // 2])
            self.hang_up(reset=kind == "reset")

    def _pass_late(self, raw: bytes, name: str) -> None:
        """Hang up, and have the server do it when the client has come again."""
        self._deaf = True
        self._client.shutdown(socket.SHUT_RDWR)
        time.sleep(LATE_S)
        self._pass(raw, name)
        self._wait_for_answers(5)

    def _be_silent(self) -> None:
        """Let nothing through until the client gives up, or the network forgets the connection."""
        self._deaf = True
        until = time.monotonic() + SILENCE_S
        with contextlib.suppress(TimeoutError):
            while (left := until - time.monotonic()) > 0:
                self._client.settimeout(left)
                if not self._client.recv(65536):
                    break
        self.hang_up(reset=True)

    def _refuse(self, code: str) -> None:
        """Answer in the server's place, which hears nothing until RESET."""
        self._say(failure(code, self._minor))
        self._ignoring = True

    def _say(self, answer: bytes) -> None:
        """Answer in the server's place, when it has answered what came before."""
        self._wait_for_answers(60)
        self._client.sendall(answer)

    def _wait_for_answers(self, seconds: float) -> None:
        with self._answered:
            self._answered.wait_for(lambda: self._num_answered == self._num_asked, seconds)

    def _answer(self) -> None:
        """Pass on what the server answers."""
        with contextlib.suppress(OSError, EOFError, ValueError):
            while True:
                raw = read_message(self._from_server)
                due, fault = self._at_answer or (0, None)
                if fault is not None and due == self._num_answered + 1 and tag(raw) != -1:
                    self._at_answer = None
                    self._disturb_answer(fault, raw)
                elif not self._deaf:
                    self._client.sendall(_hinted(raw))
                if tag(raw) not in (RECORD, -1):
                    with self._answered:
                        self._num_answered += 1
                        self._answered.notify_all()
        self.hang_up()

    def _disturb_answer(self, fault: Fault, raw: bytes) -> None:
        """Do to the server's answer what is to be done: the request was executed."""
        unknown = fault.request == "COMMIT" and tag(raw) != FAILURE
        self._proxy.count(fault, unknown and fault.kind not in HARMLESS)
        if fault.kind == "delayed answer":
            time.sleep(DELAY_S)
            self._client.sendall(raw)
        elif fault.kind == "refused after":
            self._ignoring = True
            self._client.sendall(failure(REPLICATION_FAILURE, self._minor))
        else:
            if fault.kind == "torn answer":
                self._client.sendall(raw[: len(raw) // 2])
            self.hang_up(reset=fault.kind == "unanswered, reset")


def _hinted(raw: bytes) -> bytes:
    """Return the answer to HELLO with hints of our own, other answers as they are.

    The client has less patience with a silent connection, and the server routes nothing itself: one
    that does never answers that it is not the leader, and the driver counts on it.
    """
    at = raw.find(_PATIENCE)
    if at < 0 or tag(raw) != SUCCESS:
        return raw
    at += len(_PATIENCE)
    return raw[:at] + bytes([PATIENCE_S]) + raw[at + 1 :].replace(_ROUTING, _NO_ROUTING)
