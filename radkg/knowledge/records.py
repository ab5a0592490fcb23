"""A knowledge graph as records: concepts, typed relations between them, and how often each stands.

    DIRECTORY/
        knowledge.json   facts: snapshot_id, model_id, archive, split, studies, scales, bank, and
                         the hashes of the other files
        nodes.parquet    NODES, the most frequent first
        edges.parquet    EDGES, head and tail by their rows in nodes
        bank.parquet     BANK, visual tokens; only where images were given
        bank.safetensors the adapter that made the tokens

A scale is the subgraph of the first N nodes with the edges among them (report-generation systems
build on several: about 100, 200, 300, 400 and 500 nodes).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from radkg.schema.arrow import make_field
from radkg.schema.records import RELATIONS

SCALES = (100, 200, 300, 400, 500)
KNOWLEDGE_RELATIONS = RELATIONS

NODES = pa.schema(
    [
        make_field("name", pa.string(), "name of the concept"),
        make_field("kind", pa.string(), "observation or anatomy"),
        make_field("mentions", pa.int64(), "present or uncertain mentions, over all studies"),
        make_field("studies", pa.int64(), "studies with such a mention"),
    ]
)
EDGES = pa.schema(
    [
        make_field("head", pa.int32(), "row of nodes"),
        make_field("tail", pa.int32(), "row of nodes"),
        make_field("relation", pa.string(), "modify, located_at or suggestive_of"),
        make_field("count", pa.int64(), "how often it is stated"),
        make_field("studies", pa.int64(), "studies that state it"),
    ]
)
BANK = pa.schema(
    [
        make_field("image_id", pa.string(), "image that the token is cut from", phi="id"),
        make_field("study_id", pa.string(), "its study", phi="id"),
        make_field("label", pa.string(), "the finding that the token shows"),
        make_field(
            "box",
            pa.list_(pa.field("element", pa.float64(), nullable=False)),
            "left, top, right, bottom, as shares [0, 1] of the image's sides",
        ),
        make_field("activation", pa.float64(), "mean Grad-CAM of the cell, in [0, 1]"),
        make_field(
            "token",
            pa.list_(pa.field("element", pa.float32(), nullable=False)),
            "the cell's features after the adapter",
        ),
    ]
)


@dataclass(frozen=True)
class Knowledge:
    """A knowledge graph in memory."""

    nodes: pa.Table
    """NODES"""
    edges: pa.Table
    """EDGES"""
    facts: dict[str, Any]
    """of knowledge.json"""
    bank: pa.Table | None = None
    """BANK; None: the graph was built without images"""

    def take_scale(self, num_nodes: int) -> Knowledge:
        """Return the graph of the first nodes with the edges among them; facts and bank as here.

        A graph with fewer nodes is taken whole.
        """
        ends = [pc.less(self.edges[end], num_nodes) for end in ("head", "tail")]
        edges = self.edges.filter(pc.and_(*ends))
        return Knowledge(self.nodes.slice(0, num_nodes), edges, self.facts, self.bank)
