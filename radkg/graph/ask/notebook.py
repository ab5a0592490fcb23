"""One call for notebooks: a question to a graph, its answer as a pandas or an Arrow table."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, overload

import pyarrow as pa

from radkg.errors import ConfigError
from radkg.graph.ask.correction import read_shipped_tables, read_table
from radkg.graph.ask.free_cypher import run_cypher
from radkg.graph.ask.queries import run_query
from radkg.graph.engine.client import Graph
from radkg.graph.engine.embedded import find_store
from radkg.graph.engine.sharing import read_minutes
from radkg.graph.opening import open_graph
from radkg.schema.answer import Answer

if TYPE_CHECKING:
    import pandas as pd


@overload
def query(
    question: str,
    where: str | Path | Graph = ...,
    *,
    form: Literal["pandas"] = ...,
    **options: Any,
) -> pd.DataFrame: ...
@overload
def query(
    question: str, where: str | Path | Graph = ..., *, form: Literal["arrow"], **options: Any
) -> pa.Table: ...
def query(
    question: str,
    where: str | Path | Graph = "radkg-demo",
    *,
    form: Literal["pandas", "arrow"] = "pandas",
    errors: Sequence[str | Path] = (),
    timeout_s: float = 60.0,
    max_rows: int = 10_000,
    insecure: bool = False,
    keep_open: float | None = None,
    **parameters: Any,
) -> pd.DataFrame | pa.Table:
    """Return the answer of a graph to a named query or to a reading Cypher statement.

    `query("prevalence", finding="effusion")`, `query("MATCH (s:Study) RETURN count(s) AS n")`. The
    question and the parameters stand in `DataFrame.attrs`, or in the table's metadata.

    Args:
        question: a name of `radkg query --list`, or Cypher: whatever holds a blank.
        where: directory of a run with a loaded embedded graph, the address of a server as for
            `open_graph`, or an open graph.
        form: pandas gives a DataFrame, arrow a pyarrow.Table.
        errors: tables that `radkg evaluate --errors` wrote, for corrected rates of your extractor.
        timeout_s: seconds that Cypher may take.
        max_rows: most rows of Cypher; what is more is an error here, for a part looks like a whole.
        insecure: allow an unencrypted connection to another machine.
        keep_open: minutes that an embedded engine is left open after the last question; None:
            RADKG_KEEP_OPEN, or 5.
        **parameters: of the query or the statement.

    Raises:
        ConfigError: no such query, parameter or form, or more rows than `max_rows`.
        GraphError: there is no graph, or it refused the statement.
    """
    if form not in ("pandas", "arrow"):
        raise ConfigError(f"form {form!r} is neither pandas nor arrow")
    with _open(where, insecure, keep_open) as graph:
        if len(question.split()) > 1:
            answer, is_cut = run_cypher(
                graph, question, parameters, timeout_s=timeout_s, max_rows=max_rows
            )
            if is_cut:
                raise ConfigError(
                    f"more than max_rows={max_rows} rows: ask for less, or allow more"
                )
        else:
            texts = {n: "none" if v is None else str(v) for n, v in parameters.items()}
            tables = [*(read_table(Path(path)) for path in errors), *read_shipped_tables()]
            answer = run_query(graph, question, texts, tables)
    return _to_frame(answer) if form == "pandas" else to_arrow(answer)


def to_arrow(answer: Answer) -> pa.Table:
    """Return an answer as an Arrow table; an empty column has type null."""
    columns = zip(*answer.rows, strict=True) if answer.rows else [()] * len(answer.columns)
    table = pa.table(dict(zip(answer.columns, map(pa.array, map(list, columns)), strict=True)))
    parameters = {f"parameter.{name}": str(value) for name, value in answer.parameters.items()}
    return table.replace_schema_metadata({"question": answer.question, **parameters})


def _to_frame(answer: Answer) -> pd.DataFrame:
    try:
        import pandas as pd
    except ImportError as error:
        raise ConfigError(
            'pandas is not installed: pip install pandas, or ask for form="arrow"'
        ) from error
    frame = pd.DataFrame(list(map(list, answer.rows)), columns=list(answer.columns))
    frame.attrs = {"question": answer.question, "parameters": dict(answer.parameters)}
    return frame


@contextlib.contextmanager
def _open(where: str | Path | Graph, insecure: bool, keep_open: float | None) -> Iterator[Graph]:
    if isinstance(where, Graph):
        yield where
    elif "://" in str(where):
        with open_graph(str(where), None, insecure=insecure) as graph:
            yield graph
    else:
        minutes = read_minutes() if keep_open is None else keep_open
        with open_graph("embedded", find_store(Path(where)), keep_open=minutes) as graph:
            yield graph
