"""The requests of the ask view: the gallery of questions, their answers, and free Cypher.

A named question is answered by the columns where they can and the graph holds this snapshot alone;
the rows are the same, and they come in milliseconds. Free Cypher has the fences of
`radkg query --cypher`, and a connection of its own: a statement that is stopped closes it.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import APIRouter, HTTPException, Request
from fastapi.responses import HTMLResponse
from pydantic import BaseModel, ConfigDict, Field

from radkg.errors import GraphError, GraphUnavailable
from radkg.explore.snapshot_reader import SnapshotReader
from radkg.explore.standing import is_alone
from radkg.graph import Graph
from radkg.graph.ask.free_cypher import run_cypher
from radkg.graph.ask.queries import (
    Query,
    find_resolved_concepts,
    find_unknown_concepts,
    list_queries,
    run_query,
)
from radkg.page.answer import write_answer
from radkg.page.markup import escape
from radkg.page.order import ORDER
from radkg.population.asking import can_answer, run_named
from radkg.population.nights import Nights
from radkg.schema.answer import Answer

TIMEOUT_S = 60.0
MOST_ROWS = 1000  # of free Cypher on the page


class CypherBody(BaseModel):
    """A reading statement, and values for its $parameters by name."""

    model_config = ConfigDict(extra="forbid")

    statement: Annotated[str, Field(max_length=20_000)]
    parameters: dict[Annotated[str, Field(max_length=100)], Any] = {}


def make_ask_router(graph: Graph, reader: SnapshotReader, nights: Nights) -> APIRouter:
    """Return the requests that ask the graph which the page shows."""
    router = APIRouter(prefix="/api")
    asking = threading.Lock()

    @router.get("/questions")
    def questions() -> dict[str, Any]:
        return {
            "groups": list_questions(),
            "timeout_s": TIMEOUT_S,
            "most_rows": MOST_ROWS,
        }

    @router.get("/answer/{name}")
    def answer(name: str, request: Request) -> HTMLResponse:
        values = dict(request.query_params)
        found = _answer(graph, reader, nights, name, values)
        hints = [*find_resolved_concepts(found, values), *find_unknown_concepts(graph, found)]
        notes = "".join(f'<p class="status">{escape(hint)}</p>' for hint in hints)
        return HTMLResponse(notes + write_answer(found, "answer"))

    @router.post("/cypher")
    def cypher(body: CypherBody) -> HTMLResponse:
        if not asking.acquire(blocking=False):
            raise HTTPException(503, "another statement is running: wait for its answer")
        try:
            with graph.open_again() as own:
                found, is_cut = run_cypher(
                    own,
                    body.statement,
                    body.parameters,
                    timeout_s=TIMEOUT_S,
                    max_rows=MOST_ROWS,
                )
        except GraphUnavailable:
            raise
        except GraphError as error:
            raise HTTPException(400, _shorten(error, graph)) from error
        finally:
            asking.release()
        cut = f"These are the first {MOST_ROWS:,} rows: there are more."
        note = f'<p class="status">{cut}</p>' if is_cut else ""
        return HTMLResponse(note + write_answer(found, "answer"))

    return router


def list_questions() -> list[dict[str, Any]]:
    """Return the named queries by group, in the order of the page: `radkg/page/order.py`."""
    known = {query.name: query for query in list_queries()}
    groups = []
    for group in ORDER:
        asked = [(s.heading, known.pop(s.name)) for s in group.questions if s.name in known]
        groups.append(_describe_group(group.identity, group.title, asked))
    others = [(query.question, query) for query in known.values()]
    if others:
        groups.append(_describe_group("others", "Further questions", others))
    return groups


def _describe_group(identity: str, title: str, asked: list[tuple[str, Query]]) -> dict[str, Any]:
    questions = [{**query.to_dict(), "heading": heading} for heading, query in asked]
    return {"identity": identity, "title": title, "questions": questions}


def _answer(
    graph: Graph, reader: SnapshotReader, nights: Nights, name: str, values: Mapping[str, str]
) -> Answer:
    """Return the answer to a named query, by the columns where these give the graph's rows."""
    if can_answer(name) and is_alone(graph, reader):
        return run_named(nights.open().population, name, values)
    return run_query(graph, name, values)


def _shorten(error: GraphError, graph: Graph) -> str:
    """Return why a statement was refused, without the address of the graph."""
    return str(error).replace(f"the graph at {graph.address}", "the graph")
