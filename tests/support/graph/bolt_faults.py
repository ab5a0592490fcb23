"""Faults of a connection to a graph server: what can be done to a request, and seeded draws."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass

REFUSALS = {  # what a server says, without having done it; the client may ask again
    "not a leader": "Neo.ClientError.Cluster.NotALeader",
    "read only": "Neo.ClientError.General.ForbiddenOnReadOnlyDatabase",
    "unavailable": "Neo.TransientError.General.DatabaseUnavailable",
    "deadlock": "Neo.TransientError.Transaction.DeadlockDetected",
}
BEFORE = (  # the server has nothing of the request, or half
    "cut",
    "reset",
    "torn request",
    "delayed",
    *REFUSALS,
)
AFTER = (  # the server does what it is asked
    "unanswered",
    "unanswered, reset",
    "torn answer",
    "delayed answer",
    "late",  # when the client has given up and asked again
    "refused after",  # and says that it could not tell the others
)
LONG = ("silent", "outage")  # a half-open connection; a server that is away
LEADER_CHANGE = "leader change"
AT_COMMIT = ("refused after",)  # of which the driver expects one answer alone
HARMLESS = ("delayed", "delayed answer")  # the client waits, and hears of nothing

REPLICATION_FAILURE = "Neo.TransientError.Cluster.ReplicationFailure"
DELAY_S = 0.2
LATE_S = 0.5
SILENCE_S = 6.0
PATIENCE_S = 4  # what the client is told to wait for a byte: Neo4j's own hint says 120


@dataclass(frozen=True)
class Fault:
    """One thing to do to a request."""

    kind: str
    request: str
    """BEGIN, RUN or COMMIT"""
    after: int
    """how many requests of this name pass before, since the last fault"""
    seconds: float = 0.0
    """of an outage"""


@dataclass(frozen=True)
class Delivered:
    """A fault that was done."""

    fault: Fault
    unknown: bool
    """it left the client not knowing whether its changes were committed"""


def kinds(routed: bool) -> list[str]:
    """Return all kinds; for a client that routes a leader change as often as all refusals."""
    return [*BEFORE, *AFTER, *LONG, *([LEADER_CHANGE] * len(REFUSALS) if routed else [])]


def draw(rng: random.Random, number: int, kinds: Sequence[str], mean: int = 12) -> list[Fault]:
    """Return faults of these kinds, half of them at a COMMIT, and about `mean` requests apart."""
    found = []
    for _ in range(number):
        kind = rng.choice(kinds)
        names = ("COMMIT",) if kind in AT_COMMIT else ("COMMIT", "COMMIT", "RUN", "BEGIN")
        request = rng.choice(names)
        gap = rng.randrange(2 * mean if request == "RUN" else 3)
        found.append(Fault(kind, request, gap, rng.uniform(0.5, 3)))
    return found
