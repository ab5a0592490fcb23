"""GraphML (graphml.graphdrawing.org): the graph of concepts, or of mentions, in one XML file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from radkg.interchange.formats.options import GraphFormat

if TYPE_CHECKING:
    from radkg.storage import Storage


@dataclass(frozen=True, kw_only=True)
class GraphmlExport(GraphFormat):
    """The graph as one XML file, for Gephi, Cytoscape, igraph or networkx."""

    name: ClassVar[str] = "graphml"
    help: ClassVar[str] = "XML of nodes and edges"
    refused: ClassVar[Mapping[str, str]] = {
        "drafts": "it holds concepts and mentions, and a draft is no fact of either"
    }

    def write(self, storage: Storage, path: Path) -> str:
        """Write one XML file; return the number of studies in it."""
        from radkg.interchange.graphml import write_graphml
        from radkg.run.retractions import hide_retracted
        from radkg.run.snapshot import read_snapshot
        from radkg.storage import write_atomically

        snapshot = read_snapshot(storage)
        with write_atomically(path) as file:
            write_graphml(self.read_graph(snapshot), file)
        return f"the graph of {self.study or f'{hide_retracted(snapshot).num_studies} studies'}"
