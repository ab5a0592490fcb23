"""The requests of the page: search, neighbourhood, evidence, study, image, verdict, named query.

The graph is only read, by constant statements: a request chooses values, never query text.
"""

from __future__ import annotations

from dataclasses import asdict
from datetime import date
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Any

from fastapi import FastAPI, HTTPException, Query, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import FileResponse, HTMLResponse, JSONResponse
from pydantic import BaseModel, ConfigDict, Field
from starlette.staticfiles import StaticFiles

from radkg.errors import ConfigError, RadkgError
from radkg.explore.drafts import read_drafts_of
from radkg.explore.evidence import read_passages
from radkg.explore.guard import Guard
from radkg.explore.neighbourhood import EDGE_TYPES, EdgeType, Filters, read_neighbourhood, search
from radkg.explore.population import make_population_router
from radkg.explore.snapshot_reader import SnapshotReader
from radkg.explore.study import write_study_html
from radkg.explore.verdicts import Verdicts
from radkg.graph import Graph
from radkg.graph.ask.queries import (
    find_resolved_concepts,
    find_unknown_concepts,
    list_queries,
    run_query,
)
from radkg.graph.load.ledger import read_ledger
from radkg.graph.rows.nested import build_ledger_key
from radkg.page.answer import write_answer
from radkg.page.markup import escape
from radkg.page.words import MEANING
from radkg.review.make import scale_image
from radkg.review.sheet import Verdict
from radkg.schema.records import Extraction, Label, Study

SHOWN_CONCEPTS = 12  # that a search offers
SHOWN_ROWS = 20  # triplets, or studies, on one page of evidence
_TEXT = 500  # most characters of a key, an id or a searched text

Text = Annotated[str, Field(max_length=_TEXT)]


class FilterQuery(BaseModel):
    """`Filters` without the relations, as parameters of an address."""

    model_config = ConfigDict(extra="forbid")

    label: list[Label] = list(Filters().labels)
    confidence: float = Field(0.0, ge=0.0, le=1.0, allow_inf_nan=False)
    since: date | None = None
    until: date | None = None

    def to_filters(self, *relations: EdgeType) -> Filters:
        """Return the filters as the statements take them."""
        return Filters(self.label, relations, self.confidence, self.since, self.until)


class NeighbourhoodQuery(FilterQuery):
    """A request for the edges around a concept; `limit` is the most edges of one relation."""

    concept: Text
    relation: list[EdgeType] = list(EDGE_TYPES)
    limit: int = Field(8, ge=1, le=50)
    normal: bool = False


class EvidenceQuery(FilterQuery):
    """A request for the studies behind an edge; `skip` counts the rows of earlier pages."""

    head: Text
    relation: EdgeType
    tail: Text
    skip: int = Field(0, ge=0, le=10**6)


class VerdictBody(BaseModel):
    """The verdict of a person on a triplet, which its number in the study names, from 1."""

    model_config = ConfigDict(extra="forbid")

    study_id: Text
    triplet: int = Field(ge=1)
    verdict: Verdict | None


def make_app(graph: Graph, reader: SnapshotReader, verdicts: Verdicts, token: str) -> FastAPI:
    """Return the application; every request needs the token, see `guard`."""
    app = FastAPI(title="radkg explore", docs_url=None, redoc_url=None, openapi_url=None)
    app.add_middleware(Guard, token=token)
    static = Path(str(files("radkg.explore") / "static"))
    snapshot_id = reader.snapshot.snapshot_id
    app.include_router(make_population_router(reader))

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
            "review": str(verdicts.file),
            "meaning": MEANING,
            "queries": [query.to_dict() for query in list_queries()],
        }

    @app.get("/api/concepts")
    def concepts(
        text: Text, limit: Annotated[int, Query(ge=1, le=50)] = 12
    ) -> list[dict[str, Any]]:
        return search(graph, text, limit)

    @app.get("/api/neighbourhood")
    def neighbourhood(query: Annotated[NeighbourhoodQuery, Query()]) -> dict[str, Any]:
        filters = query.to_filters(*query.relation)
        found = read_neighbourhood(graph, query.concept, filters, query.limit, normal=query.normal)
        if found is None:
            raise HTTPException(404, f"the graph has no concept {query.concept!r}")
        return asdict(found)

    @app.get("/api/evidence")
    def evidence(query: Annotated[EvidenceQuery, Query()]) -> dict[str, Any]:
        edge = (query.head, query.relation, query.tail)
        passages, more = read_passages(
            graph, reader, edge, query.to_filters(), query.skip, SHOWN_ROWS
        )
        next_skip = query.skip + SHOWN_ROWS if more else None
        return {"passages": [asdict(passage) for passage in passages], "next": next_skip}

    @app.get("/api/study")
    def study(study_id: Text) -> HTMLResponse:
        read, extraction = _pair(reader, study_id)
        ledger = _ledger(graph, reader)
        origin = {
            "archive": read.archive,
            "snapshot": snapshot_id,
            "model": extraction.model_id,
            "extractor": extraction.extractor,
            "read from": extraction.condition,
            "loaded": ledger.get("loaded_at", "unknown"),
        }
        judged = verdicts.get_verdicts(snapshot_id, study_id)
        drafts = read_drafts_of(graph, read.archive, study_id, extraction.extractor)
        return HTMLResponse(write_study_html(read, extraction, origin, judged, drafts))

    @app.get("/api/image")
    def image(study_id: Text, image_id: Text) -> Response:
        read, _ = _pair(reader, study_id)
        for each in read.images:
            if each.image_id == image_id and each.location:
                return Response(scale_image(each.location), media_type="image/jpeg")
        raise HTTPException(404, f"study {study_id} has no image {image_id!r} at hand")

    @app.post("/api/verdict")
    def judge(body: VerdictBody) -> dict[str, str]:
        read, extraction = _pair(reader, body.study_id)
        _ledger(graph, reader)
        verdicts.judge(snapshot_id, read, extraction, body.triplet, body.verdict)
        return {"file": str(verdicts.file)}

    @app.get("/api/answer/{name}")
    def answer(name: str, request: Request) -> HTMLResponse:
        values = dict(request.query_params)
        found = run_query(graph, name, values)
        hints = [*find_resolved_concepts(found, values), *find_unknown_concepts(graph, found)]
        notes = "".join(f'<p class="status">{escape(hint)}</p>' for hint in hints)
        return HTMLResponse(notes + write_answer(found, "answer"))

    return app


def _status(error: Exception) -> int:
    if isinstance(error, ConfigError):
        return 400
    return 503 if isinstance(error, RadkgError) and error.exit_code == 5 else 500


def _pair(reader: SnapshotReader, study_id: str) -> tuple[Study, Extraction]:
    found = reader.read_pair(study_id)
    if found is None:
        raise HTTPException(404, f"this run has no study {study_id!r}")
    return found


def _ledger(graph: Graph, reader: SnapshotReader) -> dict[str, Any]:
    """Return the ledger of the graph, which must name the snapshot that the page shows."""
    snapshot = reader.snapshot
    ledger = read_ledger(graph, build_ledger_key(snapshot.archive, snapshot.extractor))
    if ledger.get("snapshot_id") != snapshot.snapshot_id:
        raise HTTPException(
            409,
            "another snapshot was loaded into the graph meanwhile: start the explorer again",
        )
    return ledger
