"""Count every request, and let no error show or log what was sent."""

from __future__ import annotations

import logging
import time

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from radkg.schema.reasons import describe_failure
from radkg.service.metrics import ServiceMetrics
from radkg.service.refusal import make_problem

logger = logging.getLogger(__name__)


class Instrument:
    """Middleware around everything else.

    Args:
        app: the application.
        metrics: what counts.
        routes: paths that are counted by their name; all others are one.
    """

    def __init__(self, app: ASGIApp, metrics: ServiceMetrics, routes: frozenset[str]) -> None:
        self._app = app
        self._metrics = metrics
        self._routes = routes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        begun, status = time.perf_counter(), 0

        async def watch(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        failure = ""
        try:
            await self._app(scope, receive, watch)
        except Exception as error:  # its message may quote the request
            failure = describe_failure(error)
        if failure:  # not while the error is handled: a log that fails would print it
            logger.error("a request failed: %s", failure)
            if not status:
                problem = make_problem(500, "the service failed; its log says where")
                await problem(scope, receive, watch)
        route = scope["path"] if scope["path"] in self._routes else "other"
        self._metrics.requests.labels(route, str(status)).inc()
        self._metrics.seconds.labels(route).observe(time.perf_counter() - begun)
