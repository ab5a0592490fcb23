"""When work on a graph is tried again: conflicts of transactions, and servers that are away."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from neo4j import exceptions

from radkg.errors import GraphError

_CONFLICTS = (
    "DeadlockDetected",
    "Duplicated key",
    "EntityNotFound",  # another transaction has deleted what this one found
    "EquivalentSchemaRuleAlreadyExists",  # two loaders create the same index at once
    "Please retry",
    "still has relationships",
)

T = TypeVar("T")


class Conflict(GraphError):
    """Raised by work that finds the graph changed under it: rolled back, and run again."""


@dataclass(frozen=True, kw_only=True)
class RetryLimits:
    """How long work is tried again."""

    attempts: int = 8
    """at what meets conflicts"""
    max_wait_s: float = 5.0
    """between two attempts"""
    driver_s: float = 5.0
    """how long the driver itself repeats a transaction"""
    outage_s: float | None = None
    """how long a server may be away; None: as long as its engine says (engines.py)"""


def repeat(attempt: Callable[[], T], retry_limits: RetryLimits, outage_s: float) -> T:
    """Return `attempt()`, tried again where that can help and the driver does not, or gave up.

    Conflicts are tried again a number of times; a server that is away or has no leader for
    `outage_s`, counted from the first failure: a connection that went silent takes long to fail.
    """
    tries, failed_at = 0, None
    while True:
        try:
            return attempt()
        except (Conflict, exceptions.Neo4jError, exceptions.DriverError) as error:
            tries, failed_at = tries + 1, failed_at or time.monotonic()
            away = time.monotonic() - failed_at
            if not (
                (_is_conflict(error) and tries < retry_limits.attempts)
                or (_is_passing(error) and away < outage_s)
            ):
                raise
        time.sleep(random.uniform(0, min(0.05 * 2**tries, retry_limits.max_wait_s)))


def _is_conflict(error: Exception) -> bool:
    """Tell whether another try can help where the driver gave up or does not try again itself.

    Neo4j reports deadlocks also of schema statements. The embedded engine sees conflicts when it
    commits: two writers of one page, or of one key under a uniqueness constraint.
    """
    return isinstance(error, Conflict) or any(sign in str(error) for sign in _CONFLICTS)


def _is_passing(error: Exception) -> bool:
    """Tell whether a server can be expected to do later what it did not, or did not answer, now."""
    if isinstance(error, exceptions.IncompleteCommit):
        return True  # whether it was committed is unknown, and running it again changes nothing
    return (
        isinstance(error, exceptions.Neo4jError | exceptions.DriverError) and error.is_retryable()
    )
