"""The whole river on real reports, by the installed command: what the README promises."""

import csv
import io
import json
import re
import shutil
from pathlib import Path

import pytest

from radkg.graph import open_graph
from radkg.graph.ask.queries import list_queries
from radkg.graph.load.loader import load
from radkg.graph.verify.full import verify
from radkg.interchange.radgraph import export_radgraph, read_radgraph
from radkg.run.snapshot import read_snapshot
from radkg.schema.arrow import from_table
from radkg.storage import open_storage
from tests.schema.test_radgraph import FOREIGN
from tests.support.graph.same_answers import assert_same_answers
from tests.support.graph.servers import clear_graph
from tests.support.runs.demo_run import DemoRun, radkg

pytestmark = pytest.mark.ray

COUNTS = ["studies", "rows", "failed", "entities", "relations", "nodes", "relationships"]


def test_the_demo_reads_every_report(demo_run: DemoRun):
    report = demo_run.report
    assert list(report) == [*COUNTS, "seconds", "out"]
    assert (report["studies"], report["rows"], report["failed"]) == (3955, 3955, 0)
    assert min(report["entities"], report["nodes"]) > 30_000
    assert report["out"] == str(demo_run.out)
    assert "extract" in demo_run.stderr


def test_the_page_stands_alone(demo_run: DemoRun):
    html = (demo_run.out / "report.html").read_text()
    assert not re.search(r"(src|href)\s*=\s*[\"']?(https?:)?//", html)
    assert html.count("<svg") > 5
    assert sorted(re.findall(r'id="query-(\w+)"', html)) == [q.name for q in list_queries()]


@pytest.fixture
def copy(demo_run: DemoRun, tmp_path: Path) -> Path:
    """Return a copy of the demo that a test may spoil."""
    return Path(shutil.copytree(demo_run.out, tmp_path / "copy"))


def test_verify_agrees(demo_run: DemoRun):
    done = radkg("verify", "--out", str(demo_run.out), "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["studies"] == 3955


def test_verify_sees_one_changed_row_of_the_graph(copy: Path):
    with open_graph("embedded", copy / "graph") as graph:
        graph.write(
            lambda t: t.run(
                "MATCH (:Study {study_id: 'CXR4'})-[:HAS_EXTRACTION]->(:Extraction)"
                "-[:HAS_MENTION]->(m:Mention {ordinal: 0}) SET m.label = 'OBS-DA'"
            ).consume()
        )
    done = radkg("verify", "--out", str(copy))
    assert done.returncode == 1
    assert "CXR4" in done.stdout
    assert "radkg load --repair" in done.stdout


def test_verify_sees_one_changed_byte_of_the_parquet(copy: Path):
    part = next((copy / "snapshot/parts").iterdir())
    data = bytearray(part.read_bytes())
    data[len(data) // 2] ^= 1
    part.write_bytes(data)
    done = radkg("verify", "--out", str(copy))
    assert done.returncode == 1
    assert part.name in done.stderr


def test_loading_twice_is_loading_once(demo_run: DemoRun):
    done = radkg("load", "--out", str(demo_run.out), "--json")
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert (report["created"], report["replaced"], report["removed"]) == (0, 0, 0)
    assert (report["nodes"], report["relationships"]) == (
        demo_run.report["nodes"],
        demo_run.report["relationships"],
    )


def test_queries_are_listed_and_answered(demo_run: DemoRun):
    listed = json.loads(radkg("query", "--list", "--json").stdout)
    assert len(listed) >= 12
    assert all({"name", "question", "parameters"} <= set(query) for query in listed)
    ask = ["query", "prevalence", "--param", "finding=effusion", "--out", str(demo_run.out)]
    rows = json.loads(radkg(*ask, "--json").stdout)["rows"]
    table = list(csv.DictReader(io.StringIO(radkg(*ask, "--csv").stdout)))
    assert len(rows) == len(table) > 0
    assert list(rows[0]) == list(table[0])
    shown = radkg(*ask).stdout
    assert all(column in shown for column in rows[0])


@pytest.mark.long
@pytest.mark.neo4j
def test_both_engines_answer_alike_on_the_demo(demo_run: DemoRun, neo4j_uri: str):
    snapshot = read_snapshot(open_storage(str(demo_run.out)))
    with (
        open_graph(neo4j_uri, demo_run.out) as neo4j,
        open_graph("embedded", demo_run.out / "graph") as embedded,
    ):
        clear_graph(neo4j)
        report = load(neo4j, snapshot)
        assert (report.nodes, report.relationships) == (
            demo_run.report["nodes"],
            demo_run.report["relationships"],
        )
        assert verify(neo4j, snapshot).ok
        assert_same_answers(embedded, neo4j)


@pytest.mark.long
@pytest.mark.neo4j
def test_the_demo_loads_a_neo4j_server(neo4j_uri: str, tmp_path: Path):
    with open_graph(neo4j_uri, tmp_path) as graph:
        clear_graph(graph)
    out = str(tmp_path / "out")
    done = radkg("demo", "--graph", neo4j_uri, "--limit", "50", "--out", out, "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["studies"] == 50
    assert radkg("verify", "--graph", neo4j_uri, "--out", out).returncode == 0
    assert not (tmp_path / "out/graph").exists()


def test_export_and_import_lose_nothing(demo_run: DemoRun, tmp_path: Path):
    snapshot = read_snapshot(open_storage(str(demo_run.out)))
    rows = [row for table in snapshot.read_tables() for row in from_table(table)]
    for spelling in ("xl", "v1"):
        file, out = tmp_path / f"{spelling}.json", tmp_path / spelling
        done = radkg(
            *("export", str(file), "--out", str(demo_run.out)),
            *("--format", "radgraph", "--spelling", spelling),
        )
        assert done.returncode == 0, done.stderr
        assert [document.extraction for document in read_radgraph(file.read_bytes(), "")] == rows
    done = radkg("import", str(file), "--out", str(out))
    assert done.returncode == 0, done.stderr
    assert read_snapshot(open_storage(str(out))).snapshot_id == snapshot.snapshot_id
    again = tmp_path / "again.json"
    assert export_radgraph(open_storage(str(out)), again) == 3955
    assert again.read_bytes() == file.read_bytes()


@pytest.mark.long
def test_a_graph_changed_by_hand_is_mended(tmp_path: Path):
    """On an imported RadGraph file: a graph without a report archive, and without Ray."""
    file, out = tmp_path / "radgraph.json", str(tmp_path / "out")
    file.write_text(json.dumps({"a.txt": FOREIGN}))
    assert radkg("import", str(file), "--out", out).returncode == 0
    assert radkg("load", "--out", out).returncode == 0
    assert radkg("verify", "--out", out).returncode == 0
    with open_graph("embedded", Path(out) / "graph") as graph:
        graph.write(lambda t: t.run("MATCH (m:Mention {ordinal: 0}) DETACH DELETE m").consume())
    assert radkg("verify", "--out", out).returncode == 1
    assert radkg("load", "--repair", "--out", out).returncode == 0
    assert radkg("verify", "--out", out).returncode == 0
