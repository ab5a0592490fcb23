"""The requests of the service: a study, several studies, a draft, and how the service is."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.responses import FileResponse, JSONResponse, PlainTextResponse
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

import radkg
from radkg.service import bodies
from radkg.service.bodies import SentStudy, read_batch, read_study
from radkg.service.documents import (
    describe_body,
    describe_refusals,
    describe_responses,
    set_openapi,
)
from radkg.service.forms import choose_form, get_media_type, join_answers
from radkg.service.guard import Guard
from radkg.service.instrument import Instrument
from radkg.service.intake import Intake
from radkg.service.metrics import CONTENT_TYPE
from radkg.service.models import Models
from radkg.service.pool import Pool, PoolFull
from radkg.service.refusal import Refusal, make_problem
from radkg.service.schemas import BatchAnswer, BatchBody, DraftAnswer, ExtractionAnswer, StudyBody
from radkg.service.settings import MIB, ServiceConfig
from radkg.service.submission import FORMS, Answer, Form

EXTRACT, BATCH, DRAFT = "/v1/extract", "/v1/extract/batch", "/v1/draft"
_HELD = 4  # uploads of the largest size that are held at once
_DRAFT_FORMS: tuple[Form, ...] = ("radkg", "fhir")  # RadGraph's documents are reports as written


WriteMetrics = Callable[[], Awaitable[bytes]]
"""returns the text that Prometheus scrapes"""


def make_app(
    config: ServiceConfig,
    token: str | None,
    models: Models | None = None,
    write_metrics: WriteMetrics | None = None,
) -> FastAPI:
    """Return the application.

    Args:
        config: what it serves.
        token: that clients must have; None: none.
        models: what answers; None: new ones. The application loads and ends those that are not
            loaded when it starts.
        write_metrics: of this service and of those beside it; None: of this one.
    """
    loaded = models or Models(config)

    @contextlib.asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        if loaded.is_started:
            yield
            return
        await loaded.start()
        yield
        await loaded.stop()

    app = FastAPI(
        title="radkg",
        version=radkg.__version__,
        description="Reports of chest X-rays to entities, relations and findings. Research, not"
        " for diagnosis.",
        docs_url=None,  # its scripts come from another host
        redoc_url=None,
        lifespan=lifespan,
    )
    app.state.models = loaded
    _add_pages(app)
    _add_health(app, loaded, write_metrics)
    _add_routes(app, loaded, config)
    _explain_errors(app)
    set_openapi(app, has_token=token is not None)
    upload = int(config.max_upload * MIB)
    app.add_middleware(
        Intake,
        limit=lambda scope: _limit_body(scope, config),
        total=_HELD * max(upload, int(config.max_report * MIB)),
        body_s=3 * config.client_timeout,
    )
    app.add_middleware(Guard, token=token)
    routes = frozenset(app.openapi()["paths"])
    app.add_middleware(Instrument, metrics=loaded.metrics, routes=routes)
    return app


def _add_routes(app: FastAPI, models: Models, config: ServiceConfig) -> None:
    async def answer(
        request: Request, pool: Pool, studies: Sequence[SentStudy], form: Form
    ) -> list[Answer]:
        _check_images(models, pool, studies)
        try:
            async with asyncio.timeout(config.timeout):
                return await _read_while_there(request, models.read(pool, studies, form))
        except PoolFull as full:
            what = "too many studies wait" if pool.ready else "no model is ready"
            raise Refusal(503, what, retry_after=full.retry_after) from None
        except TimeoutError:
            raise Refusal(504, f"no answer within {config.timeout:g} s") from None

    async def answer_one(request: Request, pool: Pool, offered: tuple[Form, ...]) -> Response:
        form = choose_form(request.headers.get("accept", ""), offered)
        (found,) = await answer(request, pool, [await read_study(request)], form)
        if found.status == "failed":
            hung = found.is_lost and "longer" in (found.reason or "")
            status = (504 if hung else 500) if found.is_lost else 422
            raise Refusal(status, found.reason or "the study failed")
        return Response(found.body, media_type=get_media_type(form))

    @app.post(
        EXTRACT,
        openapi_extra=describe_body(StudyBody, has_form=True),
        responses=describe_responses(ExtractionAnswer, FORMS),
    )
    async def extract(request: Request) -> Response:
        """Read a report, or a report and images."""
        return await answer_one(request, models.extractor, FORMS)

    @app.post(
        BATCH,
        openapi_extra=describe_body(BatchBody),
        responses=describe_responses(BatchAnswer, FORMS, batch=True),
    )
    async def extract_batch(request: Request) -> Response:
        """Read several reports; a study that cannot be read is a row that says why."""
        form = choose_form(request.headers.get("accept", ""), FORMS, batch=True)
        studies = await read_batch(request, config.queue)
        found = await answer(request, models.extractor, studies, form)
        body = join_answers(form, [each.body for each in found])
        return Response(body, media_type=get_media_type(form, batch=True))

    if (reporter := models.reporter) is None:
        return

    @app.post(
        DRAFT,
        openapi_extra=describe_body(StudyBody, has_form=True),
        responses=describe_responses(DraftAnswer, _DRAFT_FORMS),
    )
    async def draft(request: Request) -> Response:
        """Write a draft of a report from images: research, not for diagnosis."""
        return await answer_one(request, reporter, _DRAFT_FORMS)


async def _read_while_there(
    request: Request, reading: Coroutine[Any, Any, list[Answer]]
) -> list[Answer]:
    """Return the answers; give up where the client is gone, so that nobody waits behind it."""
    answers = asyncio.create_task(reading)
    gone = asyncio.create_task(_wait_until_gone(request))
    try:
        await asyncio.wait((answers, gone), return_when=asyncio.FIRST_COMPLETED)
        if not answers.done():
            raise Refusal(408, "the client is gone")
        return await answers
    finally:
        answers.cancel()
        gone.cancel()


async def _wait_until_gone(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass


def _check_images(models: Models, pool: Pool, studies: Sequence[SentStudy]) -> None:
    """Refuse images that the model would not look at: nothing is dropped silently."""
    facts = models.get_facts(pool)
    if facts is None:
        raise Refusal(503, "no model is ready", retry_after=2)
    if facts.preprocessing is None and any(study.images for study in studies):
        raise Refusal(422, f"{facts.name} looks at no images: send the report alone")


def _limit_body(scope: Scope, config: ServiceConfig) -> int:
    """Return the most bytes of a request's body."""
    small, large = int(config.max_report * MIB), int(config.max_upload * MIB)
    if scope["path"] == BATCH:
        return large
    kind = bodies.get_media_type(Headers(scope=scope))
    is_form = scope["path"] in (EXTRACT, DRAFT) and kind == bodies.FORM
    return large if is_form else small


def _add_health(app: FastAPI, models: Models, write_metrics: WriteMetrics | None) -> None:
    @app.get("/healthz", responses=describe_refusals(400))
    async def healthz() -> JSONResponse:
        """Whether the service runs."""
        return JSONResponse({"status": "ok"})

    @app.get("/readyz", responses=describe_refusals(400, 503))
    async def readyz() -> Response:
        """Whether every model can answer."""
        if models.is_ready:
            return JSONResponse({"status": "ready"})
        return make_problem(503, "no model is ready", {"Retry-After": "2"})

    @app.get(
        "/metrics",
        response_class=PlainTextResponse,
        responses=describe_refusals(400, 401, 403),
    )
    async def metrics() -> Response:
        """What the service counted, for Prometheus."""
        text = models.metrics.write() if write_metrics is None else await write_metrics()
        return Response(text, media_type=CONTENT_TYPE)

    @app.get("/about", responses=describe_refusals(400, 401, 403))
    async def about() -> JSONResponse:
        """Which models answer."""
        pools = {"extractor": models.extractor, "reporter": models.reporter}
        facts = {name: models.get_facts(pool) for name, pool in pools.items() if pool}
        return JSONResponse(
            {
                name: {
                    "name": each.name,
                    "model_id": each.model_id,
                    "condition": each.condition,
                    "images": each.preprocessing is not None,
                }
                for name, each in facts.items()
                if each is not None
            }
        )


def _add_pages(app: FastAPI) -> None:
    static = Path(str(files("radkg.service") / "static"))

    @app.get("/", include_in_schema=False)
    def page() -> FileResponse:
        return FileResponse(static / "index.html")

    @app.get("/static/page.css", include_in_schema=False)
    def page_style() -> FileResponse:
        return FileResponse(Path(str(files("radkg.page") / "page.css")))

    app.mount("/static", StaticFiles(directory=static), name="static")


def _explain_errors(app: FastAPI) -> None:
    @app.exception_handler(Refusal)
    async def refused(_: Request, error: Exception) -> Response:
        assert isinstance(error, Refusal)
        return make_problem(error.status, error.detail, error.headers)

    @app.exception_handler(HTTPException)
    async def not_found(_: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        detail = "there is no such route" if error.status_code == 404 else "not this way"
        return make_problem(error.status_code, detail, error.headers)
