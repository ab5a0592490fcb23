"""Bounds of a whole service: bytes of all bodies together, and connections."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn
from starlette.types import Message, Receive, Scope, Send

from radkg.service.intake import Intake
from radkg.service.protocol import make_protocol
from radkg.service.server import listen


def test_bodies_are_bounded_together_and_give_their_bytes_back():
    held = asyncio.Event()

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        assert len((await receive())["body"]) == 60
        await held.wait()
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    async def ask(intake: Intake) -> int:
        statuses: list[int] = []

        async def receive() -> Message:
            return {"type": "http.request", "body": b"x" * 60, "more_body": False}

        async def send(message: Message) -> None:
            if message["type"] == "http.response.start":
                statuses.append(message["status"])

        await intake({"type": "http", "path": "/", "headers": []}, receive, send)
        return statuses[0]

    async def scene() -> None:
        intake = Intake(app, limit=lambda scope: 60, total=100, body_s=5.0)
        first = asyncio.create_task(ask(intake))
        await asyncio.sleep(0)
        assert await ask(intake) == 503
        held.set()
        assert await first == 200
        assert await ask(intake) == 200

    asyncio.run(scene())


@contextmanager
def served(connections: int) -> Iterator[int]:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 204, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    config = uvicorn.Config(
        app, http=make_protocol(30.0, connections), log_level="warning", lifespan="off"
    )
    server = uvicorn.Server(config)
    with listen("127.0.0.1", 0) as listening:
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        yield listening.getsockname()[1]
        server.should_exit = True
        thread.join()


def test_more_connections_than_allowed_are_refused_and_a_free_one_is_taken():
    with served(2) as port:
        open_ = [socket.create_connection(("127.0.0.1", port), 30) for _ in range(3)]
        assert b"503 \r\n" in (said := open_[2].recv(1000))
        assert b"retry-after: 2" in said.lower()
        open_[0].close()
        for _ in range(100):  # until the server has noticed
            with socket.create_connection(("127.0.0.1", port), 30) as another:
                another.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
                if another.recv(100).startswith(b"HTTP/1.1 204"):
                    break
        else:
            raise AssertionError("no connection is free again")
        for each in open_:
            each.close()
