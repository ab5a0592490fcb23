"""Tables of nodes and of edges, with the column names that a tool expects."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from radkg.interchange.formats.options import FileType, GraphFormat, Headers

if TYPE_CHECKING:
    from radkg.storage import Storage


@dataclass(frozen=True, kw_only=True)
class TablesExport(GraphFormat):
    """The graph as a directory with a file of nodes and a file of edges."""

    name: ClassVar[str] = "tables"
    help: ClassVar[str] = "a directory with tables of nodes and edges"

    headers: Headers = "plain"
    file_type: FileType = "csv"

    def write(self, storage: Storage, path: Path) -> str:
        """Write nodes and edges into the directory; return the numbers of rows."""
        from radkg.interchange.tables import write_tables
        from radkg.run.snapshot import read_snapshot

        graph = self.read_graph(read_snapshot(storage))
        num_nodes, num_edges = write_tables(graph, path, self.file_type, self.headers)
        return f"{num_nodes} nodes and {num_edges} edges"
