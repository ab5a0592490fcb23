"""The sample of long tests fits its budget, is a day's own, and leaves no test out for long."""

import json
import os
import subprocess
import sys
from datetime import date, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.budget import Budget, choose, estimate, order_for_day, read_costs, write_costs

ROOT = Path(__file__).parents[2]
DAY = date(2026, 11, 30)
COSTS = st.dictionaries(st.text("abcdef", min_size=1), st.floats(0.1, 100), max_size=30)
DAYS = st.dates(date(2020, 1, 1), date(2040, 1, 1))


@given(COSTS, st.floats(-10, 500), DAYS)
def test_a_sample_fits_its_budget_and_is_the_same_all_day(costs, budget_s, day):
    chosen = choose(costs, budget_s, day)
    assert chosen == choose(dict(reversed(costs.items())), budget_s, day)
    assert sum(costs[name] for name in chosen) <= max(budget_s, 0) + 1e-6
    left_s = budget_s - sum(costs[name] for name in chosen)
    assert all(costs[name] > left_s - 1e-6 for name in costs.keys() - set(chosen))


@given(COSTS.filter(bool), DAYS)
def test_each_file_has_its_turn(costs, day):
    """Even where the budget holds just the longest test."""
    days = [day + timedelta(number) for number in range(len(costs))]
    assert {order_for_day(costs, each)[0] for each in days} == costs.keys()
    assert {name for each in days for name in choose(costs, max(costs.values()), each)} == set(
        costs
    )


def test_half_the_time_runs_all_in_a_few_days():
    costs = {f"test_{number}.py": 10.0 + number for number in range(18)}
    days = [DAY + timedelta(number) for number in range(4)]
    seen = {name for day in days for name in choose(costs, sum(costs.values()) / 2, day)}
    assert seen == set(costs)


def test_an_unknown_cost_is_the_median():
    known = {"a": 1.0, "b": 2.0, "c": 60.0}
    assert estimate(["b", "c", "new"], known) == {"b": 2.0, "c": 60.0, "new": 2.0}
    assert estimate(["new"], {}) == {"new": 30.0}


def test_costs_are_those_of_a_quick_machine(tmp_path):
    table = tmp_path / "costs.json"
    write_costs(table, {"a": 30.0, "b": 6.0}, 3.0)
    write_costs(table, {"b": 9.0}, 3.0)
    assert read_costs(table) == {"a": 10.0, "b": 3.0}


class Item:
    """A long test, as far as the budget looks at one."""

    def __init__(self, nodeid):
        self.nodeid = nodeid
        self.config = self
        self.hook = self

    def get_closest_marker(self, name):
        return name == "long"

    def pytest_deselected(self, items):
        assert not items


def test_the_clock_stops_what_takes_longer_than_its_estimate():
    now_s = 0.0
    items = [Item(f"test_{name}.py::test_{number}") for name in "ab" for number in range(3)]
    costs = {"test_a.py": 10.0, "test_b.py": 20.0}
    budget = Budget(100.0, DAY, 3.0, costs, lambda: now_s)
    budget.pytest_collection_modifyitems(items[0], items)
    first, second = items[:3], items[3:]
    assert {item.nodeid[:9] for item in first} != {item.nodeid[:9] for item in second}
    budget.pytest_runtest_setup(first[0])
    now_s = 99.0  # late, but what was begun goes on
    budget.pytest_runtest_setup(first[1])
    for moment_s, item in ((100.1, first[2]), (71.0, second[0])):
        now_s = moment_s
        with pytest.raises(pytest.skip.Exception, match="used up"):
            budget.pytest_runtest_setup(item)


TESTS = """
import time, pytest
@pytest.mark.long
@pytest.mark.parametrize("number", range(2))
def test_long(number):
    time.sleep(0.2)
def test_plain():
    pass
"""


def test_pytest_runs_the_sample_names_the_rest_and_measures_costs(tmp_path):
    costs = {f"test_{name}.py": 1000.0 for name in "abcd"}
    for name in costs:
        (tmp_path / name).write_text(TESTS)
    (tmp_path / "pytest.ini").write_text("[pytest]\nmarkers = long: takes long\n")
    (tmp_path / "costs.json").write_text(json.dumps(costs))
    done = subprocess.run(
        [
            *(sys.executable, "-m", "pytest", "-p", "tests.support.budget", "-rs"),
            *("-p", "no:cacheprovider", "--rootdir", ".", "--costs", "costs.json"),
            *("--budget-s", "6100", "--slowness", "3", "--day", "2026-11-30", "--write-costs"),
        ],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(ROOT), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "8 passed, 4 deselected" in done.stdout
    chosen = set(choose(costs, 2034, DAY))
    left_out = sorted(costs.keys() - chosen)
    assert f"pytest -m long {' '.join(left_out)}\n" in done.stdout
    measured = read_costs(tmp_path / "costs.json")
    assert {name for name, cost in measured.items() if 0.1 <= cost < 1000} == chosen
    assert measured.keys() == costs.keys()
