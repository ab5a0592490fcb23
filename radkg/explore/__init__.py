"""The explorer: a local web page over the graph, for a person who wants to look."""

from radkg.explore.server import explore

__all__ = ["explore"]
