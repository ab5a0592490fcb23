"""GraphML and tables, read back by the tools' own readers, against the snapshot."""

from __future__ import annotations

import io
from collections import Counter
from pathlib import Path
from typing import Any

import networkx as nx
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
import pytest

from radkg.errors import ConfigError, SchemaError
from radkg.interchange.formats.base import list_options
from radkg.interchange.formats.tables import TablesExport
from radkg.interchange.graphml import write_graphml
from radkg.interchange.property_graph import (
    PropertyGraph,
    build_mention_graph,
    build_population_graph,
)
from radkg.interchange.tables import write_tables
from radkg.run.snapshot import Snapshot, read_snapshot
from radkg.schema.arrow import from_table
from radkg.schema.concepts import get_concept_key
from radkg.storage import open_storage
from tests.interchange.published import HARD, publish_rows, rows
from tests.support.runs.demo_run import DemoRun
from tests.support.runs.rows import row

FILE_TYPES, HEADERS = (
    list_options(TablesExport)[name].choices for name in ("file_type", "headers")
)


@pytest.fixture
def snapshot(tmp_path: Path) -> Snapshot:
    return publish_rows(tmp_path / "out", rows())


def graphml(graph: PropertyGraph) -> tuple[nx.MultiDiGraph, bytes]:
    file = io.BytesIO()
    write_graphml(graph, file)
    read = nx.read_graphml(io.BytesIO(file.getvalue()), force_multigraph=True)
    return read, file.getvalue()


def edges(graph: nx.MultiDiGraph) -> dict[tuple[str, ...], tuple[int, int]]:
    return {
        (a, b, d["relation"], d["head_label"], d["tail_label"]): (d["mentions"], d["studies"])
        for a, b, d in graph.edges(data=True)
    }


def test_the_population_adds_up_studies_and_keeps_absent_apart(snapshot: Snapshot):
    graph, _ = graphml(build_population_graph(snapshot))
    counted = ("mentions", "studies", "present", "uncertain", "absent")
    nodes = {key: tuple(d[name] for name in counted) for key, d in graph.nodes(data=True)}
    assert nodes["observation:mass"] == (2, 1, 0, 0, 1)
    assert nodes["observation:nodule"] == (1, 1, 1, 0, 0)
    assert nodes["observation:effusion"] == (2, 2, 2, 0, 0)
    assert nodes["observation:large"] == (1, 1, 0, 0, 0)  # a modifier is no finding
    assert nodes["anatomy:left"] == (3, 3, 0, 0, 0)
    assert nodes[f"observation:{HARD}"] == (1, 1, 0, 1, 0)
    assert graph.nodes[f"observation:{HARD}"]["name"] == HARD
    found = edges(graph)
    small = ("observation:small", "observation:effusion", "modify", "OBS-DP", "OBS-DP")
    large = ("observation:large", "observation:nodule", "modify", "OBS-DA", "OBS-DP")
    assert (found[small], found[large]) == ((2, 2), (1, 1))


@pytest.mark.ray
def test_the_population_of_the_demo_is_what_its_rows_say(demo_run: DemoRun):
    snapshot = read_snapshot(open_storage(str(demo_run.out)))
    mentioned: Counter[str] = Counter()
    related: dict[tuple[str, ...], list[str]] = {}
    for table in snapshot.read_tables():
        for study in from_table(table):
            keys = [get_concept_key(e.label, e.concept) for e in study.entities]
            mentioned.update(keys)
            for r in study.relations:
                labels = (study.entities[r.head].label, study.entities[r.tail].label)
                edge = (keys[r.head], keys[r.tail], r.relation, *labels)
                related.setdefault(edge, []).append(study.study_id)
    graph, _ = graphml(build_population_graph(snapshot))
    assert {key: d["mentions"] for key, d in graph.nodes(data=True)} == mentioned
    assert edges(graph) == {e: (len(ids), len(set(ids))) for e, ids in related.items()}


def test_one_study_is_its_mentions_with_words_only_when_asked(snapshot: Snapshot):
    graph, data = graphml(build_mention_graph(snapshot, "s1"))
    assert set(graph) == {f"s1#{i}" for i in range(4)}
    assert b'"text"' not in data
    assert graph.nodes["s1#3"]["label"] == "OBS-DA"
    assert {(a, b, d["relation"]) for a, b, d in graph.edges(data=True)} == {
        ("s1#0", "s1#2", "modify"),
        ("s1#2", "s1#1", "located_at"),
    }
    with_words, _ = graphml(build_mention_graph(snapshot, "s2", with_text=True))
    assert [d["text"] for _, d in with_words.nodes(data=True)][:2] == ["mass", "left"]
    assert "start" not in with_words.nodes["s2#6"]  # from the image
    with pytest.raises(ConfigError, match="no study 's9'"):
        graphml(build_mention_graph(snapshot, "s9"))


def test_a_character_that_xml_cannot_hold_is_refused_by_name(tmp_path: Path):
    entities = (row("s1").entities[2].__class__("x", "OBS-DP", "a\x0bb", 0, 1, None),)
    snapshot = publish_rows(tmp_path, [row("s1", entities=entities, relations=())])
    with pytest.raises(SchemaError, match="--format tables"):
        graphml(build_population_graph(snapshot))


@pytest.mark.parametrize("file_type", FILE_TYPES)
@pytest.mark.parametrize("headers", HEADERS)
@pytest.mark.parametrize("build", [build_population_graph, build_mention_graph])
def test_tables_hold_the_graph_under_the_names_of_each_tool(
    snapshot: Snapshot, tmp_path: Path, build: Any, headers: Any, file_type: Any
):
    counts = write_tables(build(snapshot), tmp_path, file_type, headers)
    nodes, links = (read(tmp_path / f"{name}.{file_type}") for name in ("nodes", "edges"))
    assert counts == (nodes.num_rows, links.num_rows)
    expected_nodes, expected_links = (
        pa.concat_tables(t) for t in zip(*chunks(build, snapshot), strict=True)
    )
    names = {
        "plain": ("id", "source", "target", "relation"),
        "gephi": ("Id", "Source", "Target", "Label"),
        "neo4j": ("id:ID", ":START_ID", ":END_ID", ":TYPE"),
    }[headers]
    assert nodes[names[0]].to_pylist() == expected_nodes["id"].to_pylist()
    for name, column in zip(names[1:], ("source", "target", "relation"), strict=True):
        values = expected_links[column].to_pylist()
        upper = headers == "neo4j" and column == "relation"
        assert links[name].to_pylist() == [v.upper() if upper else v for v in values]
    weight = {"gephi": "Weight", "neo4j": "{}:{}", "plain": "{}"}[headers]
    what, kind = (
        ("mentions", "long") if build is build_population_graph else ("confidence", "double")
    )
    assert links[weight.format(what, kind)].to_pylist() == expected_links[what].to_pylist()
    if headers == "neo4j":
        label = "Concept" if build is build_population_graph else "Mention"
        assert set(nodes[":LABEL"].to_pylist()) == {label}
    if headers == "gephi":
        assert set(links["Type"].to_pylist()) == {"Directed"}
        name = "name" if build is build_population_graph else "concept"
        assert nodes["Label"].to_pylist() == expected_nodes[name].to_pylist()


def chunks(build: Any, snapshot: Snapshot) -> list[tuple[pa.Table, pa.Table]]:
    return list(build(snapshot).chunks)


def read(path: Path) -> pa.Table:
    if path.suffix == ".parquet":
        return pq.read_table(path)
    return pyarrow.csv.read_csv(
        path, parse_options=pyarrow.csv.ParseOptions(newlines_in_values=True)
    )


@pytest.mark.ray
@pytest.mark.parametrize("file_type", FILE_TYPES)
def test_the_mentions_of_the_demo_come_back_from_tables(
    demo_run: DemoRun, tmp_path: Path, file_type: Any
):
    snapshot = read_snapshot(open_storage(str(demo_run.out)))
    write_tables(build_mention_graph(snapshot, with_text=True), tmp_path, file_type)
    nodes = read(tmp_path / f"nodes.{file_type}")
    columns = ("study_id", "concept", "label", "start", "end", "section", "confidence", "text")
    expected = [
        (study.study_id, *(getattr(entity, name) for name in columns[1:]))
        for table in snapshot.read_tables()
        for study in from_table(table)
        for entity in study.entities
    ]
    assert list(zip(*(nodes[name].to_pylist() for name in columns), strict=True)) == expected
    assert read(tmp_path / f"edges.{file_type}").num_rows == snapshot.manifest["relations"]
