"""Let in only the browser that has the token, and only under the names of this machine.

A page from elsewhere is kept out: its requests carry no cookie (SameSite), and a foreign name that
points at this machine is refused (Host). A write from another page of this machine is refused too
(Origin).
"""

from __future__ import annotations

import secrets
from typing import Any
from urllib.parse import urlencode

from starlette.datastructures import Headers, MutableHeaders, QueryParams
from starlette.requests import cookie_parser
from starlette.responses import PlainTextResponse, RedirectResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from radkg.explore.incoming import Fault, find_fault, read_body, split_host
from radkg.service.intake import make_replay

HOSTS = ("127.0.0.1", "localhost")

# The page holds no script and no style sheet of its own, but bars have their length as a style.
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
    """Middleware that refuses requests without the token and sends the protective headers.

    `/?token=...` stores the token in a cookie and redirects to `/`; every other request needs the
    cookie.

    Args:
        app: the application to guard.
        token: the secret, of ASCII letters, digits, `-` and `_`.
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

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(_HEADERS)
            await send(message)

        refusal = self._refusal(scope)
        if refusal is None:
            body = await read_body(scope, receive)
            if isinstance(body, bytes):
                await self._app(scope, make_replay(body, receive), send_with_headers)
                return
            refusal = _refuse(body)
        await refusal(scope, receive, send_with_headers)

    def _refusal(self, scope: Scope) -> ASGIApp | None:
        """Return the refusal, or the redirect that sets the cookie; None: the request may pass."""
        headers = Headers(scope=scope)
        host = headers.get("host", "")
        asked = split_host(host)
        if asked is None or asked.hostname not in HOSTS:
            return PlainTextResponse(f"refused: ask for {' or '.join(HOSTS)}", 400)
        fault = find_fault(scope)
        if fault:
            return _refuse(fault)
        if headers.get("origin", f"http://{host}") != f"http://{host}":
            return PlainTextResponse("refused: another page asked", 403)
        if self._is_token(cookie_parser(headers.get("cookie", "")).get(self._cookie)):
            return None
        if scope["path"] == "/" and self._is_token(QueryParams(scope["query_string"]).get("token")):
            answer = RedirectResponse("/", 303)
            answer.set_cookie(self._cookie, self._token, httponly=True, samesite="strict")
            return answer
        return PlainTextResponse("refused: open the address that `radkg explore` printed", 403)

    def _is_token(self, value: Any) -> bool:
        return secrets.compare_digest(str(value).encode("utf-8", "replace"), self._token.encode())


def _refuse(fault: Fault) -> ASGIApp:
    """Return the answer to what cannot be read; what follows on its connection is not read."""
    return PlainTextResponse(f"refused: {fault.what}", fault.status, {"Connection": "close"})


def make_address(port: int, token: str) -> str:
    """Return the address to open, which holds the token."""
    return f"http://{HOSTS[0]}:{port}/?{urlencode({'token': token})}"
