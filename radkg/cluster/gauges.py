"""The metrics of a driver on Ray, for Ray's own Prometheus exporter; it puts `ray_` before a name.

The driver counts what comes back from workers: no worker needs to know a metric, and a unit that is
read twice counts once.
"""

from __future__ import annotations

from typing import Any

from ray.util.metrics import Counter, Gauge, Histogram

from radkg.run.gauges import METRICS
from radkg.run.heartbeat import WorkerTimes
from radkg.run.work import UnitResult, Work

_BOUNDARIES_S = [0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0]


class RayGauges:
    """The metrics of one run; made once Ray is there.

    Args:
        work: what the driver brings to workers.
    """

    def __init__(self, work: Work) -> None:
        self._on_gpus = work.worker.model.device != "cpu"
        verb = "draft" if work.worker.model.kind == "drafts" else "extract"
        self._labels = {"run": work.worker.out, "verb": verb}
        self._metrics: dict[str, Any] = {
            metric.name: _make(metric.name, metric.kind, metric.help, ("run", *metric.labels))
            for metric in METRICS
            if metric.on_ray
        }
        self._queued = len(work.units)
        self._times = WorkerTimes()
        self._unit_s = self._model_s = 0.0
        self._set("radkg_units_queued", self._queued)

    def count(self, result: UnitResult) -> None:
        """Count a finished unit."""
        self._add("radkg_studies_total", result.studies)
        for reason, number in result.failed_by.items():
            self._add("radkg_studies_failed_total", number, reason=reason)
        for direction, number in zip(("read", "written"), result.tokens, strict=True):
            self._add("radkg_tokens_total", number, direction=direction)
        self._metrics["radkg_unit_seconds"].observe(result.seconds, tags=self._labels)
        self._queued -= 1
        self._set("radkg_units_queued", self._queued)
        self._times.count(result)
        self._unit_s += result.seconds
        self._model_s += result.model_seconds
        if self._times.seconds > 0:
            self._set("radkg_worker_busy_ratio", min(1.0, self._unit_s / self._times.seconds))
            if self._on_gpus:
                self._set("radkg_gpu_busy_ratio", min(1.0, self._model_s / self._times.seconds))

    def _add(self, name: str, number: float, **labels: str) -> None:
        if number:  # Ray refuses to count nothing
            self._metrics[name].inc(number, tags=self._labels | labels)

    def _set(self, name: str, value: float) -> None:
        self._metrics[name].set(value, tags=self._labels)


def _make(name: str, kind: str, text: str, labels: tuple[str, ...]) -> Any:
    if kind == "summary":
        return Histogram(name, description=text, boundaries=_BOUNDARIES_S, tag_keys=labels)
    return (Counter if kind == "counter" else Gauge)(name, description=text, tag_keys=labels)
