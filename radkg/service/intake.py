"""Bodies in full before anything parses them, within bounds of bytes and of time.

The bound of bytes holds for what is announced and for what arrives, in chunks or not; a second
bound holds for all requests together. Who sends too much gets the refusal at once, and may then
finish: a connection that ends in the middle of a body often loses the answer.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from radkg.service.refusal import Refusal, make_problem

_LINGER_S = 10  # for who sends too much
_LINGER_BYTES = 512 << 20
_CLOSED = {"Connection": "close"}


class Intake:
    """Middleware that hands on requests with their whole body.

    Args:
        app: gets each request with its body as one message.
        limit: most bytes of the body of a request.
        total: most bytes of all bodies that are held at once.
        body_s: seconds that a body may take to arrive.
    """

    def __init__(
        self, app: ASGIApp, limit: Callable[[Scope], int], total: int, body_s: float
    ) -> None:
        self._app = app
        self._limit = limit
        self._free = total
        self._body_s = body_s

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, or refuse its body."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        taken = _Taken()
        try:
            body = await self._read(scope, receive, taken)
        except Refusal as refusal:
            self._free += taken.bytes
            await _refuse(refusal, taken, scope, receive, send)
            return
        except _Gone:
            self._free += taken.bytes
            return
        try:
            await self._app(scope, make_replay(body, receive), send)
        finally:
            self._free += taken.bytes

    async def _read(self, scope: Scope, receive: Receive, taken: _Taken) -> bytes:
        limit = self._limit(scope)
        announced = Headers(scope=scope).get("content-length", "")
        if announced.isascii() and announced.isdigit():
            if int(announced) > limit:
                raise _too_large(limit)
            if not int(announced):
                return b""
        parts: list[bytes] = []
        size = 0
        try:
            async with asyncio.timeout(self._body_s):
                while not taken.is_all:
                    message = await receive()
                    if message["type"] == "http.disconnect":
                        raise _Gone
                    part = message.get("body", b"")
                    taken.is_all = not message.get("more_body", False)
                    size += len(part)
                    if size > limit:
                        raise _too_large(limit)
                    if len(part) > self._free:
                        raise Refusal(
                            503, "too many large requests at once", retry_after=2, closes=True
                        )
                    self._free -= len(part)
                    taken.bytes += len(part)
                    parts.append(part)
        except TimeoutError:
            raise Refusal(
                408, f"the body did not arrive within {self._body_s:g} s", closes=True
            ) from None
        return b"".join(parts)


class _Taken:
    """What was taken of a body: bytes of the total, and whether that is all of it."""

    def __init__(self) -> None:
        self.bytes = 0
        self.is_all = False


class _Gone(Exception):
    """The client has ended the connection."""


def _too_large(limit: int) -> Refusal:
    return Refusal(413, f"the body has more than {limit} bytes", closes=True)


def make_replay(body: bytes, receive: Receive) -> Receive:
    """Return what gives an application a body that was read, and then what else comes."""
    is_given = False

    async def give() -> Message:
        nonlocal is_given
        if is_given:
            return await receive()
        is_given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return give


async def _refuse(
    refusal: Refusal, taken: _Taken, scope: Scope, receive: Receive, send: Send
) -> None:
    """Send a refusal; of a body that is too large, read on for a while and forget it."""
    response = make_problem(refusal.status, refusal.detail, {**refusal.headers, **_CLOSED})
    if refusal.status != 413 or taken.is_all:
        await response(scope, receive, send)
        return
    headers = Headers(scope=scope)
    await send(
        {
            "type": "http.response.start",
            "status": response.status_code,
            "headers": response.raw_headers,
        }
    )
    await send({"type": "http.response.body", "body": response.body, "more_body": True})
    if headers.get("expect", "").lower() != "100-continue":
        await _forget(receive)
    await send({"type": "http.response.body", "body": b"", "more_body": False})


async def _forget(receive: Receive) -> None:
    begun, size = time.monotonic(), 0
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(_LINGER_S):
            while size < _LINGER_BYTES and time.monotonic() - begun < _LINGER_S:
                message = await receive()
                size += len(message.get("body", b""))
                if message["type"] == "http.disconnect" or not message.get("more_body"):
                    return
