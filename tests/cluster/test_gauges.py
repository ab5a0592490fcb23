"""The metrics of a driver on Ray, as Ray's own exporter shows them."""

import time
import urllib.request

import pytest
import ray

from radkg.archive import open_archive
from radkg.cluster.gauges import RayGauges
from radkg.run.gauges import METRICS
from radkg.run.isolation import Limits
from radkg.run.settings import ModelSpec
from radkg.run.units import Unit
from radkg.run.work import UnitResult, Work, Worker
from tests.support.archives.openi import make_studies, write_tar


@pytest.fixture
def work(tmp_path):
    archive = open_archive(str(write_tar(tmp_path / "a.tgz", make_studies(1))))
    worker = Worker(archive, ModelSpec("m", None, "cuda"), "m", "s3://b/run", Limits(60, None))
    return Work([Unit("a", ()), Unit("b", ()), Unit("c", ())], worker, None, None)


class Recorded:
    """In place of a metric of Ray: what it was told, by the values of its labels."""

    def __init__(self):
        self.values = {}

    def set(self, value, tags):
        self.values[tuple(sorted(tags.values()))] = value

    def inc(self, value, tags):
        key = tuple(sorted(tags.values()))
        self.values[key] = self.values.get(key, 0) + value

    observe = inc


def test_what_comes_back_from_workers_is_counted(work, monkeypatch):
    made = {}
    monkeypatch.setattr(
        "radkg.cluster.gauges._make",
        lambda name, kind, text, labels: made.setdefault(name, Recorded()),
    )
    gauges = RayGauges(work)
    gauges.count(UnitResult("a", 9, 2, (), 4.0, {"hung": 2}, 3.0, "x:1", (7, 0)))
    gauges.count(UnitResult("b", 8, 1, (), 4.0, {"hung": 1}, 3.0, "y:1", (7, 5)))
    assert set(made) == {metric.name for metric in METRICS if metric.on_ray}
    run = ("extract", "s3://b/run")
    assert made["radkg_studies_total"].values == {run: 17}
    assert made["radkg_studies_failed_total"].values == {("extract", "hung", "s3://b/run"): 3}
    assert made["radkg_tokens_total"].values == {
        ("extract", "read", "s3://b/run"): 14,
        ("extract", "s3://b/run", "written"): 5,
    }
    assert made["radkg_unit_seconds"].values == {run: 8.0}
    assert made["radkg_units_queued"].values == {run: 1}
    assert made["radkg_worker_busy_ratio"].values[run] == pytest.approx(1.0, abs=0.01)
    assert made["radkg_gpu_busy_ratio"].values[run] == pytest.approx(0.75, abs=0.01)


@pytest.mark.long
@pytest.mark.ray
def test_ray_s_exporter_shows_them_by_names_that_prometheus_makes_ours(work, ray_session):
    gauges = RayGauges(work)
    gauges.count(UnitResult("a", 9, 2, (), 4.0, {"hung": 2}, 3.0, "x:1", (7, 5)))
    (node,) = ray.nodes()
    address = f"http://{node['NodeManagerAddress']}:{node['MetricsExportPort']}/metrics"
    series = {
        name
        for metric in METRICS
        if metric.on_ray
        for name in (
            (f"{metric.name}_sum", f"{metric.name}_count")
            if metric.kind == "summary"
            else (metric.name,)
        )
    }
    missing = series
    for _ in range(60):  # workers report every few seconds
        with urllib.request.urlopen(address, timeout=20) as answer:
            text = answer.read().decode()
        missing = {name for name in series if f"\nray_{name}{{" not in text}
        if not missing:
            break
        time.sleep(1)
    assert missing == set(), [line for line in text.splitlines() if "radkg" in line]
