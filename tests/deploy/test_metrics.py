"""Rules and dashboard name metrics that there are, with labels that these have."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import promql_parser
import pytest
import yaml

from radkg.run.gauges import METRICS

DEPLOY = Path(__file__).parents[2] / "deploy"
RULES = yaml.safe_load((DEPLOY / "prometheus/rules.yaml").read_text())["groups"][0]["rules"]
DASHBOARD = json.loads((DEPLOY / "grafana/radkg.json").read_text())
EXPRESSIONS = [
    *(pytest.param(rule["expr"], id=rule["alert"]) for rule in RULES),
    *(
        pytest.param(target["expr"], id=panel["title"])
        for panel in DASHBOARD["panels"]
        for target in panel["targets"]
    ),
]
SERIES = {
    name: {"run", *metric.labels}
    for metric in METRICS
    for name in (
        (f"{metric.name}_sum", f"{metric.name}_count")
        if metric.kind == "summary"
        else (metric.name,)
    )
}


def list_series(expression: str) -> Iterator[tuple[str, set[str]]]:
    """Yield the name of each series of an expression, and the labels that it selects by."""
    for name, selected in re.findall(r"\b(radkg_\w+)(?:\{([^}]*)\})?", expression):
        yield name, set(re.findall(r"(\w+)\s*(?:=~|!~|!=|=)", selected))


@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_an_expression_asks_for_what_there_is(expression):
    promql_parser.parse(expression.replace("$run", "any"))
    found = list(list_series(expression))
    assert found
    for name, labels in found:
        assert name in SERIES, name
        assert labels <= SERIES[name]
    grouped = set(re.findall(r"(\w+)", " ".join(re.findall(r"(?:by|on) \(([^)]*)\)", expression))))
    assert grouped <= set.intersection(*(SERIES[name] for name, _ in found))


def test_a_metric_that_there_is_not_is_found():
    assert next(list_series("rate(radkg_studys_total{run='a'}[5m])"))[0] not in SERIES
    with pytest.raises(ValueError, match="unexpected character"):
        promql_parser.parse("rate(radkg_studies_total[5m)")


def test_every_metric_is_shown_or_alerted_on():
    said = " ".join(parameter.values[0] for parameter in EXPRESSIONS)
    assert {name for name in SERIES if name not in said} == set()


def test_an_alert_says_what_to_do():
    for rule in RULES:
        assert rule["annotations"]["summary"]
        assert rule["annotations"]["action"]
        assert rule["labels"]["severity"] in ("page", "ticket")
    names = [rule["alert"] for rule in RULES]
    assert len(set(names)) == len(names)


def test_labels_in_a_text_are_those_of_its_expression():
    for rule in RULES:
        used = set(re.findall(r"\$labels\.(\w+)", json.dumps(rule["annotations"])))
        assert all(used <= SERIES[name] for name, _ in list_series(rule["expr"]))


def test_panels_do_not_overlap_and_have_ids_of_their_own():
    panels = DASHBOARD["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    places: set[tuple[int, int]] = set()
    for panel in panels:
        at: dict[str, Any] = panel["gridPos"]
        mine = {(at["x"] + i, at["y"] + j) for i in range(at["w"]) for j in range(at["h"])}
        assert not mine & places, panel["title"]
        assert at["x"] + at["w"] <= 24
        places |= mine


def test_ray_s_names_become_ours():
    (job,) = yaml.safe_load((DEPLOY / "prometheus/scrape.yaml").read_text())["scrape_configs"]
    (rule,) = job["metric_relabel_configs"]
    assert rule["source_labels"] == ["__name__"]
    for metric in METRICS:
        match = re.fullmatch(rule["regex"], f"ray_{metric.name}")
        assert match
        assert rule["replacement"].replace("$1", match[1]) == metric.name
    assert not re.fullmatch(rule["regex"], "ray_node_cpu_utilization")
