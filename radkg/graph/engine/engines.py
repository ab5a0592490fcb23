"""The graph engines: all in which radkg treats one unlike the other stands here.

A new engine is one more `Engine` in ENGINES, and the module that runs its server.
"""

from __future__ import annotations

import os
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Engine:
    """What a server that speaks Bolt can do beside Cypher."""

    name: str
    """as reports and the audit log have it"""
    agent: str
    """part of the name that its server gives itself"""
    sink: str
    """who executes the statements of a load, as LoadReport has it"""
    outage_s: float
    """how long a server that answered before may be away, or without a leader"""
    max_writers: int
    """of one load; more would not make it faster"""
    takes_many_processes: bool
    """several processes can write into one graph"""
    takes_imports: bool
    """a new store can be built by import"""
    says_kind_of_plan: bool
    """EXPLAIN tells a statement that reads from one that writes"""
    await_indexes: str | None
    """the statement that ends when all indexes are filled, $seconds at most; None: a new index is
    filled when its statement ends"""

    @property
    def default_writers(self) -> int:
        """How many writers a load should have on this machine: half its cores, at most."""
        return max(1, min(self.max_writers, (os.cpu_count() or 1) // 2))

    def __str__(self) -> str:
        return self.name


NEO4J = Engine(
    name="neo4j",
    agent="Neo4j",
    sink="bolt",
    outage_s=60.0,  # it needs up to half a minute to start again
    max_writers=4,
    takes_many_processes=True,
    takes_imports=True,
    says_kind_of_plan=True,
    await_indexes="CALL db.awaitIndexes($seconds)",
)

EMBEDDED = Engine(
    name="embedded",
    agent="ArcadeDB",
    sink="embedded",
    outage_s=5.0,  # nobody starts it again while this process runs
    # It compares pages when it commits, and all writers meet on those of frequent concepts: a
    # second one only repeats its transactions.
    max_writers=1,
    takes_many_processes=False,
    takes_imports=False,
    says_kind_of_plan=False,
    await_indexes=None,
)

ENGINES = (EMBEDDED, NEO4J)


def identify_engine(agent: str) -> Engine:
    """Return the engine of a server by the name that the server gives itself; else Neo4j."""
    return next((engine for engine in ENGINES if engine.agent in agent), NEO4J)
