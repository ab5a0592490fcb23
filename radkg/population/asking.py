"""Ask the columns a named query, as `run_query` asks a graph: the same rows, if they can answer."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence

import pyarrow as pa
import pyarrow.compute as pc

from radkg.graph.ask.correction import (
    ErrorTable,
    add_corrected,
    choose_table,
    read_shipped_tables,
)
from radkg.graph.ask.naming import list_names
from radkg.graph.ask.queries import convert_values, find_query
from radkg.population.answers import NAMED
from radkg.population.population import Population
from radkg.schema.answer import Answer


def can_answer(name: str) -> bool:
    """Tell whether the columns answer a named query."""
    return name in NAMED


def run_named(
    population: Population,
    name: str,
    values: Mapping[str, str],
    tables: Sequence[ErrorTable] | None = None,
) -> Answer:
    """Return what `run_query` returns of a graph that holds this population alone.

    Args:
        population: that is asked.
        name: of a query for which `can_answer` says True.
        values: parameter values as text; the others keep their default.
        tables: measured errors of extractors; None: those of the shipped ones.

    Raises:
        ConfigError: no such query or parameter, no value where one is needed, or an ill-typed one.
    """
    query = find_query(name)
    given = convert_values(query, values, lambda text: resolve_name(population, text))
    rows = NAMED[name](population, **given)
    answer = Answer(query.name, query.question, given, query.columns, rows)
    if query.corrected is None:
        return answer
    return add_corrected(answer, query.corrected, find_errors(population, tables))


def find_errors(
    population: Population, tables: Sequence[ErrorTable] | None = None
) -> ErrorTable | None:
    """Return the measured error of what read the population; None where there is none."""
    conditions = population.condition.filter(pa.array(population.read))
    readers = [(population.model_id, each) for each in pc.unique(conditions).to_pylist()]
    return choose_table(readers, read_shipped_tables() if tables is None else tables)


def resolve_name(population: Population, text: str) -> str:
    """Return the name of the concept that a text names, as the readers write it (graph/ask)."""
    literal, *read = list_names(text)
    if literal in population.codes or not read:
        return literal
    return next((name for name in read if name in population.codes), read[0])


@functools.cache
def list_columns(name: str) -> tuple[str, ...]:
    """Return the columns of a named query, without those of a correction."""
    return tuple(find_query(name).columns)


@functools.cache
def list_ignored() -> str:
    """Return the statements of normality that the named queries leave out of lists of findings."""
    (ignore,) = (p.default for p in find_query("top_findings").parameters if p.name == "ignore")
    return ignore or ""
