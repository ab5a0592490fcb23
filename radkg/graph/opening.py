"""Open a graph: a Neo4j server by its address, or the embedded engine on a directory."""

from __future__ import annotations

import contextlib
import ipaddress
import os
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import SplitResult, urlsplit

from radkg.errors import ConfigError
from radkg.graph.engine.client import Graph
from radkg.graph.engine.embedded import open_embedded
from radkg.graph.engine.engines import EMBEDDED
from radkg.graph.engine.holding import Holder
from radkg.graph.engine.sharing import open_shared
from radkg.graph.engine.tls import CA, make_context
from radkg.graph.migrations.steps import read_schema_version

INSECURE = "NEO4J_INSECURE"
_PLAIN = ("bolt", "neo4j")
_ENCRYPTED = ("bolt+s", "neo4j+s")


@contextlib.contextmanager
def open_graph(
    where: str,
    store: Path | None,
    *,
    insecure: bool = False,
    holder: Holder | None = None,
    keep_open: float | None = None,
) -> Iterator[Graph]:
    """Give the graph at `where`, and close it in the end.

    Args:
        where: "embedded" (runs the engine on the directory `store` meanwhile) or the address of a
            server, bolt://, bolt+s://, neo4j:// or neo4j+s://. Its login is NEO4J_USER (default
            neo4j) and NEO4J_PASSWORD from the environment; NEO4J_CA is the file of the CA that its
            certificate must be of (default: the CAs of this machine).
        store: directory of the embedded graph; an address needs none.
        insecure: allow an unencrypted connection to another machine, as NEO4J_INSECURE=1 does.
        holder: who shares an embedded engine with other processes while it is open here.
        keep_open: to read an embedded graph that stands, by an engine that is open or is left open
            for so many minutes after the last question; None: by an engine of this process alone.

    Raises:
        ConfigError: `where` is neither, holds a login, or is an unencrypted connection to another
            machine; NEO4J_CA is no such file; or the embedded engine has no directory.
        GraphUnavailable: nothing answers there, or another process holds the store.
        GraphError: the login was refused, or the certificate; or the graph's schema is newer than
            this program.
    """
    if where == EMBEDDED.name:
        if store is None:
            raise ConfigError("the embedded graph needs a directory: give its store")
        if keep_open is None:
            opening = open_embedded(store, holder)
        else:
            opening = open_shared(store, keep_open)
        with opening as graph:
            read_schema_version(graph)
            yield graph
        return
    with connect(_check_address(where, insecure=insecure)) as graph:
        read_schema_version(graph)
        yield graph


def connect(address: str) -> Graph:
    """Return a connection to a server, as `open_graph` does, without its checks.

    Raises:
        ConfigError: NEO4J_CA is no file of certificates, or the connection is not encrypted.
        GraphUnavailable: nothing answers there.
        GraphError: the login was refused, or the certificate.
    """
    user = os.environ.get("NEO4J_USER", "neo4j")
    authority = os.environ.get(CA)
    if not authority:
        return Graph(address, user, os.environ.get("NEO4J_PASSWORD", ""))
    if urlsplit(address).scheme not in _ENCRYPTED:
        raise ConfigError(
            f"{CA} names a CA, and {address} is not encrypted: use {urlsplit(address).scheme}+s://"
        )
    return Graph(address, user, os.environ.get("NEO4J_PASSWORD", ""), tls=make_context(authority))


def _check_address(where: str, *, insecure: bool) -> str:
    """Return the address if a secret neither stands in it nor would leave the machine in clear."""
    parts = _split(where)
    if parts.username is not None or parts.password is not None:
        raise ConfigError(
            f"the graph address {parts.scheme}://...@{parts.hostname} holds a login, which others"
            " can read: set NEO4J_USER and NEO4J_PASSWORD in the environment"
        )
    if parts.scheme not in _PLAIN + _ENCRYPTED or not parts.hostname:
        raise ConfigError(
            f"no graph {where!r}: give 'embedded' or an address such as bolt://localhost:7687"
        )
    allowed = insecure or os.environ.get(INSECURE) == "1"
    if parts.scheme in _PLAIN and not allowed and not _is_loopback(parts.hostname):
        raise ConfigError(
            f"{where} is not encrypted and not on this machine: use {parts.scheme}+s://, or"
            f" --insecure (or {INSECURE}=1) on a network that you trust"
        )
    return where


def _split(where: str) -> SplitResult:
    """Return the parts of an address, which must have a port, if any, and brackets in pairs."""
    try:
        parts = urlsplit(where)
        parts.port  # noqa: B018  # raises for what is no number
    except ValueError as error:
        raise ConfigError(f"the graph address is none: {error}") from error
    return parts


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
