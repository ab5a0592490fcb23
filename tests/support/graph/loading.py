"""Loads in small batches, and a connection with something to do around its transactions."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import TypeVar

from radkg.graph import Graph
from radkg.graph.engine.values import Transaction
from radkg.graph.load.loader import load
from radkg.graph.rows.nested import BatchSizes

SMALL = BatchSizes(studies=5)
load_small = functools.partial(load, sizes=SMALL)

T = TypeVar("T")


class HookedGraph(Graph):
    """A connection of its own to a graph, which calls a hook before each transaction that writes.

    Args:
        graph: the graph.
        login: user and password.
        before: called with the number of transactions before.
        after: called behind each.
    """

    def __init__(
        self,
        graph: Graph,
        login: tuple[str, str],
        before: Callable[[int], None] = lambda number: None,
        after: Callable[[], None] = lambda: None,
    ) -> None:
        super().__init__(graph.address, *login)
        self.num_writes = 0
        self._before = before
        self._after = after

    def write(self, work: Callable[[Transaction], T]) -> T:
        """Write as a Graph does, between the hooks."""
        self._before(self.num_writes)
        self.num_writes += 1
        result = super().write(work)
        self._after()
        return result
