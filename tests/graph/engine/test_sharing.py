"""An engine that several processes ask: one that a person has open, and one that is left open."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from radkg.errors import ConfigError, GraphError, GraphUnavailable, StorageError
from radkg.graph import open_graph
from radkg.graph.engine import holding, sharing
from radkg.graph.engine.embedded import open_embedded, remove_store
from radkg.graph.engine.holding import Holder, amend_notice, read_notice
from tests.support.runs.processes import commands

HOLD = """
import sys
from pathlib import Path
from radkg.graph.engine.embedded import open_embedded
from radkg.graph.engine.holding import Holder
with open_embedded(Path(sys.argv[1]), Holder(who="a person")) as graph:
    graph.write(lambda tx: tx.run("MERGE (:Study {key: 'k'})").consume())
    print("open", flush=True)
    sys.stdin.read()
"""
MINUTES = 1.0


@dataclass(frozen=True)
class Person:
    """Another process that shares its engine, and does not yield."""

    process: subprocess.Popen[str]
    store: Path


@pytest.fixture(scope="module")
def stored(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store with one study."""
    path = tmp_path_factory.mktemp("left") / "graph"
    with open_graph("embedded", path) as graph:
        graph.write(lambda tx: tx.run("MERGE (:Study {key: 'k'})").consume())
    return path


@pytest.fixture
def store(stored: Path) -> Iterator[Path]:
    """That store; whoever has it open in the end is made to leave."""
    yield stored
    os.close(holding.lock_store(stored))


@contextlib.contextmanager
def holding_open(store: Path) -> Iterator[Person]:
    """Run a person's process."""
    command = [sys.executable, "-c", HOLD, str(store)]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "open\n"
        yield Person(process, store)
        process.kill()


@pytest.fixture(scope="module")
def person(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Person]:
    """A person's process, the same for all tests."""
    with holding_open(tmp_path_factory.mktemp("person") / "graph") as found:
        yield found


def ask(store: Path, minutes: float = MINUTES) -> int:
    """Ask; return the process that holds the store meanwhile, or 0."""
    with open_graph("embedded", store, keep_open=minutes) as graph:
        assert graph.read("MATCH (s:Study) RETURN s.key AS key") == [{"key": "k"}]
        notice = read_notice(store)
        return 0 if notice is None else notice.pid


def wait_until(found: Callable[[], object], seconds: float = 20) -> None:
    """Wait until something is so."""
    deadline = time.monotonic() + seconds
    while not found():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_the_second_question_finds_the_engine_open(store: Path) -> None:
    keeper = ask(store)
    assert keeper not in (0, os.getpid())
    started = time.monotonic()
    assert ask(store) == keeper
    assert time.monotonic() - started < 0.5
    assert ask(store, minutes=0) == keeper  # joins it, though it would leave none open
    for path in (*store.glob("*.json"), store / "readers", store / "password"):
        assert path.stat().st_mode & 0o077 == 0, path


def test_without_minutes_nothing_is_left_open(store: Path) -> None:
    assert ask(store, minutes=0) == 0
    assert read_notice(store) is None
    os.close(holding.lock_store(store))  # free at once


def test_an_engine_left_open_ends_when_nobody_asks(store: Path) -> None:
    keeper = ask(store, minutes=0.02)
    wait_until(lambda: keeper not in commands())
    assert not (store / "holder.json").exists()


def test_a_person_who_has_it_open_is_asked_and_not_ended(person: Person) -> None:
    assert ask(person.store) == person.process.pid
    amend_notice(person.store, who="somebody else")  # which only its writer may do
    with (
        pytest.raises(GraphUnavailable, match=rf"by process {person.process.pid}, a person: wait"),
        open_graph("embedded", person.store),
    ):
        pass
    assert person.process.poll() is None


def test_who_writes_takes_the_store_over(store: Path) -> None:
    keeper = ask(store)
    with open_graph("embedded", store) as graph:
        assert keeper not in commands()
        graph.write(lambda tx: tx.run("MATCH (s:Study) SET s.seen = 1").consume())
        assert read_notice(store) is None
        with (
            pytest.raises(GraphUnavailable, match=rf"in use by process {os.getpid()}: wait"),
            open_graph("embedded", store, keep_open=MINUTES),
        ):
            pass
    assert ask(store) not in (0, keeper)


def test_who_writes_waits_for_the_question_that_is_being_answered(store: Path) -> None:
    order: list[str] = []

    def write() -> None:
        with open_graph("embedded", store) as graph:
            order.append("written")
            graph.read("RETURN 1 AS x")

    with open_graph("embedded", store, keep_open=MINUTES) as graph:
        writing = threading.Thread(target=write)
        writing.start()
        wait_until(lambda: (notice := read_notice(store)) and notice.state == "ending")
        time.sleep(0.3)
        assert graph.read("RETURN 1 AS x") == [{"x": 1}]
        order.append("answered")
    writing.join()
    assert order == ["answered", "written"]


def test_removing_a_store_ends_what_was_left_open_on_it(stored: Path, tmp_path: Path) -> None:
    store = Path(shutil.copytree(stored, tmp_path / "graph"))
    keeper = ask(store)
    remove_store(store)
    wait_until(lambda: keeper not in commands())


@pytest.mark.parametrize("whom", ["keeper", "engine"])
def test_what_was_killed_blocks_nothing(store: Path, whom: str) -> None:
    keeper = ask(store)
    (engine,) = [pid for pid, line in commands().items() if f"={store}/password" in line]
    killed = keeper if whom == "keeper" else engine
    os.kill(killed, signal.SIGKILL)
    wait_until(lambda: killed not in commands())
    assert ask(store) not in (0, keeper)


def ask_until_killed(store: Path) -> None:
    with open_graph("embedded", store, keep_open=MINUTES) as graph:
        keeper = read_notice(store)
        assert keeper is not None
        os.kill(keeper.pid, signal.SIGKILL)
        wait_until(lambda: keeper.pid not in commands())
        while True:
            graph.read("RETURN 1 AS x")


def test_an_engine_that_ends_under_a_question_is_said(store: Path) -> None:
    with pytest.raises(GraphUnavailable, match="has ended: run the same command again"):
        ask_until_killed(store)


def test_a_killed_person_blocks_nothing(store: Path) -> None:
    with holding_open(store) as person:
        person.process.kill()
        person.process.wait()
        assert (store / "holder.json").exists()
        assert ask(store, minutes=0) == 0


def test_two_questions_at_once_start_one_engine(store: Path) -> None:
    keepers: list[int] = []
    both = [threading.Thread(target=lambda: keepers.append(ask(store))) for _ in range(2)]
    for each in both:
        each.start()
    for each in both:
        each.join()
    assert len(keepers) == 2
    assert len(set(keepers)) == 1


def test_another_version_is_not_asked(store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    keeper = ask(store)
    monkeypatch.setattr(sharing, "get_version", lambda: "another")
    assert ask(store, minutes=0) == 0
    assert keeper not in commands()


def test_a_file_of_somebody_else_says_nothing(
    person: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = person.store
    notice = store / "holder.json"
    text = notice.read_text()
    assert read_notice(store) is not None
    notice.chmod(0o620)
    assert read_notice(store) is None
    notice.chmod(0o600)
    with monkeypatch.context() as patch:
        patch.setattr(os, "geteuid", lambda: os.getuid() + 1)  # as if the file were another's
        assert read_notice(store) is None
    notice.rename(store / "elsewhere")
    notice.symlink_to("elsewhere")
    assert read_notice(store) is None
    notice.unlink()
    for damaged in ("", "[]", '{"pid": 1}', json.dumps(json.loads(text) | {"pid": 1})):
        notice.write_text(damaged)
        notice.chmod(0o600)
        assert read_notice(store) is None
    notice.write_text(text)


def test_a_port_of_somebody_else_hears_no_password(
    person: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = read_notice(person.store)
    assert found is not None
    assert found.port is not None
    assert sharing.is_own_port(found.port)
    monkeypatch.setattr(os, "geteuid", lambda: os.getuid() + 1)
    assert not sharing.is_own_port(found.port)


def test_what_keeps_an_engine_from_opening_is_said(
    store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (store / "server.log").unlink()
    (store / "server.log").mkdir()
    with pytest.raises(StorageError, match=r"cannot keep a graph in .*graph"):
        ask(store)
    (store / "server.log").rmdir()
    monkeypatch.setattr(sys, "executable", "/bin/false")
    with pytest.raises(GraphError, match="--keep-open 0"):
        ask(store)


def test_the_setting_is_a_number_of_minutes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(sharing.KEEP_OPEN, "2.5")
    assert sharing.read_minutes() == 2.5
    monkeypatch.delenv(sharing.KEEP_OPEN)
    assert sharing.read_minutes() == sharing.DEFAULT_MINUTES
    for wrong in ("soon", "-1", "inf", "nan"):
        monkeypatch.setenv(sharing.KEEP_OPEN, wrong)
        with pytest.raises(ConfigError, match=wrong):
            sharing.read_minutes()


def test_a_store_opened_without_a_holder_is_not_shared(store: Path) -> None:
    with open_embedded(store, Holder(who="a test")):
        assert ask(store) == os.getpid()
    with open_embedded(store):
        assert read_notice(store) is None
