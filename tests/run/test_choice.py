"""Which runner does the work: short work stays here, long work goes to Ray; the log says why."""

import logging
from dataclasses import replace

import pytest

from radkg.archive import open_archive
from radkg.run.choice import LOCAL_S, AutoRunner
from radkg.run.isolation import Limits
from radkg.run.journal import Journal
from radkg.run.local import LocalRunner
from radkg.run.settings import ModelSpec
from radkg.run.units import plan_units
from radkg.run.work import UnitResult, Work, Worker
from radkg.storage import open_storage
from tests.support.archives.openi import make_studies, write_tar
from tests.support.runs import EXTRACTORS

WORDS = f"{EXTRACTORS}:words"


class Elsewhere:
    """A runner that notes which units it gets, and says that it did them."""

    def __init__(self):
        self.units = []

    def run(self, work):
        for unit in work.units:
            self.units.append(unit.unit_id)
            yield UnitResult(unit.unit_id, len(unit.records), 0, [], 0.0)


class SlowRunner(LocalRunner):
    """The runner of this process, which says that a study takes a minute."""

    def run(self, work, more):
        yield from super().run(
            work, lambda result: more(replace(result, seconds=60.0 * result.studies))
        )


@pytest.fixture
def work(tmp_path, monkeypatch):
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    archive = open_archive(str(write_tar(tmp_path / "a.tgz", make_studies(12))))
    units = plan_units(archive.index().to_pylist(), {}, "words-1", 3)
    spec = ModelSpec(WORDS, None, "cpu")
    worker = Worker(archive, spec, "words-1", str(tmp_path / "out"), Limits(60, None))
    return Work(units, worker, None, None)


def run(work, local, caplog):
    """Return the units that Ray got, those that are done, and what the log says."""
    ray = Elsewhere()
    with caplog.at_level(logging.INFO, "radkg.run.choice"):
        done = [result.unit_id for result in AutoRunner(local, lambda: ray).run(work)]
    assert sorted(done) == sorted(unit.unit_id for unit in work.units)
    return ray.units, done, caplog.text


def test_short_work_stays_here(work, caplog):
    on_ray, done, said = run(work, LocalRunner(0), caplog)
    assert on_ray == []
    assert Journal(open_storage(work.worker.out), "words-1").list_done() == set(done)
    assert "runner=local: about 0 s of work here, by the first unit" in said


def test_long_work_goes_to_ray_after_the_first_unit(work, caplog):
    """With the first unit those end here that are in hand: they are read, and lost otherwise."""
    on_ray, done, said = run(work, SlowRunner(0), caplog)
    here = len(work.units) - len(on_ray)
    assert 1 <= here < len(work.units)
    assert on_ray == [unit.unit_id for unit in work.units[here:]]
    assert Journal(open_storage(work.worker.out), "words-1").list_done() == set(done[:here])
    assert "runner=ray: about 720 s of work here, by the first unit" in said


@pytest.mark.parametrize("seconds", [LOCAL_S / 2, LOCAL_S * 2])
def test_a_forecast_decides_before_any_work(work, caplog, seconds):
    on_ray, _, said = run(replace(work, forecast_s=seconds), LocalRunner(0), caplog)
    assert bool(on_ray) is (seconds > LOCAL_S)
    assert f"{seconds:.0f} s of work" in said
    assert "plan" in said


def test_a_cluster_that_is_named_gets_the_work(work, caplog, monkeypatch):
    monkeypatch.setenv("RAY_ADDRESS", "10.0.0.1:6379")
    on_ray, _, said = run(work, LocalRunner(0), caplog)
    assert len(on_ray) == len(work.units)
    assert "runner=ray: RAY_ADDRESS is 10.0.0.1:6379" in said


def test_gpus_are_ray_s(work, caplog):
    spec = work.worker.model._replace(device="cuda")
    on_ray, _, said = run(
        replace(work, worker=replace(work.worker, model=spec)), LocalRunner(0), caplog
    )
    assert len(on_ray) == len(work.units)
    assert "GPUs" in said
