"""The graph of an earlier night: built once, verified, asked, without what was retracted since."""

import contextlib
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from radkg.cli.app import app
from radkg.errors import ConfigError, GraphUnavailable
from radkg.graph.build.as_of import locate_as_of, open_as_of, remove_as_of
from radkg.graph.engine.holding import read_notice
from radkg.graph.verify.full import verify
from radkg.progress import Advance
from radkg.run.retractions import record_retraction
from tests.graph.load.test_loader import nights
from tests.graph.load.test_retracting import stands


class Stages:
    """What was worked at."""

    def __init__(self) -> None:
        self.names: list[str] = []

    @contextlib.contextmanager
    def __call__(self, name: str) -> Iterator[Advance]:
        self.names.append(name)
        yield lambda done, total: None


def test_an_earlier_night_is_built_once_and_follows_retractions(tmp_path: Path) -> None:
    before, after = nights(tmp_path)
    first = Stages()
    with open_as_of(tmp_path, before, first) as graph:
        assert stands(graph, "s0000000")  # it is gone from the night after
        assert verify(graph, before).ok
    assert first.names == [f"graph of snapshot {before.snapshot_id}", "verify"]
    again = Stages()
    with open_as_of(tmp_path, before, again) as graph:
        assert verify(graph, before).ok
    assert again.names == first.names[:1]  # it was verified
    record_retraction(before.storage, "study", "s0000000", undo=False)
    since = Stages()
    with open_as_of(tmp_path, before, since) as graph:
        assert not stands(graph, "s0000000")
    assert since.names == first.names
    record_retraction(before.storage, "run", before.snapshot_id, undo=False)
    with (
        pytest.raises(ConfigError, match=f"snapshot {before.snapshot_id} is retracted"),
        open_as_of(tmp_path, before, since),
    ):
        pass
    assert not (tmp_path / "graph").exists()
    assert not locate_as_of(tmp_path, after).exists()


def test_query_and_verify_are_pointed_at_a_night(tmp_path: Path) -> None:
    before, _ = nights(tmp_path)

    def run(*arguments: str) -> str:
        where = ("--out", str(tmp_path), "--as-of", before.snapshot_id[:8])
        done = CliRunner().invoke(app, [*arguments, *where], catch_exceptions=False)
        assert done.exit_code == 0
        return done.stdout

    answer = json.loads(run("query", "extraction_status", "--json"))
    assert sum(each["studies"] for each in answer["rows"]) == before.num_studies
    report = json.loads(run("verify", "--json"))
    assert (report["ok"], report["studies"]) == (True, before.num_studies)
    store = locate_as_of(tmp_path, before)
    assert read_notice(store) is None  # who builds it, and who verifies, leaves no engine
    kept = ("query", "extraction_status", "--json", "--keep-open", "9")
    assert json.loads(run(*kept)) == answer
    left = read_notice(store)
    assert left is not None
    assert json.loads(run(*kept)) == answer
    assert read_notice(store) == left
    record_retraction(before.storage, "study", "s0000000", undo=False)
    since = json.loads(run(*kept))  # the engine ends, for the store is needed alone
    assert sum(each["studies"] for each in since["rows"]) == before.num_studies - 1
    assert read_notice(store) is None
    with pytest.raises(ConfigError, match="leave out --graph"):
        run("query", "extraction_status", "--graph", "bolt://127.0.0.1:9")


def test_graphs_of_nights_go_unless_they_are_kept_or_held(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("radkg.graph.engine.embedded.LOCK_TIMEOUT_S", 0.2)
    before, after = nights(tmp_path)
    for night in (before, after):
        with open_as_of(tmp_path, night, Stages()):
            pass
    assert remove_as_of(tmp_path, [before.snapshot_id, after.snapshot_id]) == 0
    with (
        open_as_of(tmp_path, before, Stages()),
        pytest.raises(GraphUnavailable, match="in use"),
    ):
        remove_as_of(tmp_path)
    assert not locate_as_of(tmp_path, after).exists()
    assert remove_as_of(tmp_path) == 1
    assert remove_as_of(tmp_path / "no such") == 0


def test_a_retraction_leaves_no_graph_of_a_night(tmp_path: Path) -> None:
    before, after = nights(tmp_path)
    with open_as_of(tmp_path, before, Stages()):
        pass
    arguments = ["retract", "--study", "s0000001", "--out", str(tmp_path)]
    found = CliRunner().invoke(app, arguments)
    assert found.exit_code == 0, found.output
    assert not locate_as_of(tmp_path, before).exists()
    with open_as_of(tmp_path, after, Stages()):
        pass
    found = CliRunner().invoke(app, ["prune", "--keep", "1", "--out", str(tmp_path)])
    assert found.exit_code == 0, found.output
    assert locate_as_of(tmp_path, after).exists()
