"""What the embedded engine lacks: each shortage is said, with what to do, and leaves a good store.

A full disk is a real small file system; a limit is one that this test sets on a process of its own.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from radkg.errors import StorageError
from radkg.graph import open_graph
from radkg.graph.engine.shortage import LOG, find_shortage
from radkg.graph.load.loader import load
from radkg.graph.verify.full import verify
from tests.support.runs.disks import grow, small_disk
from tests.support.runs.extractions import InventedSnapshot, invent


def test_a_full_disk_says_so_and_the_same_command_does_the_rest(tmp_path: Path) -> None:
    snapshot = InventedSnapshot(invent(20, entities=5, relations=2, vocabulary=20))
    with small_disk(tmp_path / "graph") as store:
        for size in ("64k", "6m"):  # for no engine, and for none of its indexes
            grow(store, size)
            with (
                pytest.raises(StorageError, match="is full: free some space"),
                open_graph("embedded", store) as graph,
            ):
                load(graph, snapshot)
        grow(store, "200m")
        with open_graph("embedded", store) as graph:
            load(graph, snapshot)
            assert verify(graph, snapshot).ok


def run(*arguments: str, limit: str = "", **environment: str) -> subprocess.CompletedProcess[str]:
    """Run radkg in a shell with a limit."""
    radkg = Path(sys.executable).with_name("radkg")
    command = f"{limit or 'true'} && exec {radkg} {' '.join(arguments)}"
    return subprocess.run(
        ["bash", "-c", command],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
    )


def test_too_few_open_files(tmp_path: Path) -> None:
    (tmp_path / "graph").mkdir()
    ended = run("graph", "--out", str(tmp_path), limit="ulimit -n 64")
    assert ended.returncode == 1
    (line,) = [each for each in ended.stderr.splitlines() if each.startswith("error")]
    assert "may have 64 here" in line
    assert "ulimit -n 1024" in line
    assert "Traceback" not in ended.stderr


def test_a_home_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "reports.csv").write_text(
        "study_id,subject_id,report\n1,1,FINDINGS: Small left effusion.\n"
    )
    out = ("--out", str(tmp_path / "run"))
    archive = ("--archive", str(tmp_path / "reports.csv"), "--extractor", "rules")
    for command in (
        ("extract", *archive, "--runner", "local", "--workers", "0", *out),
        ("load", *out),
    ):
        ended = run(*command, HOME="/dev/null/home", XDG_CACHE_HOME="")
        assert ended.returncode == 0, ended.stderr


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ("java.io.IOException: No space left on device", "is full: free some space"),
        ("(Too many open files)", "raise the limit with `ulimit -n`"),
        ("(File too large)", "ulimit -f unlimited"),
        ("(Read-only file system)", "mount it anew"),
        ("java.lang.NullPointerException", None),
    ],
)
def test_the_log_of_the_engine_tells_what_it_lacked(
    said: str, expected: str | None, tmp_path: Path
) -> None:
    (tmp_path / LOG).write_text(f"started\n{said}\n\tat somewhere\n")
    found = find_shortage(tmp_path)
    assert (found is None) == (expected is None)
    assert expected is None or expected in str(found)


def test_a_place_that_cannot_hold_a_graph(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with (
        pytest.raises(StorageError, match="choose another --out"),
        open_graph("embedded", tmp_path / "file" / "graph"),
    ):
        pass
