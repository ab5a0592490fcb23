"""HTTP/1.1 on one connection, with bounds that uvicorn lacks: of the header and of connections.

A client that sends its header slowly gets 408, one that sends a header without end 431, and one
that comes when all connections are taken 503.
"""

from __future__ import annotations

import asyncio
from typing import Any, cast

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from radkg.service.refusal import make_problem

_GOODBYE_S = 2  # that a client has to read what it was sent
_MOST_HEADER = 64 << 10  # bytes, of request line and header together


def make_protocol(header_s: float, connections: int) -> type[asyncio.Protocol]:
    """Return the protocol of a server.

    Args:
        header_s: seconds that a header may take to arrive.
        connections: most connections at once.
    """
    bounds = {"header_s": header_s, "most_connections": connections}
    return type("BoundedProtocol", (_BoundedProtocol,), bounds)


class _BoundedProtocol(HttpToolsProtocol):
    header_s: float
    most_connections: int

    def __init__(self, *args: Any, **more: Any) -> None:
        super().__init__(*args, **more)
        self._header_timer: asyncio.TimerHandle | None = None
        self._header_bytes = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        if len(self.connections) > self.most_connections:
            self._end(503, "too many connections", {"Retry-After": "2"})
            return
        self._begin_header()

    def data_received(self, data: bytes) -> None:
        if self.transport.is_closing():
            return
        super().data_received(data)
        if self._header_timer is not None:
            self._header_bytes += len(data)
            if self._header_bytes > _MOST_HEADER:
                self._end(431, f"the header has more than {_MOST_HEADER} bytes")

    def on_message_begin(self) -> None:
        super().on_message_begin()
        if self._header_timer is None:
            self._begin_header()

    def on_headers_complete(self) -> None:
        self._stop_timer()
        super().on_headers_complete()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_timer()
        super().connection_lost(exc)

    def timeout_keep_alive_handler(self) -> None:
        """End a connection on which nothing came."""
        self._close()

    def shutdown(self) -> None:
        """End the connection, after the answer to what was begun."""
        super().shutdown()
        if self.transport.is_closing():
            self._close()

    def _close(self) -> None:
        """End the connection, also where the client neither reads nor says goodbye (TLS)."""
        self.transport.close()
        self.loop.call_later(_GOODBYE_S, self.transport.abort)

    def _begin_header(self) -> None:
        self._header_bytes = 0
        self._header_timer = self.loop.call_later(
            self.header_s,
            lambda: self._end(408, f"the header did not arrive within {self.header_s:g} s"),
        )

    def _stop_timer(self) -> None:
        if self._header_timer is not None:
            self._header_timer.cancel()
            self._header_timer = None

    def _end(self, status: int, detail: str, headers: dict[str, str] | None = None) -> None:
        """Send a refusal that no application has seen, and end the connection."""
        self._stop_timer()
        if self.transport.is_closing():
            return
        response = make_problem(status, detail, {**(headers or {}), "Connection": "close"})
        lines = [b"HTTP/1.1 %d " % status]
        lines += [b"\r\n%s: %s" % pair for pair in response.raw_headers]
        self.transport.write(b"".join([*lines, b"\r\n\r\n", cast(bytes, response.body)]))
        self._close()
