"""A knowledge graph on disk: whole or not at all, and never taken for what it is not."""

import json
import os
import signal

import pyarrow as pa
import pytest

from radkg.errors import KnowledgeError
from radkg.knowledge.records import EDGES, NODES, Knowledge
from radkg.knowledge.store import (
    check_tower,
    load_knowledge,
    locate_previous,
    remove_knowledge,
    write_knowledge,
)

FACTS = {"snapshot_id": "s", "retractions": 0, "bank": None}


def graph(name="effusion", **facts) -> Knowledge:
    node = {"name": name, "kind": "observation", "mentions": 1, "studies": 1}
    return Knowledge(pa.Table.from_pylist([node], NODES), EDGES.empty_table(), FACTS | facts)


def names(knowledge):
    return knowledge.nodes["name"].to_pylist()


def test_a_graph_reads_back(tmp_path):
    assert write_knowledge(tmp_path / "k", graph())
    assert names(load_knowledge(tmp_path / "k")) == ["effusion"]
    assert not write_knowledge(tmp_path / "k", graph())
    assert sorted(p.name for p in tmp_path.iterdir()) == ["k"]


def test_nothing_and_damage_and_another_format_are_told(tmp_path):
    directory = tmp_path / "k"
    with pytest.raises(KnowledgeError, match="run `radkg knowledge build`"):
        load_knowledge(directory)
    write_knowledge(directory, graph())
    for name in ("nodes.parquet", "knowledge.json"):
        whole = (directory / name).read_bytes()
        for damaged in (whole[:-1], whole.replace(b"s", b"t"), b""):
            (directory / name).write_bytes(damaged)
            with pytest.raises(KnowledgeError, match=name):
                load_knowledge(directory)
        (directory / name).write_bytes(whole)
    (directory / "edges.parquet").unlink()
    with pytest.raises(KnowledgeError, match=r"cannot read .*edges\.parquet"):
        load_knowledge(directory)


def test_a_graph_without_a_node_is_neither_written_nor_read(tmp_path):
    empty = Knowledge(NODES.empty_table(), EDGES.empty_table(), FACTS)
    with pytest.raises(KnowledgeError, match="has no node"):
        write_knowledge(tmp_path / "k", empty)
    write_knowledge(tmp_path / "k", graph())
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("radkg.knowledge.store._check_nodes", lambda *_: None)
        write_knowledge(tmp_path / "k", empty)
    with pytest.raises(KnowledgeError, match="has no node"):
        load_knowledge(tmp_path / "k")


def test_a_directory_of_something_else_is_left_alone(tmp_path):
    (tmp_path / "k").mkdir()
    (tmp_path / "k" / "thesis.txt").write_text("all of it")
    with pytest.raises(KnowledgeError, match="holds no knowledge graph: name another"):
        write_knowledge(tmp_path / "k", graph())
    remove_knowledge(tmp_path / "k")
    assert (tmp_path / "k" / "thesis.txt").read_text() == "all of it"


def test_the_bank_of_another_tower_is_refused(tmp_path):
    with pytest.raises(KnowledgeError, match="no visual tokens: build it with --images"):
        check_tower(graph(), "t1")
    check_tower(graph(bank={"tower_id": "t1"}), "t1")
    with pytest.raises(KnowledgeError, match="tower t1, not of t2"):
        check_tower(graph(bank={"tower_id": "t1"}), "t2")


def test_a_graph_and_the_one_before_it_are_removed(tmp_path):
    write_knowledge(tmp_path / "k", graph("a"))
    write_knowledge(tmp_path / "k", graph("b"))
    remove_knowledge(tmp_path / "k")
    assert list(tmp_path.iterdir()) == []


def write_and_die(directory, knowledge, step) -> int:
    """Write in a child that SIGKILL ends before its `step`-th change of the disk; return how."""
    child = os.fork()
    if child == 0:
        left = [step]

        def deadly(function):
            def call(*arguments, **options):
                left[0] -= 1
                if left[0] < 0:
                    os.kill(os.getpid(), signal.SIGKILL)
                return function(*arguments, **options)

            return call

        for name in ("mkdir", "rename", "replace", "rmdir", "unlink", "fsync"):
            setattr(os, name, deadly(getattr(os, name)))
        try:
            write_knowledge(directory, knowledge)
        finally:
            os._exit(0)
    return os.waitpid(child, 0)[1]


def test_a_kill_at_any_step_leaves_the_earlier_graph_whole(tmp_path):
    killed = 0
    while True:
        directory = tmp_path / f"{killed}" / "k"
        for name in ("oldest", "earlier"):
            write_knowledge(directory, graph(name))
        status = write_and_die(directory, graph("new"), killed)
        if not os.WIFSIGNALED(status):
            break
        killed += 1
        standing = directory if directory.exists() else locate_previous(directory)
        assert names(load_knowledge(standing)) in (["earlier"], ["new"])
        write_knowledge(directory, graph("new"))
        assert names(load_knowledge(directory)) == ["new"]
        assert {p.name for p in directory.parent.iterdir()} == {"k", "k-previous"}
    assert names(load_knowledge(directory)) == ["new"]
    assert names(load_knowledge(locate_previous(directory))) == ["earlier"]
    assert killed > 8


def test_in_the_gap_between_two_renames_the_error_names_the_earlier_graph(tmp_path):
    write_knowledge(tmp_path / "k", graph())
    (tmp_path / "k").rename(tmp_path / "k-previous")
    with pytest.raises(KnowledgeError, match="the graph before it stands in"):
        load_knowledge(tmp_path / "k")
    write_knowledge(tmp_path / "k", graph("b"))
    assert names(load_knowledge(tmp_path / "k-previous")) == ["effusion"]


def test_facts_are_json_that_names_its_files(tmp_path):
    write_knowledge(tmp_path / "k", graph())
    facts = json.loads((tmp_path / "k" / "knowledge.json").read_text())
    assert set(facts["files"]) == {"nodes.parquet", "edges.parquet"}
    assert facts["format"] == 1
