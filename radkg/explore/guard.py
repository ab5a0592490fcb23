"""Who may ask: only the browser that was given the token, and only under this machine's names.

A page from elsewhere cannot ask: its requests carry no cookie (SameSite), a name that it points at
this machine is refused (Host), and so is a write that another page of this machine sends (Origin).
"""

from __future__ import annotations

import secrets
from typing import Any
from urllib.parse import urlencode, urlsplit

from starlette.datastructures import Headers, MutableHeaders, QueryParams
from starlette.requests import cookie_parser
from starlette.responses import PlainTextResponse, RedirectResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

HOSTS = ("127.0.0.1", "localhost")

# Bars are as long as their style attribute says; no script and no sheet stands within the page.
_HEADERS = {
    "Content-Security-Policy": "default-src 'self'; style-src-attr 'unsafe-inline';"
    " base-uri 'none'; form-action 'self'; frame-ancestors 'none'; object-src 'none'",
    "Cache-Control": "no-store",  # reports must not stay in a browser's cache
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


class Guard:
    """Middleware that lets in who has the token, and sends the headers that close the page.

    `/?token=...` leaves the token in a cookie and goes to `/`; all else needs the cookie.

    Args:
        app: what is guarded.
        token: the secret; of ASCII letters, digits, `-` and `_`.
    """

    def __init__(self, app: ASGIApp, token: str) -> None:
        self._app = app
        self._token = token
        self._cookie = f"radkg-{secrets.token_hex(4)}"  # cookies do not tell ports apart

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, or refuse it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def closed(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(_HEADERS)
            await send(message)

        await (self._refusal(scope) or self._app)(scope, receive, closed)

    def _refusal(self, scope: Scope) -> ASGIApp | None:
        """Return what answers instead of the page, or None where the request may pass."""
        headers = Headers(scope=scope)
        host = headers.get("host", "")
        if urlsplit(f"//{host}").hostname not in HOSTS:
            return PlainTextResponse(f"refused: ask for {' or '.join(HOSTS)}", 400)
        if headers.get("origin", f"http://{host}") != f"http://{host}":
            return PlainTextResponse("refused: another page asked", 403)
        if self._holds(cookie_parser(headers.get("cookie", "")).get(self._cookie)):
            return None
        if scope["path"] == "/" and self._holds(QueryParams(scope["query_string"]).get("token")):
            answer = RedirectResponse("/", 303)
            answer.set_cookie(self._cookie, self._token, httponly=True, samesite="strict")
            return answer
        return PlainTextResponse("refused: open the address that `radkg explore` printed", 403)

    def _holds(self, given: Any) -> bool:
        return secrets.compare_digest(str(given).encode("utf-8", "replace"), self._token.encode())


def make_address(port: int, token: str) -> str:
    """Return the address to open, which holds the token."""
    return f"http://{HOSTS[0]}:{port}/?{urlencode({'token': token})}"
