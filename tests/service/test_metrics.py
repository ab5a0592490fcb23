"""Several services in one text for Prometheus: each number keeps its replica, and they add up."""

from __future__ import annotations

import pickle
from collections import Counter

from prometheus_client.parser import text_string_to_metric_families

from radkg.service.metrics import ServiceMetrics, write_replicas


def test_the_numbers_of_replicas_stand_side_by_side():
    services = {"one": ServiceMetrics(), "two": ServiceMetrics(), "idle": ServiceMetrics()}
    for name, number in (("one", 3), ("two", 4)):
        for _ in range(number):
            services[name].requests.labels("/v1/extract", "200").inc()
            services[name].seconds.labels("/v1/extract").observe(0.03)
    read = {name: pickle.loads(pickle.dumps(each.read())) for name, each in services.items()}
    text = write_replicas(read).decode()
    assert text.count("# TYPE radkg_service_requests_total counter") == 1
    counted: Counter[tuple[str, str]] = Counter()
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            counted[sample.name, sample.labels["replica"]] += sample.value
    requests = "radkg_service_requests_total"
    assert (counted[requests, "one"], counted[requests, "two"]) == (3, 4)
    assert counted[requests, "idle"] == 0
    assert counted["radkg_service_request_seconds_count", "two"] == 4
    alone = services["one"].write().decode()
    assert text.count("# HELP") == alone.count("# HELP")
