"""One worker, without a runner: whose fault a failure is."""

from pathlib import Path

import pytest

from radkg.archive import open_archive
from radkg.errors import (
    ArchiveError,
)
from radkg.run.isolation import Limits
from radkg.run.journal import Journal
from radkg.run.settings import ModelSpec
from radkg.run.stream import run_stream
from radkg.run.work import Worker
from radkg.run.worker import Task, UnitWorker
from radkg.storage import open_storage
from tests.support.archives.openi import BreakingArchive, make_studies, write_tar
from tests.support.runs import EXTRACTORS

WORDS = f"{EXTRACTORS}:words"
ROOT = Path(__file__).parents[2]


def worker_of(archive, out):
    return Worker(archive, ModelSpec(WORDS, None, "cpu"), "words-1", out, Limits(60, None))


@pytest.fixture
def archive(tmp_path):
    return str(write_tar(tmp_path / "a.tgz", make_studies(60)))


def test_an_archive_that_goes_away_is_no_failed_study(archive, tmp_path):
    """In the child of a unit that was begun twice, too."""
    opened = open_archive(archive)
    records = opened.index().to_pylist()[:3]
    out = str(tmp_path / "out")
    worker = UnitWorker(worker_of(opened, out))
    journal = Journal(open_storage(str(tmp_path / "out")), "words-1")
    for _ in range(2):
        journal.begin("u")
    Path(archive).unlink()
    with pytest.raises(ArchiveError, match="cannot read"):
        list(run_stream(worker, [Task("u", records)]))
    assert journal.list_done() == set()
    assert open_storage(out).list_names("attempts") == []  # no study is to blame


def test_a_study_that_the_reader_breaks_on_costs_itself_alone(archive, tmp_path):
    opened, out = open_archive(archive), str(tmp_path / "out")
    records = opened.index().to_pylist()[:5]
    worker = UnitWorker(worker_of(BreakingArchive(opened, "CXR3"), out))
    (result,) = run_stream(worker, [Task("u", records)])
    assert (result.unit_id, result.studies, result.failed) == ("u", 5, 1)
    assert result.reasons == [
        "CXR3: cannot be read: ZeroDivisionError in openi.py, line 25: its message may quote the "
        "report and is left out"
    ]
