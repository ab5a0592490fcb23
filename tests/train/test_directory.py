"""A training run's directory: on S3 each process has a copy, and what is half sent is not there."""

import pytest

from radkg.errors import ConfigError, StorageError
from radkg.storage import open_storage
from radkg.train.directory import open_run_directory
from radkg.train.stage_task import StagePaths, TrainJob


def write(directory, name, text):
    path = directory.path / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def test_a_directory_reaches_other_processes_whole_or_not_at_all(s3_bucket):
    out = f"{s3_bucket}/run-directory"
    with open_run_directory(out) as mine, open_run_directory(out) as other:
        assert mine.path != other.path
        write(mine, "stages/eye/data/deep/rows", "1")
        write(mine, "stages/eye/data/done", "")
        mine.send_directory("stages/eye/data")
        open_storage(out).write("stages/eye/model/weights", b"of a process that was killed")
        other.fetch()
        assert (other.path / "stages/eye/data/deep/rows").read_text() == "1"
        assert StagePaths(other.path, "eye").is_prepared
        assert not StagePaths(other.path, "eye").model.exists()
        write(mine, "metrics.jsonl", "a line\n")
        with mine.keep_sending("metrics.jsonl"):
            write(mine, "metrics.jsonl", "a line\nanother\n")
        other.fetch_file("metrics.jsonl")
        assert (other.path / "metrics.jsonl").read_text() == "a line\nanother\n"
        other.fetch_file("no-such-file")
        other.delete("stages/eye/data")
        with open_run_directory(out) as third:
            assert not (third.path / "stages/eye/data").exists()
    assert not mine.path.exists()


def test_a_directory_on_disk_is_the_run_itself(tmp_path):
    with open_run_directory(str(tmp_path)) as directory:
        assert directory.path == tmp_path
        write(directory, "stages/eye/ray/state", "1")
        directory.send_directory("stages/eye")
        directory.fetch()
        directory.delete("stages/eye/ray")
        directory.delete("stages/eye/ray")
    assert [path.name for path in tmp_path.rglob("*")] == ["stages", "eye"]


def test_a_bucket_that_is_not_there_is_said(s3_bucket):
    with (
        pytest.raises(StorageError, match="no-such-bucket"),
        open_run_directory("s3://no-such-bucket/run"),
    ):
        pass
    with pytest.raises(ConfigError, match="a directory or s3://bucket/prefix, not 'gs://b/run'"):
        TrainJob(preset="small", archive="openi", out="gs://b/run")
