"""What of a request is looked at before the application sees it: that it can be read at all.

A request that is not what HTTP, UTF-8 or JSON say ends here with a status of its own, and a body
is measured while it comes: nothing that is refused was ever in memory whole.
"""

from __future__ import annotations

import json
from typing import NamedTuple
from urllib.parse import SplitResult, unquote_to_bytes, urlsplit

from starlette.datastructures import Headers
from starlette.types import Receive, Scope

MOST_BODY = 64 * 1024  # bytes: a verdict has some hundred


class Fault(NamedTuple):
    """Why a request is refused."""

    status: int
    what: str


def split_host(host: str) -> SplitResult | None:
    """Return the parts of a Host header; None: it is none."""
    try:
        parts = urlsplit(f"//{host}")
        parts.port  # noqa: B018  # raises for what is no number
    except ValueError:
        return None
    return parts


def find_fault(scope: Scope) -> Fault | None:
    """Return why the address of a request cannot be read; None: it can."""
    try:
        unquote_to_bytes(scope["query_string"]).decode("utf-8")
        str(scope["path"]).encode("utf-8")
    except UnicodeError:
        return Fault(400, "the address is no UTF-8")
    return None


async def read_body(scope: Scope, receive: Receive) -> bytes | Fault:
    """Return the body of a request, or why it is refused; MOST_BODY is the most that is read."""
    length = Headers(scope=scope).get("content-length", "0")
    too_long = Fault(413, f"a body has {MOST_BODY} bytes at most")
    if not (length.isascii() and length.isdigit()):
        return Fault(400, "Content-Length is no number")
    if len(length) > len(str(MOST_BODY)) or int(length) > MOST_BODY:
        return too_long
    data = bytearray()
    more = True
    while more:
        message = await receive()
        if message["type"] != "http.request":
            return Fault(400, "the request did not end")
        data += message.get("body", b"")
        if len(data) > MOST_BODY:
            return too_long
        more = message.get("more_body", False)
    return _check_json(bytes(data)) or bytes(data)


def _check_json(data: bytes) -> Fault | None:
    """Return why a body is no JSON whose texts are all UTF-8; an empty one is none."""
    try:
        if data:
            json.dumps(json.loads(data), ensure_ascii=False).encode("utf-8")
    except (ValueError, RecursionError):  # UnicodeError is a ValueError
        return Fault(400, "the body is no JSON in UTF-8")
    return None
