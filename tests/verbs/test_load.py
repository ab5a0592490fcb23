"""Load, retract, prune and import from Python, as a notebook calls them: what the command does."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from radkg.cli.app import app, run
from radkg.errors import ConfigError, GraphUnavailable
from radkg.graph.load.loader import LoadReport
from radkg.interchange.radgraph import import_radgraph
from radkg.run.run import Run
from radkg.run.settings import ExtractConfig
from radkg.schema.drafts import Claim
from radkg.schema.limits import MAX_NAME_BYTES
from radkg.verbs.graphs import GraphConfig, check_server, open_run_graph
from radkg.verbs.load import LoadConfig, load
from radkg.verbs.prune import PruneConfig, prune
from radkg.verbs.retract import RetractConfig, retract
from tests.archive.formats.test_table import write
from tests.support.archives.openi import make_studies, write_tar
from tests.support.runs import EXTRACTORS
from tests.support.runs.drafts import publish_drafts, write_draft
from tests.support.runs.extracting import extract_here, rows_of
from tests.support.runs.extractions import invent

COUNT = "MATCH (:Study) RETURN count(*) AS n"


@pytest.fixture
def published(tmp_path: Path) -> Run:
    archive = str(write_tar(tmp_path / "a.tgz", make_studies(12)))
    out = str(tmp_path / "out")
    extract_here(ExtractConfig(archive=archive, out=out, extractor=f"{EXTRACTORS}:words"))
    return Run(out)


def num_studies(run: Run) -> int:
    with open_run_graph(run, GraphConfig()) as graph:
        return int(graph.read(COUNT)[0]["n"])


def test_a_notebook_loads_as_the_command_does(published):
    stages = []

    class Stage:
        def __init__(self, name):
            stages.append(name)

        def __enter__(self):
            return lambda *state: stages.append(state[:2])

        def __exit__(self, *_):
            pass

    report = load(LoadConfig(out=published.uri), Stage)
    assert isinstance(report, LoadReport)
    assert (report.created, num_studies(published)) == (12, 12)
    assert stages[0] == "load the graph (embedded)"
    assert stages[-1] == (12, 12)
    with pytest.raises(SystemExit, match="0"):
        run(app, ["load", "--out", published.uri])
    logged = [line for line in published.audit.read_lines() if line["verb"] == "load"]
    assert [line["created"] for line in logged] == [12, 0]
    assert logged[0].keys() == logged[1].keys()

    gone = retract(RetractConfig(out=published.uri, kind="study", which="CXR3"))
    assert (gone.removed, num_studies(published)) == (1, 11)
    retract(RetractConfig(out=published.uri, kind="study", which="CXR3", undo=True))
    assert num_studies(published) == 12
    assert prune(PruneConfig(out=published.uri)).kept == 1


def test_drafts_are_loaded_and_verified_by_the_commands(published, tmp_path):
    rows = [row for row in rows_of(published.uri) if row.study_id != "CXR3"]
    claimed = [("Small effusion.", [Claim("effusion", "present", confidence=0.75)])]
    drafts = [write_draft(row, *claimed) for row in [*rows, invent(1, archive="openi")[0]]]
    of_drafts = publish_drafts(tmp_path / "drafts", drafts).storage.uri
    both = ["--out", published.uri, "--drafts", of_drafts]

    def radkg(*arguments):
        done = CliRunner().invoke(app, arguments)
        assert done.exit_code in (0, 1), done.output
        return done

    done = radkg("load", *both)
    assert "drafts created: 11" in done.stdout
    assert "1 drafts are of studies that the graph does not hold: s0000000\n" in done.stderr
    report = json.loads(radkg("load", *both, "--json").stdout)
    assert (report["unchanged"], report["drafts"]["unchanged"]) == (12, 11)
    assert report["drafts"]["not_in_graph"] == ["s0000000"]
    assert published.audit.verify().problems == ()
    logged = list(published.audit.read_lines())[-1]
    assert (logged["standing"], logged["not_in_graph"]) == (11, 1)

    done = radkg("verify", "--out", published.uri)
    assert "11 drafts were not compared: give their run with --drafts" in done.stdout
    with open_run_graph(published, GraphConfig()) as graph:
        graph.write(lambda t: t.run("MATCH (d:Draft) SET d.status = 'empty'").consume())
    done = radkg("verify", *both, "--quick", "--json")
    assert done.exit_code == 1
    assert len(json.loads(done.stdout)["drafts"]["differences"]) == 11
    for wrong, said in (
        (["load", *both, "--into", "x", "--neo4j-home", "y"], "--into builds a store of the stu"),
        (["verify", *both, "--as-of", "CURRENT"], "--as-of holds no drafts"),
        (["load", "--out", published.uri, "--drafts", published.uri], "holds extractions, not dr"),
    ):
        assert said in str(CliRunner().invoke(app, wrong).exception)


def test_a_retraction_before_any_graph_is_kept(published):
    subject = rows_of(published.uri)[5].subject_id
    report = retract(RetractConfig(out=published.uri, kind="subject", which=subject))
    assert (report.recorded, report.has_graph) == (True, False)
    loaded = load(LoadConfig(out=published.uri))
    assert isinstance(loaded, LoadReport)
    assert loaded.created == 11


def test_wrong_settings_are_said_before_anything_is_opened():
    with pytest.raises(ConfigError, match="--neo4j-home"):
        LoadConfig(out="x", into=Path("y"))
    with pytest.raises(ConfigError, match=r"--writers is in \[1, 8\]"):
        LoadConfig(out="x", writers=9)
    with pytest.raises(ConfigError, match="at least 1 snapshot"):
        PruneConfig(out="x", keep=0)
    with pytest.raises(ConfigError, match="give the id of a"):
        RetractConfig(out="x", kind="study", which="")


def test_a_server_that_does_not_answer_is_said_at_once():
    with pytest.raises(GraphUnavailable, match="no graph server"):
        check_server(GraphConfig(graph="bolt://127.0.0.1:9"))
    check_server(GraphConfig())


def test_names_that_no_graph_can_index_are_failed_rows_and_the_rest_is_loaded(tmp_path: Path):
    word = "x" * 5000
    entity = {"label": "OBS-DP", "start_ix": 1, "end_ix": 1, "tokens": word, "relations": []}
    long = {"text": f"A {word} .", "entities": {"1": entity}}
    short = {"text": "A flurb .", "entities": {"1": entity | {"tokens": "flurb"}}}
    (tmp_path / "in.json").write_text(json.dumps({"a": long, "b": short}))
    imported = Run(str(tmp_path / "imported"))
    import_radgraph(tmp_path / "in.json", imported.storage)
    rows = [{"study_id": "1" * 5000, "report": "effusion"}, {"study_id": "2", "report": "effusion"}]
    config = ExtractConfig(
        archive=str(write(tmp_path / "a.csv", rows)),
        out=str(tmp_path / "extracted"),
        extractor=f"{EXTRACTORS}:words",
        max_failed=1.0,
    )
    extract_here(config)
    for made in (imported, Run(config.out)):
        read, failed = sorted(rows_of(made.uri), key=lambda row: row.status == "failed")
        assert f"has more than {MAX_NAME_BYTES} bytes" in failed.reason
        assert word not in failed.reason
        assert read.status == "ok"
        load(LoadConfig(out=made.uri))
        assert num_studies(made) == 2
