"""Let in only who has the token; without one, only this machine under its own names.

A page from elsewhere in a browser of this machine is kept out too: it does not have the token, a
foreign name that points at this machine is refused (Host), and so is a foreign page (Origin).
"""

from __future__ import annotations

import re
import secrets

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from radkg.service.refusal import make_problem

_HOSTS = frozenset({"127.0.0.1", "localhost", "[::1]"})
_HOST = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[^:\[\]/@]+)(?::\d{1,5})?")
_OPEN = frozenset({"/", "/healthz", "/readyz", "/openapi.json"})  # hold nothing of anybody
_OPEN_FOLDER = "/static/"
_HEADERS = {
    "Content-Security-Policy": "default-src 'self'; base-uri 'none'; form-action 'none';"
    " frame-ancestors 'none'; object-src 'none'",
    "Cache-Control": "no-store",  # reports must not stay in a cache
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


class Guard:
    """Middleware that refuses who may not ask, and sends the protective headers.

    Args:
        app: the application to guard.
        token: that clients send as `Authorization: Bearer TOKEN`; None: none is needed.
    """

    def __init__(self, app: ASGIApp, token: str | None) -> None:
        self._app = app
        self._token = None if token is None else token.encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, or refuse it before a byte of its body is read."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in _HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        await (self._refusal(scope) or self._app)(scope, receive, send_with_headers)

    def _refusal(self, scope: Scope) -> ASGIApp | None:
        headers = Headers(scope=scope)
        host = headers.get("host", "")
        if self._token is None:
            found = _HOST.fullmatch(host)
            if found is None or found[1].lower() not in _HOSTS:
                names = " or ".join(sorted(_HOSTS))
                return make_problem(400, f"ask for {names}", {"Connection": "close"})
        origin = headers.get("origin")
        if origin is not None and origin.partition("://")[2] != host:
            return make_problem(403, "another page asked", {"Connection": "close"})
        path = scope["path"]
        if self._token is None or path in _OPEN or path.startswith(_OPEN_FOLDER):
            return None
        kind, _, token = headers.get("authorization", "").partition(" ")
        if kind.lower() == "bearer" and secrets.compare_digest(
            token.strip().encode("utf-8", "replace"), self._token
        ):
            return None
        return make_problem(
            401,
            "send the token of the service as `Authorization: Bearer TOKEN`",
            {"WWW-Authenticate": "Bearer", "Connection": "close"},
        )
