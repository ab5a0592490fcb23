"""The headline and the ten figures of a small invented population, on the real engine."""

from __future__ import annotations

from dataclasses import replace

import pytest

from radkg.graph import Graph
from radkg.graph.ask.correction import read_shipped_tables
from radkg.graph.ask.queries import run_query
from radkg.graph.load.loader import load
from radkg.verbs.glance import URGENT, look_at_population
from tests.support.graph.facts import study
from tests.support.graph.servers import clear_graph
from tests.support.runs.extractions import InventedSnapshot


@pytest.mark.parametrize("is_measured", [False, True])
def test_what_a_page_begins_with(embedded_graph: Graph, is_measured: bool) -> None:
    table = next(each for each in read_shipped_tables() if "effusion" in each.findings)
    read = [
        *(study(n, n // 2, "2020-01-01", "+effusion" if n < 3 else "+edema") for n in range(9)),
        study(9, 9, "2021-05-01", "+pneumothorax"),
        study(10, 10, None, reason="unreadable"),
    ]
    if is_measured:
        read = [replace(row, model_id=table.model_id, condition=table.condition) for row in read]
    clear_graph(embedded_graph)
    load(embedded_graph, InventedSnapshot(read, archive="alpha"))  # type: ignore[arg-type]
    asked = [run_query(embedded_graph, n, {}) for n in ("archives", "extraction_status")]
    seen = look_at_population(embedded_graph, asked)
    assert seen.title == "11 chest X-ray studies"
    assert seen.about.startswith(
        "The archive alpha holds 11 studies of 7 patients from 2020 to 2021. "
        "10 could be read, 1 failed. "
    )
    figures = {figure.name: (figure.value, figure.detail) for figure in seen.figures}
    assert list(figures) == [
        *("Studies", "Years", "Read", "Found", "Right"),
        *(finding.capitalize() for finding in URGENT),
    ]
    assert figures["Studies"] == ("11", "of 7 patients")
    assert figures["Years"] == ("2020\u20132021", "10 studies have a date")
    assert figures["Read"] == ("90.9\xa0%", "0 empty, 1 failed")
    assert figures["Pneumothorax"] == ("10\xa0%", "as read, 1 of 10")
    if not is_measured:
        assert seen.about.endswith("How good this reading is has not been measured.")
        assert figures["Found"] == figures["Right"] == ("\u2013", "not measured for this reader")
        assert figures["Effusion"] == ("30\xa0%", "as read, 3 of 10")
        return
    errors = table.findings.values()
    found, there = (sum(getattr(e, n) for e in errors) for n in ("true_positives", "with_finding"))
    assert figures["Found"][0] == f"{100 * found / there:.1f}\xa0%"
    assert f"finds {figures['Found'][0]} of the findings" in seen.about
    (row,) = [r for r in run_query(embedded_graph, "prevalence", {}).rows if r[0] == "present"]
    assert figures["Effusion"][0] == f"{100 * row[4]:.2g}\xa0%"
    assert figures["Effusion"][1].endswith("\xa0%")
