"""`radkg explore` as a user starts it, over a real Neo4j: it answers, and stops at a signal."""

from __future__ import annotations

import http.cookiejar
import json
import shutil
import signal
import subprocess
import urllib.request

import pytest

from radkg.graph import open_graph
from radkg.graph.load.loader import load
from radkg.run.snapshot import read_snapshot
from radkg.storage import open_storage
from tests.support.graph.servers import clear_graph
from tests.support.runs.demo_run import RADKG, radkg, user_environment


@pytest.mark.neo4j
def test_it_explores_a_neo4j_until_it_is_stopped(neo4j_uri, published, tmp_path):
    with open_graph(neo4j_uri, tmp_path) as graph:
        clear_graph(graph)
        load(graph, read_snapshot(open_storage(str(published))))
    review = tmp_path / "review.csv"
    command = [RADKG, "explore", "--out", str(published), "--graph", neo4j_uri]
    with subprocess.Popen(
        [*command, "--review", str(review), "--json"],
        env=user_environment(),
        stdout=subprocess.PIPE,
        text=True,
    ) as explorer:
        try:
            said = json.loads(explorer.stdout.readline())
            assert said["review"] == str(review)
            jar = urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar())
            browser = urllib.request.build_opener(jar)
            assert b"<title>radkg" in browser.open(said["address"]).read()
            home = said["address"].partition("/?")[0]
            about = json.load(browser.open(f"{home}/api/about"))
            assert (about["engine"], about["studies"]) == ("neo4j", 7)
            asked = "/api/population/concept?name=effusion"
            found = json.load(browser.open(home + asked))
            assert [each["word"] for each in found["described"]] == ["small"]
        finally:
            explorer.send_signal(signal.SIGTERM)
        assert explorer.wait() == 0
    assert not review.exists()


@pytest.mark.neo4j
def test_a_neo4j_without_the_run_is_told(neo4j_uri, published, tmp_path):
    with open_graph(neo4j_uri, tmp_path) as graph:
        clear_graph(graph)
    command = [RADKG, "explore", "--out", str(published), "--graph", neo4j_uri]
    done = subprocess.run(
        command, env=user_environment(), capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert "the graph does not hold" in done.stderr
    assert "radkg load --out" in done.stderr


def test_questions_go_through_the_explorer_and_a_load_names_it(published, tmp_path):
    run = tmp_path / "run"
    shutil.copytree(published, run)
    assert radkg("load", "--out", str(run)).returncode == 0
    command = [RADKG, "explore", "--out", str(run), "--review", str(tmp_path / "review.csv")]
    with subprocess.Popen(
        [*command, "--json"], env=user_environment(), stdout=subprocess.PIPE, text=True
    ) as explorer:
        try:
            home = json.loads(explorer.stdout.readline())["address"].partition("?")[0]
            asked = radkg("query", "top_findings", "--out", str(run), "--json")
            assert json.loads(asked.stdout)["rows"]
            refused = radkg("load", "--repair", "--out", str(run))
            assert refused.returncode == 5
            assert f"process {explorer.pid}, the explorer at {home}: wait" in refused.stderr
            assert explorer.poll() is None
        finally:
            explorer.send_signal(signal.SIGTERM)
        assert explorer.wait() == 0
    assert not (run / "graph" / "holder.json").exists()
