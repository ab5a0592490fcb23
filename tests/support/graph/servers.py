"""Real graph servers for the tests: Neo4j from Maven's jars, and the embedded engine.

A test takes `neo4j_uri` or `embedded_graph` (one server each for the whole run), or `graph`, which
runs it on both engines with an empty graph each time.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import secrets
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from radkg.graph import Graph, open_graph
from radkg.graph.engine.embedded import USER, find_free_ports
from radkg.graph.engine.values import run_statement

NEO4J = "neo4j-5.26.30"
SOURCES = Path(__file__).parent / "neo4j"
_TLS = """
server.bolt.tls_level=REQUIRED
dbms.ssl.policy.bolt.enabled=true
dbms.ssl.policy.bolt.client_auth=NONE
dbms.ssl.policy.bolt.base_directory={folder}
"""


def _absent(reason: str) -> None:
    if os.environ.get("RADKG_REQUIRE_NEO4J") == "1":
        pytest.fail(f"RADKG_REQUIRE_NEO4J is set, but {reason}")
    pytest.skip(reason)


def neo4j_jars() -> Path:
    """Return the folder of Neo4j's jars; Maven fetches them once per user."""
    if shutil.which("java") is None or shutil.which("mvn") is None:
        _absent("Neo4j needs java (17 or later) and mvn on the PATH")
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "radkg"
    wanted = hashlib.sha256((SOURCES / "pom.xml").read_bytes()).hexdigest()[:8]
    jars = cache / f"{NEO4J}-{wanted}"
    if jars.is_dir():
        return jars
    cache.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=cache) as temporary:
        shutil.copy(SOURCES / "pom.xml", temporary)
        fetched = Path(temporary) / "jars"
        goal = ["dependency:copy-dependencies", f"-DoutputDirectory={fetched}"]
        maven = subprocess.run(
            ["mvn", "-q", "-B", *goal], cwd=temporary, capture_output=True, text=True, check=False
        )
        if maven.returncode != 0:
            _absent(f"Maven could not fetch {NEO4J}: {maven.stdout[-500:]}")
        with contextlib.suppress(OSError):  # another run was faster
            fetched.rename(jars)
    return jars


@pytest.fixture(scope="session")
def neo4j_home() -> Path:
    """The folder of Neo4j's jars, as `--neo4j-home` takes it."""
    return neo4j_jars()


@contextlib.contextmanager
def run_neo4j(
    data: Path | None = None,
    port: int = 0,
    password: str = "",
    heap: str = "1g",
    tls: Path | None = None,
) -> Iterator[tuple[str, str, subprocess.Popen[str]]]:
    """Run a Neo4j server, on a store of its own or on `data`; give address, password, process.

    Port and password are new ones where none are given; `heap` is Java's -Xmx; with `tls`, a
    directory with private.key and public.crt, every connection must be encrypted.
    """
    jars = neo4j_jars()
    java = shutil.which("java")
    password = password or secrets.token_urlsafe(16)
    port = port or find_free_ports(1)[0]
    with tempfile.TemporaryDirectory(prefix="radkg-neo4j-") as home:
        if data is not None:
            (Path(home) / "data").symlink_to(data)
        (Path(home) / "neo4j.conf").write_text(_TLS.format(folder=tls) if tls else "")
        log = Path(home) / "server.log"
        command = [str(java), f"-Xmx{heap}", "-cp", f"{jars}/*", str(SOURCES / "Server.java")]
        with log.open("w") as errors:
            server = subprocess.Popen(
                [*command, home, str(port)],
                env={**os.environ, "NEO4J_PASSWORD": password},
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
                start_new_session=True,
            )
        assert server.stdin is not None
        assert server.stdout is not None
        try:
            if "ready\n" not in iter(server.stdout.readline, ""):
                _absent(f"Neo4j did not start: {log.read_text()[-2000:]}")
            yield f"bolt{'+s' if tls else ''}://127.0.0.1:{port}", password, server
        finally:
            server.stdin.close()
            try:
                server.wait(30)
            except subprocess.TimeoutExpired:
                server.kill()
                server.wait()
            server.stdout.close()


@pytest.fixture(scope="session")
def neo4j_uri() -> Iterator[str]:
    """The address of a running Neo4j; its login stands in NEO4J_USER and NEO4J_PASSWORD."""
    with run_neo4j() as (uri, password, _), pytest.MonkeyPatch.context() as patch:
        patch.setenv("NEO4J_USER", "neo4j")
        patch.setenv("NEO4J_PASSWORD", password)
        yield uri


@pytest.fixture(scope="session")
def embedded_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The directory behind `embedded_graph`."""
    return tmp_path_factory.mktemp("store")


@pytest.fixture(scope="session")
def embedded_graph(embedded_store: Path) -> Iterator[Graph]:
    """The embedded engine, open on a store of its own; not emptied between tests."""
    with open_graph("embedded", embedded_store) as graph:
        yield graph


@pytest.fixture(params=["embedded", pytest.param("neo4j", marks=pytest.mark.neo4j)])
def graph(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Graph]:
    """An empty graph, once on each engine."""
    with contextlib.ExitStack() as stack:
        if request.param == "neo4j":
            uri = request.getfixturevalue("neo4j_uri")
            opened = stack.enter_context(open_graph(uri, tmp_path))
        else:
            opened = request.getfixturevalue("embedded_graph")
        clear_graph(opened)
        yield opened


@pytest.fixture(params=["embedded", pytest.param("neo4j", marks=pytest.mark.neo4j)])
def where(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[str, Path]:
    """The arguments of open_graph for an empty graph on each engine."""
    address = "embedded"
    if request.param == "neo4j":
        address = request.getfixturevalue("neo4j_uri")
        with open_graph(address, tmp_path) as graph:
            clear_graph(graph)
    return address, tmp_path


@pytest.fixture
def login(graph: Graph, request: pytest.FixtureRequest) -> tuple[str, str]:
    """User and password of the server behind `graph`."""
    if graph.engine.name == "neo4j":
        return "neo4j", os.environ["NEO4J_PASSWORD"]
    store: Path = request.getfixturevalue("embedded_store")
    return USER, (store / "password").read_text()


def clear_graph(graph: Graph) -> None:
    """Delete every node and relationship, a part at a time; constraints and indexes stay."""
    statement = "MATCH (n) WITH n LIMIT 20000 DETACH DELETE n RETURN count(n) AS number"
    while graph.write(lambda tx: run_statement(tx, statement))[0]["number"]:
        pass
