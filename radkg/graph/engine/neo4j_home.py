"""A Neo4j installation on this machine: its import tool, and its server on a store of our own.

The only module that knows Neo4j's programs and settings. It needs the folder of an installation
(or of its jars) and Java; the server listens on loopback and ends with this process.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import neo4j

from radkg.errors import ConfigError, GraphError, GraphUnavailable
from radkg.graph.engine.child_processes import bind_to_parent, stop
from radkg.graph.engine.client import Graph
from radkg.graph.engine.embedded import find_free_ports
from radkg.private import make_directory, open_private, write_text

DATABASE = "neo4j"
START_TIMEOUT_S = 120.0
_USER = "neo4j"
_JVM = ("-Xmx2g", "--add-opens=java.base/java.nio=ALL-UNNAMED")


class Neo4jHome:
    """The programs of an installation, run on data directories of our own.

    Args:
        home: folder of the installation (its jars in lib/), or of the jars.

    Raises:
        ConfigError: there are no jars of Neo4j, or no Java.
    """

    def __init__(self, home: Path) -> None:
        jars = home / "lib" if (home / "lib").is_dir() else home
        if not any(jars.glob("neo4j-import-tool-*.jar")):
            raise ConfigError(
                f"no Neo4j in {home}: give the folder of an installation of Neo4j 5 with"
                " --neo4j-home or NEO4J_HOME"
            )
        in_home = Path(os.environ.get("JAVA_HOME", "")) / "bin" / "java"
        java = str(in_home) if in_home.is_file() else shutil.which("java")
        if java is None:
            raise ConfigError("Neo4j needs Java 17 or later: set JAVA_HOME, or put it on the PATH")
        self._java = [java, *_JVM, "-cp", str(jars.resolve() / "*")]

    def import_parquet(
        self, work: Path, nodes: Mapping[str, Path], relationships: Mapping[str, Path]
    ) -> None:
        """Import tables into a new store under `<work>/data`, by label and by type.

        Raises:
            GraphError: the import failed; the end of what it said is in the message.
        """
        _configure(work, {})
        arguments = ["database", "import", "full", DATABASE, "--input-type=parquet"]
        arguments += ["--id-type=integer", f"--report-file={work / 'import.report'}"]
        arguments += [f"--nodes={label}={path}" for label, path in nodes.items()]
        arguments += [f"--relationships={name}={path}" for name, path in relationships.items()]
        log = work / "import.log"
        with self._running(work, "org.neo4j.cli.AdminTool", arguments, log) as tool:
            code = tool.wait()
        if code != 0:
            raise GraphError(f"neo4j-admin's import failed (exit code {code}): {_read_tail(log)}")

    @contextlib.contextmanager
    def serve(self, work: Path) -> Iterator[Graph]:
        """Run a server on `<work>/data` and give its graph; stopped in order in the end.

        Raises:
            GraphUnavailable: it did not start.
        """
        (port,) = find_free_ports(1)
        _configure(
            work,
            {
                "server.bolt.listen_address": f"127.0.0.1:{port}",
                "server.http.enabled": "false",
                "server.https.enabled": "false",
                "dbms.usage_report.enabled": "false",
            },
        )
        log = work / "server.log"
        arguments = [f"--home-dir={work}", f"--config-dir={work / 'conf'}"]
        entry = "org.neo4j.server.CommunityEntryPoint"
        with self._running(work, entry, arguments, log) as server:
            address = f"bolt://127.0.0.1:{port}"
            password = _log_in(address, server, log)
            with Graph(address, _USER, password) as graph:
                yield graph

    @contextlib.contextmanager
    def _running(
        self, work: Path, entry: str, arguments: Sequence[str], log: Path
    ) -> Iterator[subprocess.Popen[bytes]]:
        environment = os.environ | {"NEO4J_HOME": str(work), "NEO4J_CONF": str(work / "conf")}
        with open_private(log, "wb") as output:
            process = subprocess.Popen(
                bind_to_parent([*self._java, entry, *arguments]),
                env=environment,
                cwd=work,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # a Ctrl-C is for us: it is stopped in order
            )
        try:
            yield process
        finally:
            stop(process)


def _configure(work: Path, settings: Mapping[str, str]) -> None:
    """Write the configuration of programs that run in `work`."""
    make_directory(work / "conf")
    lines = {"server.directories.data": str(work / "data"), **settings}
    text = "".join(f"{name}={value}\n" for name, value in lines.items())
    write_text(work / "conf" / "neo4j.conf", text)


def _log_in(address: str, server: subprocess.Popen[bytes], log: Path) -> str:
    """Wait for a fresh server, and give its first user a password that only we know.

    The password it comes with opens nothing but this change, so nobody can read meanwhile.
    """
    password = secrets.token_urlsafe(32)
    deadline = time.monotonic() + START_TIMEOUT_S
    while server.poll() is None and time.monotonic() < deadline:
        with contextlib.suppress(neo4j.exceptions.DriverError, neo4j.exceptions.TransientError):
            with (
                neo4j.GraphDatabase.driver(address, auth=(_USER, "neo4j")) as driver,
                driver.session(database="system") as session,
            ):
                change = "ALTER CURRENT USER SET PASSWORD FROM $old TO $new"
                session.run(change, old="neo4j", new=password).consume()
            return password
        time.sleep(0.2)
    raise GraphUnavailable(f"Neo4j did not start on the new store: {_read_tail(log)}")


def _read_tail(log: Path) -> str:
    return " | ".join(log.read_text(errors="replace").strip().splitlines()[-8:])
