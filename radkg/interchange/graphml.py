"""Property graphs as GraphML (graphml.graphdrawing.org), written chunk by chunk."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, BinaryIO
from xml.sax.saxutils import escape, quoteattr

import pyarrow as pa

from radkg.errors import SchemaError
from radkg.interchange.property_graph import PropertyGraph

_TYPES = {pa.string(): "string", pa.int64(): "long", pa.float64(): "double"}
_FORBIDDEN = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")  # by XML 1.0


def write_graphml(graph: PropertyGraph, file: BinaryIO) -> None:
    """Write a graph to an open file; a null value is left out of its node or edge.

    Raises:
        SchemaError: a value has a character that XML 1.0 forbids.
    """
    for line in _lines(graph):
        _check(line)
        file.write(f"{line}\n".encode())


def _lines(graph: PropertyGraph) -> Iterator[str]:
    yield '<?xml version="1.0" encoding="UTF-8"?>'
    yield '<graphml xmlns="http://graphml.graphdrawing.org/xmlns">'
    nodes = [field for field in graph.nodes if field.name != "id"]
    edges = [field for field in graph.edges if field.name not in ("source", "target")]
    for scope, fields in (("node", nodes), ("edge", edges)):
        for field in fields:
            yield (
                f'<key id="{scope}.{field.name}" for="{scope}" attr.name="{field.name}"'
                f' attr.type="{_TYPES[field.type]}"/>'
            )
    yield '<graph edgedefault="directed">'
    for chunk_nodes, chunk_edges in graph.chunks:
        for node in chunk_nodes.to_pylist():
            key = quoteattr(node["id"])
            yield f"<node id={key}>{_data('node', nodes, node)}</node>"
        for edge in chunk_edges.to_pylist():
            ends = f"source={quoteattr(edge['source'])} target={quoteattr(edge['target'])}"
            yield f"<edge {ends}>{_data('edge', edges, edge)}</edge>"
    yield "</graph>\n</graphml>"


def _data(scope: str, fields: list[pa.Field], values: dict[str, Any]) -> str:
    return "".join(
        f'<data key="{scope}.{field.name}">{_text(values[field.name])}</data>'
        for field in fields
        if values[field.name] is not None
    )


def _text(value: Any) -> str:
    return escape(str(value), {"\r": "&#13;"})


def _check(line: str) -> None:
    forbidden = _FORBIDDEN.search(line)
    if forbidden:
        raise SchemaError(
            f"GraphML cannot hold the character {forbidden[0]!r} of a name or text: use "
            "--format tables"
        )
