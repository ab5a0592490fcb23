"""What the service counts, as Prometheus reads it. No label holds anything of a request."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

CONTENT_TYPE = CONTENT_TYPE_LATEST
_SECONDS = (0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30, 60)
_STUDIES = (1, 2, 4, 8, 16, 32, 64, 128, 256)


class ServiceMetrics:
    """The counters of one service, in a registry of its own."""

    def __init__(self) -> None:
        registry = self._registry = CollectorRegistry()
        self.requests = Counter(
            "radkg_service_requests",
            "Requests by route and status",
            ["route", "status"],
            registry=registry,
        )
        self.seconds = Histogram(
            "radkg_service_request_seconds",
            "Seconds from the header to the answer",
            ["route"],
            buckets=_SECONDS,
            registry=registry,
        )
        self.studies = Counter(
            "radkg_service_studies",
            "Studies answered, by model and status of the row",
            ["model", "status"],
            registry=registry,
        )
        self.batches = Histogram(
            "radkg_service_batch_studies",
            "Studies that a model read at once",
            ["model"],
            buckets=_STUDIES,
            registry=registry,
        )
        self.batch_seconds = Histogram(
            "radkg_service_batch_seconds",
            "Seconds that a model took for a batch",
            ["model"],
            buckets=_SECONDS,
            registry=registry,
        )
        self.waiting = Gauge(
            "radkg_service_waiting_studies",
            "Studies that wait for a model",
            ["model"],
            registry=registry,
        )
        self.ready = Gauge(
            "radkg_service_ready_processes",
            "Processes that have loaded their model",
            ["model"],
            registry=registry,
        )
        self.ended = Counter(
            "radkg_service_ended_processes",
            "Processes that a study ended or hung",
            ["model"],
            registry=registry,
        )
        self.reloads = Counter(
            "radkg_service_reloads",
            "Reloads of the models, by outcome",
            ["outcome"],
            registry=registry,
        )
        self.model = Gauge(
            "radkg_service_model",
            "1 for the model that answers",
            ["model", "name", "model_id"],
            registry=registry,
        )

    def write(self) -> bytes:
        """Return the text that Prometheus scrapes."""
        return generate_latest(self._registry)

    def read(self) -> list[Metric]:
        """Return the metrics as they stand; they pickle."""
        return list(self._registry.collect())


def write_replicas(read: Mapping[str, Sequence[Metric]]) -> bytes:
    """Return the text that Prometheus scrapes, of several services with the same metrics.

    Args:
        read: what `ServiceMetrics.read` gave, by the replica; the label `replica` says whose a
            number is, so that each of them only grows as long as its replica lives.
    """
    merged: dict[str, Metric] = {}
    for replica, metrics in sorted(read.items()):
        for one in metrics:
            whole = merged.setdefault(one.name, Metric(one.name, one.documentation, one.type))
            for sample in one.samples:
                labels = sample.labels | {"replica": replica}
                whole.add_sample(sample.name, labels, sample.value)
    registry = CollectorRegistry()
    registry.register(_Read(merged.values()))
    return generate_latest(registry)


class _Read(Collector):
    """Metrics that were read before, as a registry takes them."""

    def __init__(self, metrics: Iterable[Metric]) -> None:
        self._metrics = list(metrics)

    def collect(self) -> Iterator[Metric]:
        yield from self._metrics
