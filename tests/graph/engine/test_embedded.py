"""The embedded engine as a process: who may use it, who sees its password, when it ends."""

import os
import signal
import socket
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from radkg.errors import GraphError, GraphUnavailable, StorageError
from radkg.graph import Graph, open_graph
from radkg.graph.engine import embedded
from tests.support.runs.processes import children, commands

HOLD = """
import sys, time
from pathlib import Path
from radkg.graph import open_graph
with open_graph("embedded", Path(sys.argv[1])) as graph:
    graph.write(lambda tx: tx.run("MERGE (:Study {key: 'k'})").consume())
    print("open", flush=True)
    time.sleep(120)
"""


@pytest.fixture
def holder(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """Another radkg process that has the store `tmp_path / "store"` open."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(tmp_path / "store")], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "open\n"
    yield process
    process.kill()
    process.wait()
    process.stdout.close()


def server_of(parent: int, store: Path) -> int:
    (server,) = [pid for pid in children(parent) if f"={store}/password" in commands()[pid]]
    return server


def listening(pid: int) -> set[str]:
    """Return the addresses (hexadecimal, as the kernel lists them) on which a process listens."""
    sockets = set()
    for descriptor in Path(f"/proc/{pid}/fd").iterdir():
        if (target := os.readlink(descriptor)).startswith("socket:["):
            sockets.add(target[8:-1])
    tables = [Path(f"/proc/net/{name}").read_text().splitlines()[1:] for name in ("tcp", "tcp6")]
    entries = [line.split() for table in tables for line in table]
    return {e[1].split(":")[0] for e in entries if e[3] == "0A" and e[9] in sockets}


def test_a_second_process_is_told_who_has_the_store(
    holder: subprocess.Popen[str], tmp_path: Path
) -> None:
    with (
        pytest.raises(GraphUnavailable, match=rf"store .*store is in use by process {holder.pid}:"),
        open_graph("embedded", tmp_path / "store"),
    ):
        pass


@pytest.mark.parametrize(
    "end",
    [
        signal.SIGKILL,
        pytest.param(signal.SIGTERM, marks=pytest.mark.long),
        pytest.param(signal.SIGINT, marks=pytest.mark.long),
    ],
)
def test_the_server_ends_with_its_parent_and_the_store_is_free(
    holder: subprocess.Popen[str], tmp_path: Path, end: signal.Signals
) -> None:
    server = server_of(holder.pid, tmp_path / "store")
    holder.send_signal(end)
    if end == signal.SIGINT:  # it stops its server in order, and is there meanwhile
        holder.wait()
    with open_graph("embedded", tmp_path / "store") as graph:  # waits for the old server's end
        assert server not in commands()
        assert graph.read("MATCH (s:Study) RETURN s.key AS key") == [{"key": "k"}]


def test_the_server_outlives_the_thread_that_opened_it(tmp_path: Path) -> None:
    opened: list[Graph] = []
    context = embedded.open_embedded(tmp_path)
    thread = threading.Thread(target=lambda: opened.append(context.__enter__()))
    thread.start()
    thread.join()
    try:
        time.sleep(0.5)
        assert opened[0].read("RETURN 1 AS x") == [{"x": 1}]
    finally:
        context.__exit__(None, None, None)


def test_only_loopback_listens_and_no_password_shows(
    holder: subprocess.Popen[str], tmp_path: Path
) -> None:
    store = tmp_path / "store"
    server = server_of(holder.pid, tmp_path / "store")
    loopback = {"0100007F", "0000000000000000FFFF00000100007F"}
    assert listening(server)
    assert listening(server) <= loopback
    password = (store / "password").read_text()
    assert len(password) > 30
    assert not any(password in command for command in commands().values())
    assert password.encode() not in Path(f"/proc/{server}/environ").read_bytes()
    assert password not in (store / "server.log").read_text()
    for path in (store, *store.rglob("*")):
        assert not stat.S_IMODE(path.stat().st_mode) & 0o077, path


def test_it_stops_at_the_end_and_keeps_what_was_written(tmp_path: Path) -> None:
    for expected in (0, 1):
        with open_graph("embedded", tmp_path) as graph:
            server = server_of(os.getpid(), tmp_path)
            (found,) = graph.read("MATCH (s:Study) RETURN count(s) AS number")
            assert found["number"] == expected
            graph.write(lambda tx: tx.run("MERGE (:Study {key: 'k'})").consume())
        assert server not in commands()


def test_a_killed_server_is_an_error_and_loses_nothing(tmp_path: Path) -> None:
    with open_graph("embedded", tmp_path) as graph:
        graph.write(lambda tx: tx.run("MERGE (:Study {key: 'k'})").consume())
        os.kill(server_of(os.getpid(), tmp_path), signal.SIGKILL)
        with pytest.raises(GraphUnavailable):
            graph.read("RETURN 1 AS x")
    with open_graph("embedded", tmp_path) as graph:
        assert graph.read("MATCH (s:Study) RETURN s.key AS key") == [{"key": "k"}]


def test_a_lost_password_is_made_anew(tmp_path: Path) -> None:
    with open_graph("embedded", tmp_path) as graph:
        graph.write(lambda tx: tx.run("MERGE (:Study {key: 'k'})").consume())
    (tmp_path / "password").unlink()
    with open_graph("embedded", tmp_path) as graph:
        assert graph.read("MATCH (s:Study) RETURN s.key AS key") == [{"key": "k"}]


def test_a_server_that_does_not_start_shows_its_log(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(embedded, "JVM", ("-Xmx1k",))
    with (
        pytest.raises(GraphUnavailable, match=r"did not start(.|\n)*Too small maximum heap"),
        open_graph("embedded", tmp_path),
    ):
        pass
    monkeypatch.undo()
    with open_graph("embedded", tmp_path) as graph:  # the lock is free again
        assert graph.read("RETURN 1 AS x") == [{"x": 1}]


def test_a_store_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with (
        pytest.raises(StorageError, match="file/store"),
        open_graph("embedded", tmp_path / "file" / "store"),
    ):
        pass


def test_free_ports_are_different_and_free() -> None:
    ports = embedded.find_free_ports(5)
    assert len(set(ports)) == 5
    for port in ports:
        with socket.socket() as each:
            each.bind(("127.0.0.1", port))


def test_the_engine_is_embedded(embedded_graph: Graph) -> None:
    assert embedded_graph.engine.name == "embedded"
    with pytest.raises(GraphError):
        embedded_graph.read("LOAD CSV FROM 'file:///etc/hostname' AS line RETURN line")
