"""Tables of nodes and of edges, with the column names that a tool expects."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from radkg.interchange.formats.options import DraftsRun, FileType, GraphFormat, Headers, Raw

if TYPE_CHECKING:
    from radkg.storage import Storage


@dataclass(frozen=True, kw_only=True)
class TablesExport(GraphFormat):
    """The graph as a directory with a file of nodes and a file of edges."""

    name: ClassVar[str] = "tables"
    help: ClassVar[str] = "a directory with tables of nodes and edges"

    headers: Headers = "plain"
    file_type: FileType = "csv"
    raw: Raw = False
    drafts: DraftsRun = None

    def _has_other_words(self) -> bool:
        return self.drafts is not None

    def write(self, storage: Storage, path: Path) -> str:
        """Write nodes and edges into the directory, and drafts; return the numbers of rows."""
        from radkg.interchange.draft_tables import write_draft_tables
        from radkg.interchange.tables import write_tables
        from radkg.run.drafts import read_drafts, read_visible_drafts
        from radkg.run.snapshot import read_snapshot

        snapshot = read_snapshot(storage)
        drafts = read_drafts(self.drafts, snapshot) if self.drafts else None
        graph = self.read_graph(snapshot)
        num_nodes, num_edges = write_tables(graph, path, self.file_type, self.headers, raw=self.raw)
        said = f"{num_nodes} nodes and {num_edges} edges"
        if drafts is None:
            return said
        tables = read_visible_drafts(drafts, snapshot)
        num_drafts, num_claims = write_draft_tables(
            tables, path, self.file_type, self.study, with_text=self.with_text, raw=self.raw
        )
        return f"{said}, {num_drafts} drafts with {num_claims} claims"
