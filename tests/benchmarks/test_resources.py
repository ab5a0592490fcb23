"""The resource plan multiplies as it says."""

import pytest

from tests.benchmarks.resources import (
    RADIOGRAPHS,
    STUDIES,
    TOKENS,
    Rates,
    list_needs,
    plan_images,
    plan_reports,
    write_table,
)


def test_reports_are_divided_among_cores():
    need = plan_reports(Rates(29, 1000), 16, 0.05)
    assert need.hours == pytest.approx(STUDIES / 16_000 / 3600)
    assert need.money == pytest.approx(STUDIES / 1000 / 3600 * 0.05)


def test_cores_keep_up_with_the_gpus():
    rates = Rates(images=20, reports=1000, tokens=40_000, busy=0.5)
    need = plan_images(rates, 2, 3.0, 0.0)
    assert need.hours == pytest.approx(STUDIES * TOKENS / 40_000 / 3600)  # two at half their time
    assert need.money == pytest.approx(need.hours * 6)
    decoded = (need.cores - need.gpus) * rates.images * need.hours * 3600
    assert decoded * 1.001 >= RADIOGRAPHS
    assert decoded <= RADIOGRAPHS + rates.images * need.hours * 3600 * 1.001  # less than one more


def test_the_table_has_a_row_each():
    needs = list(list_needs(Rates(29, 1000), 2.0, 0.1))
    assert len(write_table(needs).splitlines()) == 2 + len(needs)
