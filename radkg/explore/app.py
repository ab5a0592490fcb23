"""The application: the page, what each group of its requests is answered by, and errors.

The graph is only read, by constant statements: a request chooses values, never query text.
"""

from __future__ import annotations

from dataclasses import asdict
from datetime import date
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Any

from fastapi import FastAPI, Query, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import FileResponse, JSONResponse
from pydantic import BaseModel, ConfigDict, Field
from starlette.staticfiles import StaticFiles

from radkg.errors import ConfigError, RadkgError
from radkg.explore.ask import make_ask_router
from radkg.explore.evidence import EdgeType, Filters, read_passages
from radkg.explore.guard import Guard
from radkg.explore.nights import make_nights_router
from radkg.explore.patient import make_patient_router
from radkg.explore.population import make_population_router
from radkg.explore.snapshot_reader import SnapshotReader
from radkg.explore.verdicts import Verdicts
from radkg.graph import Graph
from radkg.population.nights import Nights
from radkg.schema.records import Label

SHOWN_ROWS = 20  # triplets, or studies, on one page of evidence
_TEXT = 500  # most characters of a key

Text = Annotated[str, Field(max_length=_TEXT)]


class EvidenceQuery(BaseModel):
    """A request for the studies behind an edge; `skip` counts the rows of earlier pages."""

    model_config = ConfigDict(extra="forbid")

    head: Text
    relation: EdgeType
    tail: Text
    label: list[Label] = list(Filters().labels)
    confidence: float = Field(0.0, ge=0.0, le=1.0, allow_inf_nan=False)
    since: date | None = None
    until: date | None = None
    skip: int = Field(0, ge=0, le=10**6)

    def to_filters(self) -> Filters:
        """Return the filters as the statements take them."""
        return Filters(self.label, self.confidence, self.since, self.until)


def make_app(graph: Graph, reader: SnapshotReader, verdicts: Verdicts, token: str) -> FastAPI:
    """Return the application; every request needs the token, see `guard`."""
    app = FastAPI(title="radkg explore", docs_url=None, redoc_url=None, openapi_url=None)
    app.add_middleware(Guard, token=token)
    static = Path(str(files("radkg.explore") / "static"))
    snapshot_id = reader.snapshot.snapshot_id
    nights = Nights(reader.snapshot.storage, snapshot_id)
    app.include_router(make_population_router(reader, nights))
    app.include_router(make_patient_router(graph, reader, verdicts, nights))
    app.include_router(make_nights_router(reader, nights))
    app.include_router(make_ask_router(graph, reader, nights))

    @app.exception_handler(RadkgError)
    async def explained(_: Request, error: Exception) -> JSONResponse:
        return JSONResponse({"detail": str(error)}, _status(error))

    @app.exception_handler(RequestValidationError)
    async def refused(_: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, RequestValidationError)
        # without what was sent: it may be words of a report
        detail = [{"loc": each["loc"], "msg": each["msg"]} for each in error.errors()]
        return JSONResponse({"detail": detail}, 422)

    @app.get("/")
    def page() -> FileResponse:
        return FileResponse(static / "index.html")

    @app.get("/static/page.css")
    def page_style() -> FileResponse:
        return FileResponse(Path(str(files("radkg.page") / "page.css")))

    app.mount("/static", StaticFiles(directory=static), name="static")

    @app.get("/api/about")
    def about() -> dict[str, Any]:
        return {
            "archive": reader.archive,
            "extractor": reader.snapshot.extractor,
            "night": snapshot_id,
            "studies": reader.snapshot.num_studies,
            "engine": graph.engine.name,
        }

    @app.get("/api/evidence")
    def evidence(query: Annotated[EvidenceQuery, Query()]) -> dict[str, Any]:
        edge = (query.head, query.relation, query.tail)
        passages, more = read_passages(
            graph, reader, edge, query.to_filters(), query.skip, SHOWN_ROWS
        )
        next_skip = query.skip + SHOWN_ROWS if more else None
        return {"passages": [asdict(passage) for passage in passages], "next": next_skip}

    return app


def _status(error: Exception) -> int:
    if isinstance(error, ConfigError):
        return 400
    return 503 if isinstance(error, RadkgError) and error.exit_code == 5 else 500
