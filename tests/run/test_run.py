"""A run opens to everything that stands in it."""

import pytest

from radkg.errors import ConfigError, SnapshotError, StorageError
from radkg.run.run import Run
from radkg.schema.arrow import to_table
from tests.support.runs.rows import row


def test_a_run_of_a_directory(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    run = Run("out")
    assert run.uri == str(tmp_path / "out")
    assert run.graph_store == tmp_path / "out" / "graph"
    with pytest.raises(SnapshotError, match="nothing is published"):
        run.read_snapshot()
    with pytest.raises(SnapshotError, match="is missing or damaged"):
        _ = run.config
    published = run.publish(to_table([row("a")]))
    assert run.read_snapshot().snapshot_id == published.snapshot_id
    assert run.find_snapshot(published.snapshot_id[:6]).snapshot_id == published.snapshot_id
    assert run.list_snapshot_ids() == [published.snapshot_id]
    run.audit.record("extract", {"snapshot_id": published.snapshot_id})
    assert run.audit.verify().ok


def test_a_run_on_s3_has_no_embedded_graph(s3_bucket):
    run = Run(f"{s3_bucket}/run")
    assert run.directory is None
    with pytest.raises(ConfigError, match="the embedded graph needs a local --out"):
        _ = run.graph_store


def test_another_scheme_is_refused():
    with pytest.raises(StorageError, match="s3://bucket/prefix"):
        Run("ftp://x")
