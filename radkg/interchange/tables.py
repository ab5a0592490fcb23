"""Write CSV or Parquet tables, and property graphs as two tables with the headers of a tool."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO, Self

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet

from radkg.interchange.formats.options import FileType, Headers
from radkg.interchange.property_graph import PropertyGraph
from radkg.schema.cells import FORMULA, escape_cell
from radkg.storage import write_atomically

_GEPHI = {"id": "Id", "source": "Source", "target": "Target", "relation": "Label"}
_NEO4J = {"id": "id:ID", "source": ":START_ID", "target": ":END_ID", "relation": ":TYPE"}
_NEO4J_TYPES = {pa.string(): "string", pa.int64(): "long", pa.float64(): "double"}


class EscapingWriter:
    """Writes CSV in which no cell is a formula."""

    def __init__(self, file: BinaryIO, schema: pa.Schema) -> None:
        self._writer = pyarrow.csv.CSVWriter(file, schema)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._writer.close()

    def write_table(self, table: pa.Table) -> None:
        """Append a table."""
        for i, field in enumerate(table.schema):
            if pa.types.is_string(field.type):
                table = table.set_column(i, field, escape_column(table.column(i)))
        self._writer.write_table(table)


def escape_column(texts: pa.ChunkedArray) -> pa.ChunkedArray:
    """Return texts as cells that no spreadsheet computes; nearly all stay as they are."""
    begins = pc.fill_null(pc.match_substring_regex(texts, FORMULA), False)
    if not pc.any(begins).as_py():
        return texts
    escaped = [escape_cell(text) for text in texts.filter(begins).to_pylist()]
    whole = texts.combine_chunks()
    return pa.chunked_array(
        [pc.replace_with_mask(whole, begins.combine_chunks(), pa.array(escaped, pa.string()))]
    )


@contextlib.contextmanager
def open_table(
    path: Path, schema: pa.Schema, file_type: FileType, *, raw: bool = False
) -> Iterator[Any]:
    """Open a new file at `path` and give a writer that appends tables of one schema.

    Args:
        path: of the file.
        schema: of the tables.
        file_type: csv or parquet.
        raw: CSV for a program, with formulas as they are; Parquet is always so.

    Raises:
        StorageError: the file cannot be written; an earlier file at `path` stays.
    """
    with write_atomically(path) as file:
        writer: Any
        if file_type == "parquet":
            writer = pyarrow.parquet.ParquetWriter(file, schema, compression="zstd")
        elif raw:
            writer = pyarrow.csv.CSVWriter(file, schema)
        else:
            writer = EscapingWriter(file, schema)
        with writer:
            yield writer


def write_tables(
    graph: PropertyGraph,
    folder: Path,
    file_type: FileType,
    headers: Headers = "plain",
    *,
    raw: bool = False,
) -> tuple[int, int]:
    """Write nodes.<type> and edges.<type> into a directory; return the numbers of rows.

    Args:
        graph: the graph to write.
        folder: the directory, made if missing; both files are replaced once both are complete.
        file_type: csv or parquet.
        headers: plain (igraph and data frames: an edge's ends come first), gephi (Id, Label;
            Source, Target, Type, Label, Weight), or neo4j (`neo4j-admin database import`: :ID,
            :LABEL; :START_ID, :END_ID, :TYPE), which a program reads: always raw.
        raw: CSV for a program, with formulas as they are.

    Raises:
        StorageError: the directory cannot be written.
    """
    counts = [0, 0]
    parts = (("nodes", graph.nodes), ("edges", graph.edges))
    with contextlib.ExitStack() as stack:
        writers = []
        for name, schema in parts:
            renamed = _rename_columns(schema.empty_table(), graph, headers).schema
            path = folder / f"{name}.{file_type}"
            table = open_table(path, renamed, file_type, raw=raw or headers == "neo4j")
            writers.append(stack.enter_context(table))
        for chunk in graph.chunks:
            for i, table in enumerate(chunk):
                writers[i].write_table(_rename_columns(table, graph, headers))
                counts[i] += table.num_rows
    return counts[0], counts[1]


def _rename_columns(table: pa.Table, graph: PropertyGraph, headers: Headers) -> pa.Table:
    """Return a table of nodes or edges with the column names that a tool expects."""
    if headers == "plain":
        return table
    is_nodes = "id" in table.schema.names
    if headers == "gephi":
        names = _GEPHI | {graph.name: "Label"} if is_nodes else _GEPHI | {graph.weight: "Weight"}
        constant = None if is_nodes else ("Type", "Directed")
    else:
        typed = {field.name: f"{field.name}:{_NEO4J_TYPES[field.type]}" for field in table.schema}
        names = typed | _NEO4J
        constant = (":LABEL", graph.label) if is_nodes else None
        if not is_nodes:  # as the types of the graph that radkg loads
            at = table.schema.get_field_index("relation")
            table = table.set_column(at, "relation", pc.utf8_upper(table["relation"]))
    table = table.rename_columns([names.get(name, name) for name in table.schema.names])
    if constant is None:
        return table
    name, value = constant
    return table.append_column(name, pa.repeat(pa.scalar(value, pa.string()), table.num_rows))
