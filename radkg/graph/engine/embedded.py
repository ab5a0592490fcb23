"""The embedded graph engine: ArcadeDB from its wheel, run as a child process that speaks Bolt.

The only module that knows ArcadeDB's settings. One process at a time holds a store (a directory);
the server listens on loopback only and ends with the process that started it, however that ends.
"""

from __future__ import annotations

import contextlib
import importlib.util
import os
import secrets
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path

from radkg.errors import GraphError, GraphUnavailable, StorageError
from radkg.graph.engine.child_processes import bind_to_parent, stop
from radkg.graph.engine.client import Graph
from radkg.graph.engine.holding import Holder, amend_notice, lock_store, remove_notice
from radkg.graph.engine.shortage import LOG, check_open_files, explain_disk, find_shortage
from radkg.private import make_directory

START_TIMEOUT_S = 60.0
USER = "root"
PASSWORD = "password"
"""file of a store"""
_JAVA_STACK = ("\tat ", "\t... ")
# Measured on 4,000 studies and 2 cores: least CPU and memory of G1, parallel and serial collection.
JVM = ("-Xmx2g", "-Xmn400m", "-XX:+UseSerialGC", "--add-modules=jdk.incubator.vector")


def find_store(out: Path) -> Path:
    """Return the store of the graph that was loaded from the run in `out`.

    Raises:
        GraphError: there is none.
    """
    store = out.resolve() / "graph"
    if not store.is_dir():
        raise GraphError(f"no graph at {store}: run `radkg load --out {out}` first")
    return store


@contextlib.contextmanager
def open_embedded(store: Path, holder: Holder | None = None) -> Iterator[Graph]:
    """Start the engine on `store` (made if missing), give a Graph, and stop it in the end.

    Args:
        store: directory of the graph.
        holder: who shares the engine with other processes of this user (sharing.py) meanwhile;
            None: nobody else can ask it.

    Raises:
        GraphUnavailable: another process holds the store, or the engine did not start.
        StorageError: the directory cannot be written, its disk is full, or this process may not
            have as many open files as the engine needs; then, or while the graph is used.
    """
    store = store.resolve()
    try:
        make_directory(store.parent)
        store.mkdir(mode=0o700, exist_ok=True)  # no group shares it: one process at a time
        lock = lock_store(store, holder)
    except OSError as error:
        raise explain_disk(store, error) from error
    try:
        check_open_files()
        try:
            server, graph, port = _start(store, lock)
        except OSError as error:
            raise explain_disk(store, error) from error
        try:
            with graph:
                if holder is not None:
                    amend_notice(store, state="open", port=port)
                yield graph
        except GraphError as error:
            said = find_shortage(store)
            if said is None:
                raise
            raise StorageError(said) from error
        finally:
            if holder is not None:
                with contextlib.suppress(OSError):  # a full disk: who asks meets a dead address
                    amend_notice(store, state="ending")
            stop(server)
    finally:
        if holder is not None:
            remove_notice(store)
        os.close(lock)


def remove_store(store: Path) -> None:
    """Remove a store that nobody holds.

    Raises:
        GraphUnavailable: another process holds it.
        StorageError: the directory cannot be changed.
    """
    try:
        lock = lock_store(store)
        try:
            shutil.rmtree(store)
        finally:
            os.close(lock)
    except OSError as error:
        raise StorageError(f"cannot remove the graph in {store}: {error.strerror}") from error


def _start(store: Path, lock: int) -> tuple[subprocess.Popen[bytes], Graph, int]:
    """Return the running server, a Graph that is logged in to it, and its port."""
    password = _read_password(store)
    bolt_port, http_port = find_free_ports(2)
    server = _spawn(_build_command(store, bolt_port, http_port), store, lock)
    deadline = time.monotonic() + START_TIMEOUT_S
    try:
        while server.poll() is None and time.monotonic() < deadline:
            # A connection that is accepted is not yet a database that stands: log in.
            with contextlib.suppress(OSError, GraphError):
                return server, _log_in(bolt_port, password), bolt_port
            time.sleep(0.05)
    except BaseException:
        stop(server)
        raise
    stop(server)
    said = find_shortage(store)
    if said is not None:
        raise StorageError(said)
    log = (store / LOG).read_text(errors="replace").splitlines()
    told = [line for line in log if not line.startswith(_JAVA_STACK)]
    raise GraphUnavailable(
        f"the embedded graph engine did not start on {store}: see {store / LOG}, "
        "which ends with\n" + "\n".join(told[-10:])
    )


def _log_in(port: int, password: str) -> Graph:
    with socket.create_connection(("127.0.0.1", port), timeout=1):
        pass  # cheaper to ask than the driver while the port is closed
    graph = Graph(f"bolt://127.0.0.1:{port}", USER, password)
    try:
        graph.read("RETURN 1 AS ready")
    except BaseException:
        graph.close()
        raise
    return graph


def _build_command(store: Path, bolt_port: int, http_port: int) -> list[str]:
    home = _find_wheel()
    settings = {
        "server.rootPath": store,
        "server.databaseDirectory": store / "databases",
        "server.logsDirectory": store / "log",
        "server.rootPasswordPath": store / PASSWORD,
        "server.defaultDatabases": f"neo4j[{USER}]",
        "server.mode": "development",  # "production" hides the reason of every Cypher error
        "server.httpIncomingHost": "127.0.0.1",
        "server.httpIncomingPort": http_port,
        "server.plugins": "Bolt:com.arcadedb.bolt.BoltProtocolPlugin",
        "bolt.host": "127.0.0.1",
        "bolt.port": bolt_port,
        "bolt.defaultDatabase": "neo4j",
        "opencypher.loadCsv.allowFileUrls": "false",
        "opencypher.loadCsv.allowRemoteUrls": "false",
        "polyglotEngineEnabled": "false",
        "txWalFlush": 2,  # a commit is on the disk when it is acknowledged, as on Neo4j
        "serverMetrics": "false",
    }
    return [
        str(home / "jre" / "bin" / "java"),
        *JVM,
        *(f"-Darcadedb.{name}={value}" for name, value in settings.items()),
        "-cp",
        str(home / "jars" / "*"),
        "com.arcadedb.server.ArcadeDBServer",
    ]


def _find_wheel() -> Path:
    """Return the wheel's folder; its Python bridge is not imported (it can crash at exit)."""
    spec = importlib.util.find_spec("arcadedb_embedded")
    if spec is None or spec.origin is None:
        raise GraphUnavailable(
            "the embedded graph engine is missing: pip install arcadedb-embedded"
        )
    return Path(spec.origin).parent


def _read_password(store: Path) -> str:
    """Return the store's password, made on first use; it stands in a file of mode 0600."""
    path = store / PASSWORD
    if not path.exists():
        (store / "config" / "server-users.jsonl").unlink(missing_ok=True)  # knows another one
        temporary = store / "password.tmp"
        temporary.unlink(missing_ok=True)
        with os.fdopen(
            os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w"
        ) as file:
            file.write(secrets.token_urlsafe(32))
        temporary.rename(path)
    return path.read_text()


def _spawn(command: list[str], store: Path, lock: int) -> subprocess.Popen[bytes]:
    """Start the server bound to this process: a thread forks it and then lives as long as it."""
    started: list[subprocess.Popen[bytes]] = []
    failed: list[OSError] = []
    ready = threading.Event()

    def run() -> None:
        try:
            handle = os.open(store / LOG, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            with os.fdopen(handle, "wb") as log:
                started.append(
                    subprocess.Popen(
                        bind_to_parent(command),
                        cwd=store,
                        stdin=subprocess.DEVNULL,
                        stdout=log,
                        stderr=subprocess.STDOUT,
                        pass_fds=(lock,),
                        start_new_session=True,  # a Ctrl-C is for us: the server stops in order
                    )
                )
        except OSError as error:
            failed.append(error)
        finally:
            ready.set()
        if started:
            started[0].wait()

    threading.Thread(target=run, name="radkg-graph-server", daemon=True).start()
    ready.wait()
    if failed and failed[0].filename in (str(store / LOG), None):
        raise failed[0]
    if not started:
        raise GraphUnavailable(f"cannot run {command[0]}: is the wheel complete for this system?")
    return started[0]


def find_free_ports(count: int) -> list[int]:
    """Return `count` different ports of the loopback interface that nobody listens on now."""
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]
