"""The steps of a worker overlap, units are made together, and nothing is lost or left behind."""

import queue
import subprocess
import sys
import threading
import time

import pyarrow.parquet as pq
import pytest

from radkg.archive import open_archive
from radkg.errors import ArchiveError
from radkg.model.generate.spec import EngineSpec
from radkg.run.isolation import Limits
from radkg.run.settings import ExtractConfig, ModelSpec
from radkg.run.stream import count_units_ahead, run_stream
from radkg.run.units import plan_units
from radkg.run.watchdog import Watchdog
from radkg.run.work import Worker
from radkg.run.worker import Task, UnitWorker
from radkg.storage import open_storage
from tests.support.archives.openi import make_studies, write_tar
from tests.support.runs.extracting import extract_here, published
from tests.support.runs.extractors import Words

PATIENCE_S = 60
CALLS: list[int] = []
"""studies in each call of the extractor `noting`"""
MEETING = threading.Barrier(2)
READ: set[str] = set()
"""studies that the archive has been asked for"""


class Noting(Words):
    """Notes how many studies each call has, and takes so long that others are read meanwhile."""

    def __call__(self, studies):
        CALLS.append(len(studies))
        time.sleep(0.2)
        return super().__call__(studies)


class Meeting(Words):
    """Answers where two calls are there at once."""

    calls_at_once = 2

    def __call__(self, studies):
        MEETING.wait(PATIENCE_S)
        return super().__call__(studies)


class Waiting(Words):
    """Answers a call when studies behind those of the call were read."""

    def __call__(self, studies):
        last = max(int(study.study_id.removeprefix("CXR")) for study in studies)
        deadline = time.monotonic() + PATIENCE_S
        while last < 40 and not any(int(i.removeprefix("CXR")) > last for i in READ):
            assert time.monotonic() < deadline, "nothing is read while rows are made"
            time.sleep(0.01)
        return super().__call__(studies)


class Watched:
    """An archive that notes what it is asked for, and fails at one study."""

    def __init__(self, archive, fails_at=""):
        self._archive, self._fails_at = archive, fails_at

    def read(self, records):
        for record in records:
            READ.add(record["study_id"])
            if record["study_id"] == self._fails_at:
                raise ArchiveError("the archive went away")
        return self._archive.read(records)


def noting():
    return Noting()


def meeting():
    return Meeting()


def waiting():
    return Waiting()


@pytest.fixture
def archive(tmp_path):
    return open_archive(str(write_tar(tmp_path / "a.tgz", make_studies(40))))


@pytest.fixture
def stream(archive, tmp_path):
    def start(name, *, fails_at="", batch_tokens=None, tasks=None, end_tasks=None):
        READ.clear()
        CALLS.clear()
        units = plan_units(archive.index().to_pylist(), {}, "words-1", 4)
        spec = ModelSpec(f"{__name__}:{name}", None, "cpu", engine=EngineSpec("auto", batch_tokens))
        out = str(tmp_path / "out")
        watched = Watched(archive, fails_at)
        worker = UnitWorker(Worker(watched, spec, "words-1", out, Limits(60, None)))
        tasks = tasks or [Task(unit.unit_id, unit.records) for unit in units]
        return tasks, run_stream(worker, tasks, count_units_ahead(units, batch_tokens), end_tasks)

    return start


def committed(tmp_path):
    return {path.stem: path for path in (tmp_path / "out").glob("journal/*/*.parquet")}


def test_units_are_read_while_rows_are_made(stream, tmp_path):
    tasks, results = stream("waiting")
    assert [result.unit_id for result in results] == [task.unit_id for task in tasks]
    assert committed(tmp_path).keys() == {task.unit_id for task in tasks}


def test_a_model_that_takes_two_calls_gets_two(stream, tmp_path):
    tasks, results = stream("meeting")
    odd = len(tasks) % 2
    if odd:
        MEETING.reset()
        pytest.fail("the units of this test come in pairs")
    assert sum(result.studies for result in results) == 40
    assert len(committed(tmp_path)) == len(tasks)


def test_units_are_made_together_and_committed_apart(stream, tmp_path):
    tasks, results = stream("noting", batch_tokens=100_000)
    assert len(list(results)) == len(tasks)
    assert max(CALLS) > max(len(task.records) for task in tasks)
    rows = {unit: pq.read_table(path)["study_id"] for unit, path in committed(tmp_path).items()}
    assert {unit: column.to_pylist() for unit, column in rows.items()} == {
        task.unit_id: [record["study_id"] for record in task.records] for task in tasks
    }
    ExtractConfig(archive="a", out="b", batch_tokens=5)


def test_batches_do_not_change_what_is_published(archive, tmp_path):
    for name, tokens in (("apart", None), ("together", 100_000)):
        config = ExtractConfig(
            archive=archive.uri,
            out=str(tmp_path / name),
            extractor="rules",
            unit_size=4,
            batch_tokens=tokens,
        )
        extract_here(config)
    assert published(tmp_path / "apart") == published(tmp_path / "together")


def test_an_archive_that_goes_away_leaves_neither_attempt_nor_thread(stream, tmp_path):
    tasks, results = stream("noting", fails_at="CXR30")
    with pytest.raises(ArchiveError, match="went away"):
        list(results)
    assert len(committed(tmp_path)) < len(tasks)
    assert open_storage(str(tmp_path / "out")).list_names("attempts") == []
    assert not [t for t in threading.enumerate() if t.name.startswith(("read", "commit", "make"))]


def test_a_caller_that_stops_early_leaves_no_thread(stream, tmp_path):
    _, results = stream("noting")
    next(results)
    results.close()
    assert not [t for t in threading.enumerate() if t.name.startswith(("read", "commit", "make"))]
    assert 1 <= len(committed(tmp_path)) <= 4


def test_a_process_ends_although_it_waits_for_a_task():
    """As a worker of Ray does whose driver is gone: Python waits for each thread of a pool."""
    code = (
        "import queue, threading; from types import SimpleNamespace as N\n"
        "from radkg.run.stream import run_stream\n"
        "tasks = iter(queue.SimpleQueue().get, None)\n"
        "stream = run_stream(N(calls_at_once=1, batch_tokens=0), tasks)\n"
        "threading.Thread(target=list, args=(stream,), daemon=True).start()\n"
    )
    subprocess.run([sys.executable, "-c", code], timeout=PATIENCE_S, check=True)


def test_an_error_ends_the_tasks_that_are_waited_for(stream, tmp_path):
    """The last unit of a run fails: nobody sends another task for which the reader could wait."""
    tasks, _ = stream("noting")
    waiting = queue.SimpleQueue()
    for task in tasks:
        waiting.put(task)
    _, results = stream(
        "noting",
        fails_at="CXR40",
        tasks=iter(waiting.get, None),
        end_tasks=lambda: waiting.put(None),
    )
    with pytest.raises(ArchiveError, match="went away"):
        list(results)


def test_units_ahead_fill_a_batch(archive):
    units = plan_units(archive.index().to_pylist(), {}, "m", 4)
    tokens = sum(record["length"] for unit in units for record in unit.records) // 4
    assert count_units_ahead(units, None) == 2
    assert count_units_ahead(units, tokens // 2) > 2


def test_the_nearest_of_several_limits_counts(capfd):
    dog = Watchdog()
    with dog.watch(3600), dog.watch(1000):
        pass
    with dog.watch(1000):
        assert len(dog._deadlines) == 1
    assert not dog._deadlines
