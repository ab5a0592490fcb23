"""The metrics of radkg for Prometheus, and their text from a run's status alone.

`radkg status RUN --prometheus` prints the text, for the textfile collector of a node exporter or an
HTTP server of your own. On Ray the driver gives those of METRICS that are `on_ray` to Ray's own
exporter too (radkg/cluster/gauges.py), which puts `ray_` before their names. A time is a timestamp,
never an age: an age in a text that nobody writes any more would stand still.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Literal, NamedTuple

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, SummaryMetricFamily
from prometheus_client.metrics_core import Metric as Family
from prometheus_client.registry import Collector

from radkg.run.status import DriverStatus, Status
from radkg.schema.reasons import CLASSES

Kind = Literal["counter", "gauge", "summary"]


class Metric(NamedTuple):
    """One metric; each has the label `run`, the address of the run, before its own."""

    name: str
    kind: Kind
    labels: tuple[str, ...]
    help: str
    on_ray: bool = False
    """whether a driver on Ray gives it to Ray's exporter as well; a summary is a histogram there"""


METRICS = (
    Metric("radkg_studies_total", "counter", ("verb",), "Studies that got a row.", True),
    Metric(
        "radkg_studies_failed_total",
        "counter",
        ("verb", "reason"),
        f"Studies whose row is failed, by the class of the reason: {', '.join(CLASSES)}.",
        True,
    ),
    Metric(
        "radkg_tokens_total",
        "counter",
        ("verb", "direction"),
        "Tokens that a language model has read or written.",
        True,
    ),
    Metric("radkg_unit_seconds", "summary", ("verb",), "Seconds of a worker in a unit.", True),
    Metric("radkg_units_queued", "gauge", ("verb",), "Units that are not finished.", True),
    Metric(
        "radkg_worker_busy_ratio",
        "gauge",
        ("verb",),
        "Share of the workers' time that they spent in units.",
        True,
    ),
    Metric(
        "radkg_gpu_busy_ratio",
        "gauge",
        ("verb",),
        "Share of the time of workers on GPUs that they spent in the model.",
        True,
    ),
    Metric(
        "radkg_driver_alive", "gauge", ("verb",), "1 where the newest driver works, 0 where not."
    ),
    Metric(
        "radkg_driver_failed", "gauge", ("verb",), "1 where the newest driver ended with an error."
    ),
    Metric(
        "radkg_published_studies",
        "gauge",
        ("status",),
        "Rows that are published, by their status.",
    ),
    Metric(
        "radkg_published_timestamp_seconds",
        "gauge",
        (),
        "When a run last published what is published.",
    ),
    Metric(
        "radkg_archive_lag_studies",
        "gauge",
        (),
        "Studies of the archive without a row of their present version: by the archive with --lag, "
        "else by the last plan.",
    ),
    Metric(
        "radkg_verified_night_timestamp_seconds",
        "gauge",
        (),
        "When a night was last found equal in the graph.",
    ),
    Metric("radkg_status_timestamp_seconds", "gauge", (), "When this text was made."),
)


def format_prometheus(status: Status) -> str:
    """Return the metrics of a run in Prometheus's text format."""
    registry = CollectorRegistry()
    registry.register(_Collector(status))
    return generate_latest(registry).decode()


class _Collector(Collector):
    def __init__(self, status: Status) -> None:
        self._status = status

    def collect(self) -> Iterator[Family]:
        """Yield the metrics that have a value, in the order of METRICS."""
        found = dict(_measure(self._status))
        for metric in METRICS:
            samples = found.get(metric.name, {})
            if samples:
                yield _make_family(metric, self._status.run, samples)


_Samples = dict[tuple[str, ...], tuple[float, float]]  # by labels; a summary's count and sum


def _measure(status: Status) -> Iterator[tuple[str, _Samples]]:
    """Yield what is known of each metric."""
    drivers = {driver.verb: driver for driver in status.drivers}  # the newest of each verb
    yield "radkg_status_timestamp_seconds", _one(_seconds(status.time))
    yield "radkg_driver_alive", {(v,): (d.alive, 0) for v, d in drivers.items()}
    failed: _Samples = {
        (v,): (float(d.outcome not in (None, "done")), 0.0) for v, d in drivers.items()
    }
    yield "radkg_driver_failed", failed
    making = {verb: driver for verb, driver in drivers.items() if driver.studies}
    yield "radkg_studies_total", {(v,): (d.made, 0) for v, d in making.items()}
    yield (
        "radkg_studies_failed_total",
        {(v, c): (d.failed_by.get(c, 0), 0) for v, d in making.items() for c in CLASSES},
    )
    yield "radkg_tokens_total", dict(_tokens(making))
    yield "radkg_unit_seconds", {(v,): (d.units_done, d.unit_s) for v, d in making.items()}
    yield "radkg_units_queued", {(v,): (d.units - d.units_done, 0) for v, d in making.items()}
    yield "radkg_worker_busy_ratio", dict(_shares(making, gpus=False))
    yield "radkg_gpu_busy_ratio", dict(_shares(making, gpus=True))
    if (there := status.published) is not None:
        yield "radkg_published_studies", {(k,): (v, 0) for k, v in there.status.items()}
        if there.time is not None:
            yield "radkg_published_timestamp_seconds", _one(_seconds(there.time))
    if status.lag is not None:
        yield "radkg_archive_lag_studies", _one(status.lag)
    if status.verified is not None:
        yield "radkg_verified_night_timestamp_seconds", _one(_seconds(status.verified))


def _tokens(
    drivers: dict[str, DriverStatus],
) -> Iterator[tuple[tuple[str, ...], tuple[float, int]]]:
    for verb, driver in drivers.items():
        if driver.tokens_read or driver.tokens_written:
            yield (verb, "read"), (driver.tokens_read, 0)
            yield (verb, "written"), (driver.tokens_written, 0)


def _shares(
    drivers: dict[str, DriverStatus], *, gpus: bool
) -> Iterator[tuple[tuple[str, ...], tuple[float, int]]]:
    for verb, driver in drivers.items():
        share = driver.model_busy if gpus else driver.worker_busy
        if share is not None and (driver.device != "cpu" or not gpus):
            yield (verb,), (share, 0)


def _one(value: float) -> _Samples:
    return {(): (value, 0.0)}


def _seconds(time: str) -> float:
    return datetime.fromisoformat(time).timestamp()


def _make_family(metric: Metric, run: str, samples: _Samples) -> Family:
    labels = ["run", *metric.labels]
    if metric.kind == "summary":
        summary = SummaryMetricFamily(metric.name, metric.help, labels=labels)
        for values, (count, total) in samples.items():
            summary.add_metric([run, *values], count_value=int(count), sum_value=total)
        return summary
    kind = CounterMetricFamily if metric.kind == "counter" else GaugeMetricFamily
    family = kind(metric.name, metric.help, labels=labels)
    for values, (value, _) in samples.items():
        family.add_metric([run, *values], float(value))
    return family
