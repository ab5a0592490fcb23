"""Why a request is not answered, as RFC 9457 (problem details) has it.

A refusal says what is wrong and never what was sent: a request holds words of a report.
"""

from __future__ import annotations

import http
from collections.abc import Mapping

import orjson
from starlette.responses import Response

MEDIA_TYPE = "application/problem+json"


class Refusal(Exception):
    """A request that gets no answer.

    Args:
        status: of HTTP.
        detail: what is wrong, and what to do; no part of the request.
        retry_after: seconds after which the same request may be answered; None: never.
        closes: whether the connection ends, because a part of the request was not read.
    """

    def __init__(
        self, status: int, detail: str, *, retry_after: int | None = None, closes: bool = False
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.headers = {} if retry_after is None else {"Retry-After": str(retry_after)}
        if closes:
            self.headers["Connection"] = "close"


def make_problem(status: int, detail: str, headers: Mapping[str, str] | None = None) -> Response:
    """Return the response of a refusal."""
    title = http.HTTPStatus(status).phrase
    body = orjson.dumps({"title": title, "status": status, "detail": detail})
    return Response(body, status, dict(headers or {}), MEDIA_TYPE)
