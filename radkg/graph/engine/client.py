"""One client for all graph engines: Cypher over Bolt through the official neo4j driver.

It knows sessions, retries and error messages; it does not know the graph model.
"""

from __future__ import annotations

import contextlib
import functools
import logging
import ssl
import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future
from typing import Any, NamedTuple, TypeVar

import neo4j
from neo4j import exceptions

from radkg.errors import GraphError, GraphUnavailable
from radkg.graph.engine.engines import identify_engine
from radkg.graph.engine.retries import RetryLimits, repeat
from radkg.graph.engine.tls import describe_failure
from radkg.graph.engine.values import Transaction, to_native

CONNECT_TIMEOUT_S = 5.0
T = TypeVar("T")


class Plan(NamedTuple):
    """How an engine would execute a statement, from EXPLAIN."""

    kind: str | None
    """r, rw, w or s (schema); None where the engine does not say"""
    operators: tuple[str, ...]
    """steps as "name details", the last first; of the embedded engine one for all"""


class Graph:
    """A connection to one graph; `engine` says what its server can do.

    Use it as a context manager, from one thread or several. `address` never holds a secret.

    Args:
        address: of a server that speaks Bolt.
        user: of the login.
        password: of the login.
        retry_limits: how long work is tried again.
        tls: of an encrypted connection (+s), whom it trusts; None: the CAs of this machine.

    Raises:
        GraphUnavailable: nothing answers at the address within a few seconds.
        GraphError: the login was refused, or the server's certificate.
    """

    def __init__(
        self,
        address: str,
        user: str,
        password: str,
        retry_limits: RetryLimits | None = None,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self.address = address
        self._tls = tls
        self._retry_limits = retry_limits or RetryLimits()
        self._connect_again = functools.partial(Graph, address, user, password, retry_limits, tls)
        # Neither a hint about a missing index nor a repeated transaction is the user's business.
        logging.getLogger("neo4j").setLevel(logging.CRITICAL)
        chosen: dict[str, Any] = {} if tls is None else {"ssl_context": tls}
        with self._explained():
            self._driver = neo4j.GraphDatabase.driver(
                # the driver takes a context only where the address does not choose one itself
                address if tls is None else address.replace("+s://", "://", 1),
                auth=(user, password),
                connection_timeout=CONNECT_TIMEOUT_S,
                connection_acquisition_timeout=2 * CONNECT_TIMEOUT_S,
                max_transaction_retry_time=self._retry_limits.driver_s,
                user_agent="radkg",
                **chosen,
            )
        try:
            with self._explained():
                agent = self._driver.get_server_info().agent
        except BaseException:
            self._driver.close()
            raise
        self.engine = identify_engine(agent)

    def read(self, statement: str, **parameters: Any) -> list[dict[str, Any]]:
        """Return the rows of a reading statement; dates come as `datetime.date`.

        Raises:
            GraphError: the statement is wrong, or would change the graph, which it then did not.
        """
        return [to_native(row) for row in self.read_unchanged(statement, **parameters)]

    def read_unchanged(self, statement: str, **parameters: Any) -> list[dict[str, Any]]:
        """As `read`, with values as the driver gives them: to look at each takes long.

        Raises:
            GraphError: as `read`.
        """

        def work(transaction: Transaction) -> list[dict[str, Any]]:
            result = transaction.run(statement, parameters)
            found = [dict(record) for record in result]
            # The embedded engine knows no access modes: an exception here rolls it all back.
            if result.consume().counters.contains_updates:
                raise GraphError("a reading statement would have changed the graph: refused")
            return found

        def attempt() -> list[dict[str, Any]]:
            with self._session(neo4j.READ_ACCESS) as session:
                return session.execute_read(work)

        return self._repeat(attempt)

    def plan(self, statement: str, parameters: Mapping[str, Any]) -> Plan:
        """Return how the engine would execute a statement.

        The embedded engine executes what changes the schema even so.

        Raises:
            GraphError: the statement is wrong.
        """
        with self._explained(), self._session(neo4j.READ_ACCESS) as session:
            summary = session.run(f"EXPLAIN {statement}", dict(parameters)).consume()
        kind = summary.query_type if self.engine.says_kind_of_plan else None
        return Plan(kind, tuple(_list_operators(summary.plan or {})))

    def read_some(
        self, statement: str, parameters: Mapping[str, Any], *, timeout_s: float, limit: int
    ) -> tuple[list[str], list[list[Any]]]:
        """Return the columns and at most `limit` rows of a reading statement; nothing is committed.

        Raises:
            GraphError: the statement is wrong, would change the graph, or takes longer than
                `timeout_s`: the graph is closed then, for the embedded engine goes on with it.
        """

        def work() -> tuple[list[str], list[list[Any]]]:
            with self._session(neo4j.READ_ACCESS) as session:
                transaction = session.begin_transaction(timeout=timeout_s)
                try:
                    result = transaction.run(statement, dict(parameters))
                    found = [
                        [to_native(value) for value in record] for record in result.fetch(limit)
                    ]
                    if result.consume().counters.contains_updates:
                        raise GraphError("a reading statement would change the graph: refused")
                    return list(result.keys()), found
                finally:
                    transaction.close()  # without a commit

        answer: Future[tuple[list[str], list[list[Any]]]] = Future()
        threading.Thread(target=_fulfil, args=(answer, work), daemon=True).start()
        too_long = GraphError(
            f"the statement was stopped after {timeout_s:g} s: ask for less, or give it longer with"
            " --timeout"
        )
        try:
            with self._explained():
                return answer.result(timeout_s + 1)  # a server that keeps the time says so itself
        except TimeoutError:
            self.close()
            raise too_long from None
        except GraphError as error:
            if "TransactionTimedOut" in str(getattr(error.__cause__, "code", "")):
                raise too_long from None
            raise

    def write(self, work: Callable[[Transaction], T]) -> T:
        """Return `work(transaction)`, committed.

        `work` may run several times (deadlock, conflict, lost connection, an acknowledgement of
        the commit that never came), so running it again after it was committed must change nothing.
        """

        def attempt() -> T:
            with self._session(neo4j.WRITE_ACCESS) as session:
                return session.execute_write(work)

        return self._repeat(attempt)

    def run_schema(self, statement: str) -> None:
        """Run one statement that creates or drops a constraint or an index."""

        def attempt() -> None:
            with self._session(neo4j.WRITE_ACCESS) as session:
                session.run(statement).consume()

        self._repeat(attempt)

    def open_again(self) -> Graph:
        """Return another connection to the same server with the same login.

        For a statement that may take too long: `read_some` then closes the connection it is on.

        Raises:
            GraphUnavailable: nothing answers any more.
        """
        return self._connect_again()

    def close(self) -> None:
        """Close all connections; closing twice is no error."""
        self._driver.close()

    def __enter__(self) -> Graph:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _repeat(self, attempt: Callable[[], T]) -> T:
        outage_s = self._retry_limits.outage_s
        with self._explained():
            return repeat(
                attempt, self._retry_limits, self.engine.outage_s if outage_s is None else outage_s
            )

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
        except exceptions.WriteServiceUnavailable as error:
            raise GraphUnavailable(
                f"the server at {self.address} is not its cluster's leader and takes no changes:"
                " use a neo4j:// address, which finds the leader, or try again later"
            ) from error
        except exceptions.DriverError as error:
            encrypted = "+s://" in self.address
            failed = describe_failure(self.address, self._tls) if encrypted else None
            if failed:
                raise GraphError(failed) from error
            plain = "" if encrypted else "; a server with TLS wants bolt+s://"
            raise GraphUnavailable(
                f"no graph server answers at {self.address}: start it or check the address{plain}"
            ) from error

    def _refused(self, error: exceptions.Neo4jError) -> GraphError:
        if isinstance(error, exceptions.AuthError) or ".Security." in (error.code or ""):
            return GraphError(
                f"the graph at {self.address} refused the login: set NEO4J_USER and"
                f" NEO4J_PASSWORD in the environment ({error.code})"
            )
        if error.is_retryable():
            return GraphUnavailable(
                f"the graph at {self.address} cannot do this now: {error.message}; try again later"
            )
        return GraphError(f"the graph at {self.address} refused a statement: {error.message}")


def _fulfil(future: Future[T], work: Callable[[], T]) -> None:
    try:
        future.set_result(work())
    except BaseException as error:
        future.set_exception(error)


def _list_operators(plan: Mapping[str, Any]) -> Iterator[str]:
    """Yield the steps of a plan as "name details", the last first."""
    if "operatorType" in plan:
        name = plan["operatorType"].partition("@")[0]
        yield f"{name} {plan.get('args', {}).get('Details', '')}".rstrip()
    for child in plan.get("children", ()):
        yield from _list_operators(child)
