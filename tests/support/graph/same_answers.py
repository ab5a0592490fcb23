"""Ask two graphs with the same content every named query: their answers must be the same."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import replace

from radkg.graph import Graph
from radkg.graph.ask.queries import Query, list_queries, run_query

SAMPLES = 5


def forms() -> list[Query]:
    """Return every query, and those that can ask sums once more with that as their statement."""
    return [
        form
        for query in list_queries()
        for form in (query, replace(query, statement=query.summed or ""))
        if form.statement
    ]


def assert_same_answers(graph_a: Graph, graph_b: Graph) -> int:
    """Compare columns, rows, their order and the types of values; return the number of answers.

    Each query is asked with its defaults and with values that `graph_a` holds.
    """
    samples = sample_values(graph_a)
    compared = 0
    for query in list_queries():
        for values in variations(query, samples):
            answer_a = run_query(graph_a, query.name, values)
            answer_b = run_query(graph_b, query.name, values)
            assert answer_a == answer_b, f"{query.name} {values}"
            assert [[type(cell) for cell in row] for row in answer_a.rows] == [
                [type(cell) for cell in row] for row in answer_b.rows
            ], f"types: {query.name} {values}"
            compared += 1
    return compared


def sample_values(graph: Graph) -> dict[str, list[str]]:
    """Return some values for each name of a parameter, from what the graph holds."""

    def ask(statement: str) -> list[str]:
        return [row["value"] for row in graph.read(statement, limit=SAMPLES)]

    findings = ask(
        "MATCH (c:Concept {kind: 'observation'})<-[f:HAS_FINDING]-() WITH c, count(f) AS number"
        " RETURN c.name AS value ORDER BY number DESC, value LIMIT $limit"
    )
    sites = ask(
        "MATCH (c:Concept {kind: 'anatomy'})<-[of:OF]-() WITH c, count(of) AS number"
        " RETURN c.name AS value ORDER BY number DESC, value LIMIT $limit"
    )
    patients = ask(
        "MATCH (p:Patient)-[h:HAS_STUDY]->() WITH p, count(h) AS number"
        " RETURN p.subject_id AS value ORDER BY number DESC, p.key LIMIT $limit"
    )
    studies = ask(
        "MATCH (s:Study)-[f:HAS_FINDING]->() WITH s, count(f) AS number"
        " RETURN s.study_id AS value ORDER BY number DESC, s.key LIMIT $limit"
    )
    dates = [
        str(row["value"])
        for row in graph.read(
            "MATCH (s:Study) WHERE s.study_date IS NOT NULL"
            " WITH min(s.study_date) AS first, max(s.study_date) AS last"
            " UNWIND [first, last] AS value WITH value WHERE value IS NOT NULL"
            " RETURN value ORDER BY value"
        )
    ]
    return {
        "finding": [*findings, "no such concept"],
        "without": findings[::-1],
        "concept": [*findings, *sites, "no such concept"],
        "site": [*sites, "no such concept"],
        "subject_id": [*patients, "nobody"],
        "study_id": [*studies, "no such study"],
        "since": dates or ["2014-03-01"],
        "until": dates or ["2014-03-01"],
        "below": ["0", "1.01"],
        "least": ["0", "0.7"],
        "status": ["verified", "unverified", "all", "no such status"],
        "ignore": ["", ", ".join(findings)],
        "width": ["0", "1", "7"],
        "min_studies": ["0", "1", "3"],
        "limit": ["0", "1", "3", "1000000000"],
    }


def variations(query: Query, samples: dict[str, list[str]]) -> Iterator[dict[str, str]]:
    """Yield values for the query: one name at a time, and names together as they come."""
    needed = {p.name: samples[p.name][0] for p in query.parameters if p.default is None}
    yield needed
    for parameter in query.parameters:
        for value in samples[parameter.name]:
            yield {**needed, parameter.name: value}
    names = [parameter.name for parameter in query.parameters]
    cycles = [itertools.cycle(samples[name]) for name in names]
    for _ in range(SAMPLES):
        yield dict(zip(names, map(next, cycles), strict=True))
