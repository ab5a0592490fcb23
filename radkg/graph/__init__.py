"""The graph: `open_graph` is the one door to a Neo4j server or to the embedded engine.

`query` asks it from a notebook.
"""

from radkg.graph.ask.notebook import query
from radkg.graph.engine.client import Graph
from radkg.graph.opening import open_graph

__all__ = ["Graph", "open_graph", "query"]
