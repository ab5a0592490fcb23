"""Malformed requests over a real socket: each gets a status of its own, and no traceback."""

from __future__ import annotations

import contextlib
import json
import random
import re
import socket
import threading
from collections.abc import Iterator

import pytest
from fastapi import FastAPI

from radkg.explore.incoming import MOST_BODY
from radkg.graph import Graph
from tests.explore.conftest import TOKEN, OpenExplorer, served

GOOD = {"study_id": "CXR1", "triplet": 1, "verdict": None}
LONG = 300 * 1024 * 1024


@pytest.fixture
def place(embedded_graph: Graph, open_explorer: OpenExplorer) -> Iterator[tuple[int, str]]:
    """Port of a served explorer, and the cookie of who may ask."""
    app: FastAPI = open_explorer(embedded_graph)
    with served(app) as home:
        port = int(home.split(":")[2].split("/")[0])
        answer = ask(port, [f"GET /?token={TOKEN} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode()])
        (cookie,) = re.findall(rb"set-cookie: ([^;]+)", answer)
        yield port, cookie.decode()


def ask(port: int, parts: list[bytes]) -> bytes:
    """Send a request, part by part; return what the server answers until it stops reading."""
    with socket.create_connection(("127.0.0.1", port), timeout=30) as connection:
        with contextlib.suppress(ConnectionError):
            for part in parts:
                connection.sendall(part)
        with contextlib.suppress(TimeoutError, ConnectionError):
            answer = connection.recv(65536)
            while b"\r\n\r\n" not in answer:
                more = connection.recv(65536)
                if not more:
                    break
                answer += more
            return answer
    return b""


def make_request(
    cookie: str,
    target: str = "/api/about",
    host: str = "127.0.0.1",
    more: str = "",
    body: bytes = b"",
) -> bytes:
    method = "POST" if body or more.startswith(("Content", "Transfer")) else "GET"
    head = f"{method} {target} HTTP/1.1\r\nHost: {host}\r\nCookie: {cookie}\r\n{more}\r\n"
    return head.encode("utf-8", "surrogateescape") + body


def read_status(answer: bytes) -> int:
    return int(answer.split()[1]) if answer else 0


def make_json(text: bytes) -> tuple[str, bytes]:
    return f"Content-Type: application/json\r\nContent-Length: {len(text)}\r\n", text


BODIES = {
    "lone surrogate": json.dumps(GOOD | {"study_id": "\ud800"}).encode(),
    "lone surrogate as a name": json.dumps(GOOD | {"\udfff": 1}).encode(),
    "no UTF-8": b'{"study_id": "\xff"}',
    "no JSON": b"{",
    "deep": b"[" * 60_000,
    "a long number": b'{"triplet": ' + b"9" * 20_000 + b"}",
    "another shape": b"[1]",
}
TARGETS = [
    *(
        f"/api/{path}"
        for path in ("population/concept?name=%ED%A0%80", "study?study_id=%ff", "answer/%ED%A0%80")
    ),
    *("/api/answer/prevalence?finding=%ED%BF%BF", "/?token=%ff", "/%00", "/static/%2e%2e/%ff"),
]
HOSTS = ["[", "]", "[::1", "127.0.0.1:port", "127.0.0.1:99999", "\udcff", "@", "", "evil.example"]


def test_malformed_requests_get_a_status_and_no_traceback(
    place: tuple[int, str], capfd: pytest.CaptureFixture[str]
) -> None:
    port, cookie = place
    for host in HOSTS:
        assert read_status(ask(port, [make_request(cookie, host=host)])) == 400, host
    for target in TARGETS:
        status = read_status(ask(port, [make_request(cookie, target)]))
        assert 400 <= status < 500, (target, status)
    for name, text in BODIES.items():
        more, body = make_json(text)
        status = read_status(
            ask(port, [make_request(cookie, "/api/verdict", more=more, body=body)])
        )
        assert status in (400, 422), (name, status)
    assert "Traceback" not in capfd.readouterr().err
    assert read_status(ask(port, [make_request(cookie)])) == 200


def test_a_body_is_refused_before_it_is_read(place: tuple[int, str]) -> None:
    port, cookie = place
    sent = 0

    def send(more: str, wrap: bool) -> int:
        """Send up to 300 MB; return the status, with `sent` as many bytes as the server took."""
        nonlocal sent
        sent = 0
        piece = b"x" * 65536
        part = b"10000\r\n" + piece + b"\r\n" if wrap else piece
        with socket.create_connection(("127.0.0.1", port), timeout=30) as connection:
            connection.sendall(make_request(cookie, "/api/verdict", more=more))
            answers: list[bytes] = []
            reading = threading.Thread(target=lambda: answers.append(connection.recv(65536)))
            reading.start()
            with contextlib.suppress(OSError):
                while sent < LONG and not answers:
                    connection.sendall(part)
                    sent += len(piece)
            reading.join()
        return read_status(answers[0]) if answers else 0

    assert send(f"Content-Length: {LONG}\r\n", wrap=False) == 413
    assert sent < 32 * 1024 * 1024  # what buffers of the system hold, far from all
    assert send("Transfer-Encoding: chunked\r\n", wrap=True) == 413
    assert sent < 32 * 1024 * 1024
    more, body = make_json(b" " * MOST_BODY + json.dumps(GOOD).encode())
    assert (
        read_status(ask(port, [make_request(cookie, "/api/verdict", more=more, body=body)])) == 413
    )
    for length in ("-1", "1e3", "9" * 5000, "0x10"):
        request = make_request(cookie, "/api/verdict", more=f"Content-Length: {length}\r\n")
        assert read_status(ask(port, [request])) in (400, 413)
    assert read_status(ask(port, [make_request(cookie)])) == 200


def test_headers_end_somewhere(place: tuple[int, str]) -> None:
    port, cookie = place
    line = "X: " + "y" * 8000 + "\r\n"
    assert read_status(ask(port, [make_request(cookie, more=line * 100)])) == 400


def test_the_answer_to_a_bad_value_does_not_repeat_it(place: tuple[int, str]) -> None:
    port, cookie = place
    more, body = make_json(json.dumps(GOOD | {"triplet": "secret words of a report"}).encode())
    answer = ask(port, [make_request(cookie, "/api/verdict", more=more, body=body)])
    assert read_status(answer) == 422
    assert b"secret" not in answer


def test_any_bytes_get_an_answer_that_blames_them(
    place: tuple[int, str], capfd: pytest.CaptureFixture[str]
) -> None:
    """Seeded changes of good requests: never a status of the server's fault."""
    port, cookie = place
    draw = random.Random(0)
    more, body = make_json(json.dumps(GOOD).encode())
    good = [
        make_request(cookie, "/api/population/choices?kind=finding&text=effusion&limit=3"),
        make_request(cookie, "/api/population/cohort?finding=effusion&since=2020-01-01"),
        make_request(cookie, "/api/evidence?head=a&relation=modify&tail=b&skip=0"),
        make_request(cookie, "/api/answer/prevalence?finding=effusion"),
        make_request(cookie, "/api/verdict", more=more, body=body),
    ]
    for number in range(300):
        data = bytearray(draw.choice(good))
        for _ in range(draw.randint(1, 4)):
            at = draw.randrange(len(data))
            change = draw.choice(
                (b"%ED%A0%80", b"\\ud800", b"\xff", b"[", b"%", b"\x00", b"\r\n", b"9" * 40)
            )
            data[at : at + draw.randint(0, 3)] = change
        data += b"\r\n\r\n"
        status = read_status(ask_briefly(port, bytes(data)))
        assert status < 500, (number, bytes(data))
    assert "Traceback" not in capfd.readouterr().err
    assert read_status(ask(port, [make_request(cookie)])) == 200


def ask_briefly(port: int, data: bytes) -> bytes:
    """Send, say that nothing follows, and return the answer, if there is one."""
    with (
        socket.create_connection(("127.0.0.1", port), timeout=30) as connection,
        contextlib.suppress(OSError),
    ):
        connection.sendall(data)
        connection.shutdown(socket.SHUT_WR)
        return connection.recv(65536)
    return b""
