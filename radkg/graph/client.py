"""One client for both graph engines: Cypher over Bolt through the official neo4j driver.

It knows sessions, retries and error messages; it does not know the graph model.
"""

from __future__ import annotations

import contextlib
import logging
import random
import time
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

import neo4j
from neo4j import exceptions

from radkg.errors import GraphError, GraphUnavailable

CONNECT_TIMEOUT_S = 5.0
RETRY_TIME_S = 5.0  # how long the driver itself repeats a transaction
ATTEMPTS = 8  # of what the driver does not repeat itself

_CONFLICTS = (
    "DeadlockDetected",
    "Duplicated key",
    "EquivalentSchemaRuleAlreadyExists",  # two loaders create the same index at once
    "Please retry",
    "still has relationships",
)
_PLAIN = frozenset((str, int, float, bool, type(None)))

T = TypeVar("T")
Transaction = neo4j.ManagedTransaction


class Conflict(GraphError):
    """Raised by work that finds the graph changed under it: rolled back, and run again."""


class Graph:
    """A connection to one graph; `engine` is "neo4j" or "embedded" (ArcadeDB).

    Use it as a context manager, from one thread or several. `address` never holds a secret.

    Raises:
        GraphUnavailable: nothing answers at the address within a few seconds.
        GraphError: the login was refused.
    """

    def __init__(self, address: str, user: str, password: str) -> None:
        self.address = address
        # Neither a hint about a missing index nor a repeated transaction is the user's business.
        logging.getLogger("neo4j").setLevel(logging.CRITICAL)
        with self._explained():
            self._driver = neo4j.GraphDatabase.driver(
                address,
                auth=(user, password),
                connection_timeout=CONNECT_TIMEOUT_S,
                connection_acquisition_timeout=2 * CONNECT_TIMEOUT_S,
                max_transaction_retry_time=RETRY_TIME_S,
                user_agent="radkg",
            )
        try:
            with self._explained():
                agent = self._driver.get_server_info().agent
        except BaseException:
            self._driver.close()
            raise
        self.engine = "embedded" if "ArcadeDB" in agent else "neo4j"

    def read(self, statement: str, **parameters: Any) -> list[dict[str, Any]]:
        """Return the rows of a reading statement; dates come as `datetime.date`.

        Raises:
            GraphError: the statement is wrong, or would change the graph, which it then did not.
        """

        def work(transaction: Transaction) -> list[dict[str, Any]]:
            result = transaction.run(statement, parameters)
            found = [_native(dict(record)) for record in result]
            # The embedded engine knows no access modes: an exception here rolls it all back.
            if result.consume().counters.contains_updates:
                raise GraphError("a reading statement would have changed the graph: refused")
            return found

        def attempt() -> list[dict[str, Any]]:
            with self._session(neo4j.READ_ACCESS) as session:
                return session.execute_read(work)

        return self._repeated(attempt)

    def write(self, work: Callable[[Transaction], T]) -> T:
        """Return `work(transaction)`, committed.

        `work` may run several times (deadlock, conflict, lost connection, an acknowledgement of
        the commit that never came), so running it again after it was committed must change nothing.
        """

        def attempt() -> T:
            with self._session(neo4j.WRITE_ACCESS) as session:
                return session.execute_write(work)

        return self._repeated(attempt)

    def run_schema(self, statement: str) -> None:
        """Run one statement that creates or drops a constraint or an index."""

        def attempt() -> None:
            with self._session(neo4j.WRITE_ACCESS) as session:
                session.run(statement).consume()

        self._repeated(attempt)

    def close(self) -> None:
        """Close all connections; closing twice is no error."""
        self._driver.close()

    def __enter__(self) -> Graph:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _repeated(self, attempt: Callable[[], T]) -> T:
        """Return `attempt()`, tried again after conflicts that the driver does not repeat."""
        with self._explained():
            for tries in range(1, ATTEMPTS):
                try:
                    return attempt()
                except (Conflict, exceptions.Neo4jError, exceptions.IncompleteCommit) as error:
                    if not _is_conflict(error):
                        raise
                time.sleep(random.uniform(0, 0.05 * 2**tries))
            return attempt()

    def _session(self, access: str) -> neo4j.Session:
        return self._driver.session(default_access_mode=access)

    @contextlib.contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except exceptions.Neo4jError as error:
            raise self._refused(error) from error
        except exceptions.ConfigurationError as error:
            raise GraphError(f"the graph at {self.address} cannot be used: {error}") from error
        except exceptions.DriverError as error:
            raise GraphUnavailable(
                f"no graph server answers at {self.address}: start it or check the address"
            ) from error

    def _refused(self, error: exceptions.Neo4jError) -> GraphError:
        if isinstance(error, exceptions.AuthError) or ".Security." in (error.code or ""):
            return GraphError(
                f"the graph at {self.address} refused the login: set NEO4J_USER and"
                f" NEO4J_PASSWORD in the environment ({error.code})"
            )
        return GraphError(f"the graph at {self.address} refused a statement: {error.message}")


def rows(transaction: Transaction, statement: str, **parameters: Any) -> list[dict[str, Any]]:
    """Return the rows of one statement inside a transaction; dates come as `datetime.date`."""
    return [_native(dict(record)) for record in transaction.run(statement, parameters)]


def _native(value: Any) -> Any:
    """Return `value` with Python's dates, and nodes and relationships as their properties."""
    kind = type(value)
    if kind in _PLAIN:
        return value
    if kind is dict:
        return {name: _native(item) for name, item in value.items()}
    if kind is list:
        return [_native(item) for item in value]
    if kind in (neo4j.time.Date, neo4j.time.DateTime, neo4j.time.Time):
        return value.to_native()
    if isinstance(value, neo4j.graph.Entity):
        return dict(value.items())
    return value


def _is_conflict(error: Exception) -> bool:
    """Tell whether another try can help where the driver gave up or does not try again itself.

    Neo4j reports deadlocks also of schema statements. The embedded engine sees conflicts when it
    commits: two writers of one page, or of one key under a uniqueness constraint.
    """
    if isinstance(error, Conflict | exceptions.IncompleteCommit):
        return True
    return any(sign in str(error) for sign in _CONFLICTS)
