"""Ratios of a cohort and the population, with their intervals."""

from __future__ import annotations

import numpy as np
import pytest

from radkg.population.cohort import Cohort
from radkg.population.comparing import compare, compute_ratio, measure_distance
from radkg.population.describing import make_charts
from radkg.population.selecting import select_studies
from tests.support.runs.populations import invent_patients, make_population


def test_a_ratio_is_the_lift_of_both():
    found = compute_ratio(40, 100, 200, 1000)
    assert found is not None
    assert found.ratio == pytest.approx(40 * 1000 / (100 * 200))
    assert found.low < found.ratio < found.high
    assert compute_ratio(100, 100, 100, 100) == pytest.approx((1.0, 1.0, 1.0))
    assert compute_ratio(0, 0, 5, 10) is None
    assert compute_ratio(0, 5, 0, 10) is None
    none = compute_ratio(0, 50, 20, 1000)
    assert none is not None
    assert none[:2] == (0.0, 0.0)
    assert none.high == pytest.approx(3.689, rel=1e-3)


@pytest.mark.parametrize("shares", [(0.02, 0.08, 0.1), (0.1, 0.1, 0.3), (0.01, 0.04, 0.05)])
def test_the_interval_holds_the_true_ratio_as_often_as_it_says(shares):
    both, one, other = shares  # both, the one alone, the other alone
    true = both / ((both + one) * (both + other))
    of = 2000
    cells = np.random.default_rng(0).multinomial(of, [*shares, 1 - sum(shares)], size=2000)
    intervals = [compute_ratio(a, a + b, a + c, of) for a, b, c, _ in cells.tolist()]
    held = [found is not None and found.low <= true <= found.high for found in intervals]
    assert 0.93 < np.mean(held) < 0.97


def test_a_row_compares_both_rates():
    row = compare(40, 100, 200, 1000)
    assert (row["rate"], row["overall"], row["ratio"]) == (0.4, 0.2, 2.0)
    assert measure_distance(row) > 0
    empty = compare(0, 0, 200, 1000)
    assert (empty["rate"], empty["ratio"]) == (None, None)
    assert measure_distance(empty) == measure_distance(compare(20, 100, 200, 1000)) == 0


def test_the_charts_of_everything_are_those_of_the_population():
    population = make_population(invent_patients(300))
    cohort = Cohort()
    charts = make_charts(population, cohort, select_studies(population, cohort))
    rows = [row for name in ("findings", "ages", "sexes", "views") for row in charts[name]]
    assert len(rows) > 12
    assert {row["ratio"] for row in rows} == {1.0}
    assert charts["unusual"] == charts["details"] == []
    assert sum(row["studies"] for row in charts["ages"]) == population.read.sum()
    over_time = charts["over_time"]
    counted = sum(row["studies"] for row in over_time["rows"])
    assert counted + over_time["undated"] == population.read.sum()


def test_the_charts_of_a_cohort_count_its_studies():
    rows = invent_patients(300)
    population = make_population(rows)
    cohort = Cohort.parse_query("finding=effusion&sex=female")
    studies = select_studies(population, cohort)
    charts = make_charts(population, cohort, studies)
    (sex,) = (row for row in charts["sexes"] if row["studies"])
    females = sum(row.sex == "female" and row.status == "ok" for row in rows)
    assert (sex["sex"], sex["studies"], sex["all_studies"]) == ("female", studies.sum(), females)
    assert "effusion" not in {row["finding"] for row in charts["findings"]}
    (details,) = charts["details"]
    assert sum(row["studies"] for row in details["severity"]) == studies.sum()
    assert sum(row["studies"] for row in details["sides"]) == studies.sum()
    assert details["sites"]
