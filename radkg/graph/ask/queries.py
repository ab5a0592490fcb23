"""Named population queries: what a graph can be asked, and the answers as plain tables.

A query is a file `cypher/<name>.cypher` (its README.md says how one is written); the same text runs
on Neo4j and on the embedded engine. Nothing here knows what any single query asks.
"""

from __future__ import annotations

import difflib
import math
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import date
from typing import Any

from radkg.errors import ConfigError
from radkg.graph.ask.correction import (
    ErrorTable,
    Prevalence,
    add_corrected,
    find_table,
    read_shipped_tables,
)
from radkg.graph.ask.naming import describe_unknown, is_known, resolve_concept
from radkg.graph.engine.client import Graph
from radkg.graph.load.aggregates import has_sums
from radkg.graph.packaged import read_packaged_texts
from radkg.schema.answer import Answer, Cell

MAX_INTEGER = 10**9  # the embedded engine cuts a larger LIMIT to 32 bits without a word

FAMILIES = (
    "prevalence",
    "anatomy",
    "severity",
    "uncertainty",
    "co-occurrence",
    "differential",
    "trends",
    "courses",
    "devices",
    "cohorts",
    "disagreement",
    "quality",
    "subgroup",
    "knowledge",
    "drafts",
)

_QUESTION = re.compile(r"// question: (?P<question>.+)")
_FAMILY = re.compile(rf"// family: (?P<family>{'|'.join(FAMILIES)})")
_PARAMETER = re.compile(
    r"// param (?P<name>\w+): (?P<type>string|concept|integer|float|date)"
    r"(?: = (?P<default>.+?))?, (?P<meaning>.+)"
)
_SUMS = re.compile(r"^// from sums(?: with pairs of \$(?P<paired>\w+))?$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter of a query; `default` is text, or None where a value is required."""

    name: str
    type: str
    default: str | None
    meaning: str


@dataclass(frozen=True, slots=True)
class Query:
    """A named question and the Cypher that answers it, with values as $parameters only.

    `summed` gives the same rows from the sums of findings, `paired` names a parameter of it: the
    finding of which it needs pairs.
    """

    name: str
    question: str
    family: str
    parameters: tuple[Parameter, ...]
    corrected: Prevalence | None
    statement: str
    summed: str | None = None
    paired: str | None = None

    @property
    def columns(self) -> list[str]:
        """The columns of the graph's answer: the last words of the lines of the last RETURN."""
        _, _, after = self.statement.rpartition("\nRETURN\n")
        lines, _, _ = after.partition("\nORDER BY ")
        return [line.rstrip(",").split()[-1] for line in lines.splitlines()]

    def to_dict(self) -> dict[str, Any]:
        """Return what there is to know before one asks: name, family, question, parameters."""
        return {
            "name": self.name,
            "family": self.family,
            "question": self.question,
            "parameters": [asdict(parameter) for parameter in self.parameters],
        }


def list_queries() -> list[Query]:
    """Return every named query, sorted by name."""
    texts = read_packaged_texts("cypher", ".cypher")
    return [parse_query(name.removesuffix(".cypher"), text) for name, text in texts.items()]


def parse_query(name: str, text: str) -> Query:
    """Return the query in `text`: lines with its question, family and parameters, then Cypher.

    The Cypher may stand there a second time, from the sums.

    Raises:
        ValueError: the head is not of this form.
    """
    first, *lines = text.splitlines(keepends=True) or [""]
    question = _QUESTION.fullmatch(first.rstrip())
    if question is None:
        raise ValueError(f"query {name}: the first line must be '// question: ...'")
    family = _FAMILY.fullmatch(lines.pop(0).rstrip() if lines else "")
    if family is None:
        raise ValueError(
            f"query {name}: the second line must be '// family: ...', one of {', '.join(FAMILIES)}"
        )
    parameters = []
    while lines and lines[0].startswith("// param"):
        head = lines.pop(0).rstrip()
        match = _PARAMETER.fullmatch(head)
        if match is None:
            raise ValueError(
                f"query {name}: {head!r} is not '// param <name>: <type> = <default>, <meaning>'"
            )
        parameters.append(Parameter(**match.groupdict()))
    corrected = Prevalence.parse(lines[0].rstrip()) if lines else None
    statement = "".join(lines[1:] if corrected else lines)
    query = Query(
        name, question["question"], family["family"], tuple(parameters), corrected, statement
    )
    sums = _SUMS.search(statement)
    if sums is None:
        return query
    walk, summed = statement[: sums.start()].rstrip() + "\n", statement[sums.end() :].lstrip()
    return replace(query, statement=walk, summed=summed, paired=sums["paired"])


def run_query(
    graph: Graph,
    name: str,
    values: Mapping[str, str],
    tables: Sequence[ErrorTable] | None = None,
) -> Answer:
    """Return the answer to the query `name`; an empty one has its columns too.

    A prevalence has its corrected rate and interval beside it (correction.py).

    Args:
        graph: any loaded graph.
        name: one of `queries()`.
        values: parameter values as text, as a command line has them; the others keep their default.
            A concept may be written as reports write it, see `naming.py`.
        tables: measured errors of extractors; None: those of the shipped ones.

    Raises:
        ConfigError: no such query or parameter, no value where one is needed, or an ill-typed one.
    """
    query = find_query(name)
    given = convert_values(query, values, lambda text: resolve_concept(graph, text))
    rows = graph.read(_choose_statement(graph, query, given), **given)
    columns = query.columns
    answer = Answer(
        query.name, query.question, given, columns, [[row[c] for c in columns] for row in rows]
    )
    if query.corrected is None:
        return answer
    known = read_shipped_tables() if tables is None else tables
    return add_corrected(answer, query.corrected, find_table(graph, known))


def find_unknown_concepts(graph: Graph, answer: Answer) -> list[str]:
    """Return a hint for each concept asked about that the graph does not hold: a slip, perhaps."""
    query = find_query(answer.name)
    concepts = [answer.parameters[p.name] for p in query.parameters if p.type == "concept"]
    asked = [str(name) for name in concepts if name is not None]
    return [
        describe_unknown(graph, name) for name, known in is_known(graph, asked).items() if not known
    ]


def find_resolved_concepts(answer: Answer, values: Mapping[str, str]) -> list[str]:
    """Return a sentence for each concept that the graph knows by another name than was asked."""
    written = {
        p.name: _parse_value(p, values[p.name])
        for p in find_query(answer.name).parameters
        if p.type == "concept" and p.name in values
    }
    return [
        f"{name} {text!r} is {str(answer.parameters[name])!r} in the graph"
        for name, text in written.items()
        if text != answer.parameters[name]
    ]


def find_query(name: str) -> Query:
    """Return a named query.

    Raises:
        ConfigError: there is none of this name; the message names the nearest.
    """
    by_name = {query.name: query for query in list_queries()}
    if name not in by_name:
        raise ConfigError(f"no query {name!r}: {_suggest(name, by_name)}")
    return by_name[name]


def _choose_statement(graph: Graph, query: Query, given: Mapping[str, Cell]) -> str:
    """Return what answers the query in this graph with the least work."""
    if query.summed is None:
        return query.statement
    paired = str(given[query.paired]) if query.paired else None
    return query.summed if has_sums(graph, paired) else query.statement


def convert_values(
    query: Query, values: Mapping[str, str], resolve: Callable[[str], str]
) -> dict[str, Cell]:
    """Return a value of the right type for every parameter of the query, in its order.

    Args:
        query: whose parameters they are.
        values: as text; a parameter that is not there has its default.
        resolve: from what a person calls a concept to its name.

    Raises:
        ConfigError: no such parameter, no value where one is needed, or an ill-typed one.
    """
    by_name = {parameter.name: parameter for parameter in query.parameters}
    for name in values:
        if name not in by_name:
            raise ConfigError(f"query {query.name} has no {name!r}: {_suggest(name, by_name)}")
    converted = {}
    for name, parameter in by_name.items():
        text = values.get(name, parameter.default)
        if text is None:
            raise ConfigError(
                f"query {query.name} needs {name}=<{parameter.type}> ({parameter.meaning})"
            )
        try:
            converted[name] = _parse_value(parameter, text)
        except ValueError:
            raise ConfigError(
                f"query {query.name}: {name}={text!r} is no {_FORMS[parameter.type]}"
            ) from None
        if parameter.type == "concept" and converted[name] is not None:
            converted[name] = resolve(str(converted[name]))
    return converted


_FORMS = {
    "string": "text: it cannot be written as UTF-8",
    "concept": "text: it cannot be written as UTF-8",
    "integer": f"whole number from 0 to {MAX_INTEGER}",
    "float": "number",
    "date": "date: write it as 2014-03-01",
}


def _parse_value(parameter: Parameter, text: str) -> Cell:
    """Return `text` as the parameter's type; `none` is no value where that is the default."""
    if parameter.default == text == "none":
        return None
    if parameter.type == "integer":
        integer = int(text)
        if not 0 <= integer <= MAX_INTEGER:
            raise ValueError(text)
        return integer
    if parameter.type == "float":
        number = float(text)
        if not math.isfinite(number):
            raise ValueError(text)
        return number
    if parameter.type == "date":
        return date.fromisoformat(text)
    text.encode()  # an argument of a command line may hold half a character
    if parameter.type == "concept":  # canonical names are lower-case
        return " ".join(text.lower().split())
    return text


def _suggest(name: str, names: Iterable[str]) -> str:
    """Return a hint: the nearest of the names, or some of them where none is near."""
    near = difflib.get_close_matches(name, names, n=1)
    some = sorted(names)[:30]
    return f"did you mean {near[0]!r}?" if near else f"there is {', '.join(some)}"
