"""The population's answers for the page: start, cohort, concept, choices, saved cohorts.

They come from the columns of the snapshot that the graph holds, and not from the graph: each is
there in less than a second, whatever the number of studies.
"""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated, Any

from fastapi import APIRouter, FastAPI, HTTPException, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field
from starlette.concurrency import run_in_threadpool

from radkg.errors import RadkgError
from radkg.explore.snapshot_reader import SnapshotReader
from radkg.population.asking import resolve_name
from radkg.population.choices import ChoiceKind, describe_unknown, list_choices
from radkg.population.cohort import Cohort
from radkg.population.concept import describe_concept
from radkg.population.cypher import write_cypher
from radkg.population.describing import describe_cohort, list_page, make_charts, write_csv
from radkg.population.nights import Night, Nights
from radkg.population.saved import list_cohorts, remove_cohort, save_cohort
from radkg.population.selecting import select_studies

logger = logging.getLogger(__name__)

_TEXT = 500  # most characters of a name
_QUERY = 20_000  # most characters of a cohort
_PAGING = ("skip", "limit", "charts")

Text = Annotated[str, Field(max_length=_TEXT)]
Skip = Annotated[int, Query(ge=0, le=10**7)]


class SavedBody(BaseModel):
    """A cohort, as a query string, and the name to save it under."""

    model_config = ConfigDict(extra="forbid")

    name: Text
    query: str = Field(max_length=_QUERY)


def make_population_router(reader: SnapshotReader, nights: Nights) -> APIRouter:
    """Return the requests about the population of the snapshot that the graph holds."""
    storage = reader.snapshot.storage

    @asynccontextmanager
    async def open_before_the_first_request(_: FastAPI) -> AsyncIterator[None]:
        try:
            await run_in_threadpool(nights.describe_start)
        except RadkgError as error:  # the rest of the page is there without it
            logger.warning("%s", error)
        yield

    router = APIRouter(prefix="/api/population", lifespan=open_before_the_first_request)

    @router.get("/start")
    def start(night: Text = "") -> dict[str, Any]:
        return nights.describe_start(night)

    @router.get("/cohort")
    def cohort(
        request: Request,
        skip: Skip = 0,
        limit: Annotated[int, Query(ge=1, le=500)] = 50,
        charts: bool = True,
    ) -> dict[str, Any]:
        night, asked, resolved = read_cohort(request)
        studies = select_studies(night.population, resolved)
        found = describe_cohort(night.population, asked, resolved, studies)
        found["night"] = {"snapshot_id": night.snapshot.snapshot_id}
        found["list"] = list_page(night.population, studies, skip, limit)
        found["next"] = skip + limit if skip + limit < found["studies"] else None
        if charts:
            found["charts"] = make_charts(night.population, resolved, studies)
        return found

    @router.get("/cohort.csv")
    def cohort_csv(request: Request) -> Response:
        night, _, resolved = read_cohort(request)
        text = write_csv(night.population, select_studies(night.population, resolved))
        return _attach(text, "text/csv", "cohort.csv")

    @router.get("/cohort.cypher")
    def cohort_cypher(request: Request) -> Response:
        night, _, resolved = read_cohort(request)
        text = write_cypher(resolved, night.snapshot.archive, night.snapshot.extractor)
        return _attach(text, "text/plain", "cohort.cypher")

    @router.get("/cohorts")
    def saved_cohorts() -> list[dict[str, Any]]:
        return [each.to_dict() for each in list_cohorts(storage)]

    @router.post("/cohorts")
    def keep_cohort(body: SavedBody) -> list[dict[str, Any]]:
        found = save_cohort(storage, body.name, Cohort.parse_query(body.query))
        return [each.to_dict() for each in found]

    @router.delete("/cohorts")
    def drop_cohort(name: Text) -> list[dict[str, Any]]:
        if name not in {each.name for each in list_cohorts(storage)}:
            raise HTTPException(404, f"no cohort is saved as {name!r}")
        return [each.to_dict() for each in remove_cohort(storage, name)]

    @router.get("/concept")
    def concept(
        name: Text, night: Text = "", limit: Annotated[int, Query(ge=1, le=500)] = 12
    ) -> dict[str, Any]:
        opened = nights.open(night)
        found = describe_concept(opened.population, name, limit, opened.error)
        if found is None:
            resolved = resolve_name(opened.population, name)
            raise HTTPException(404, describe_unknown(opened.population, resolved))
        return found

    @router.get("/choices")
    def choices(
        kind: ChoiceKind,
        text: Text = "",
        night: Text = "",
        limit: Annotated[int, Query(ge=1, le=500)] = 12,
    ) -> list[dict[str, Any]]:
        population = nights.open(night).population
        return [each._asdict() for each in list_choices(population, kind, text, limit)]

    def read_cohort(request: Request) -> tuple[Night, Cohort, Cohort]:
        """Return the night of a cohort, the cohort as it is asked, and with the night's names."""
        pairs = [pair for pair in request.query_params.multi_items() if pair[0] not in _PAGING]
        asked = Cohort.parse(pairs)
        night = nights.open(asked.night)
        return night, asked, asked.resolve(night.population, resolve_name)

    return router


def _attach(text: str, kind: str, name: str) -> Response:
    headers = {"content-disposition": f'attachment; filename="{name}"'}
    return Response(text, media_type=f"{kind}; charset=utf-8", headers=headers)
