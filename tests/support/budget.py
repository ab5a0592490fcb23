"""A budget of time for the tests marked `long`: a sample that fits, another one each day.

`pytest -m long --budget-s 900 --slowness 2.9` runs as many long tests as take 900 seconds by their
known costs, and names the others. Costs stand in `costs.json`, in seconds on a quick machine;
`pytest -m long --write-costs --slowness 2.9` measures them anew. Without `--budget-s` nothing
changes.
"""

import hashlib
import json
import math
import shlex
import statistics
import time
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

COSTS = Path(__file__).with_name("costs.json")
UNKNOWN_S = 30.0
"""the cost of a test where no cost at all is known"""


def estimate(names: Iterable[str], known: Mapping[str, float]) -> dict[str, float]:
    """Return the cost of each test; the median of all known costs stands for an unknown one."""
    median = statistics.median(known.values()) if known else UNKNOWN_S
    return {name: known.get(name, median) for name in names}


def order_for_day(names: Iterable[str], day: date) -> list[str]:
    """Return the tests in the order of a day.

    A hash decides the order; each day begins at another place, the golden section further on,
    so that days that follow each other begin far apart. After as many days as there are tests,
    each of them has been the first.
    """
    ordered = sorted(names, key=lambda name: hashlib.sha256(name.encode()).digest())
    if not ordered:
        return []
    step = round(len(ordered) * (math.sqrt(5) - 1) / 2) or 1
    while math.gcd(step, len(ordered)) > 1:
        step += 1
    first = day.toordinal() * step % len(ordered)
    return ordered[first:] + ordered[:first]


def choose(costs: Mapping[str, float], budget_s: float, day: date) -> list[str]:
    """Return the tests of a day, in its order: each one that the time left still holds."""
    chosen = []
    for name in order_for_day(costs, day):
        if costs[name] <= budget_s:
            chosen.append(name)
            budget_s -= costs[name]
    return chosen


class Budget:
    """Leaves out the long tests that a day has no time for."""

    def __init__(
        self,
        budget_s: float,
        day: date,
        slowness: float,
        known: Mapping[str, float],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._known = known
        self._clock = clock
        self._day = day
        self._slowness = slowness
        self._until = clock() + budget_s
        self._costs: dict[str, float] = {}
        self._not_run: list[str] = []

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(
        self, config: pytest.Config, items: list[pytest.Item]
    ) -> None:
        """Leave out what is not chosen; the modules run in the order of the day."""
        long = [item.nodeid for item in items if item.get_closest_marker("long")]
        costs = estimate(long, self._known)
        self._costs = {name: cost * self._slowness for name, cost in costs.items()}
        chosen = choose(self._costs, self._until - self._clock(), self._day)
        self._not_run = sorted(set(long) - set(chosen))
        left_out = set(self._not_run)
        config.hook.pytest_deselected(items=[i for i in items if i.nodeid in left_out])
        modules = {}
        for name in chosen:
            modules.setdefault(name.split("::")[0], len(modules))
        items[:] = sorted(
            (item for item in items if item.nodeid not in left_out),
            key=lambda item: (
                modules.get(item.nodeid.split("::")[0], -1) if item.nodeid in self._costs else -1
            ),
        )

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_setup(self, item: pytest.Item) -> None:
        """Start no long test that would not end in time."""
        cost = self._costs.get(item.nodeid)
        if cost is not None and self._clock() + cost > self._until:
            self._not_run.append(item.nodeid)
            pytest.skip("the time for long tests is used up")

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Fail no run for having no time at all."""
        if session.exitstatus == pytest.ExitCode.NO_TESTS_COLLECTED and self._not_run:
            session.exitstatus = pytest.ExitCode.OK

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Name what was not run, and the command that runs it."""
        if not self._not_run:
            return
        count = len(self._costs)
        terminalreporter.section(f"long tests not run: {len(self._not_run)} of {count}")
        names = " ".join(shlex.quote(name) for name in self._not_run)
        terminalreporter.line(f"pytest -m long {names}")


class CostWriter:
    """Measures the long tests, and writes their costs."""

    def __init__(self, table: Path, slowness: float) -> None:
        self._table = table
        self._slowness = slowness
        self._long: set[str] = set()
        self._seconds: dict[str, float] = {}

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """See which tests are long."""
        self._long = {i.nodeid for i in session.items if i.get_closest_marker("long")}

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Add up a test's setup, call and teardown."""
        if report.nodeid in self._long and not report.skipped:
            self._seconds[report.nodeid] = self._seconds.get(report.nodeid, 0) + report.duration

    def pytest_sessionfinish(self) -> None:
        """Put the new costs among those of tests that did not run now."""
        write_costs(self._table, self._seconds, self._slowness)


def read_costs(table: Path) -> dict[str, float]:
    """Return the known costs of tests, in seconds on a quick machine."""
    return json.loads(table.read_text()) if table.exists() else {}


def write_costs(table: Path, seconds: Mapping[str, float], slowness: float) -> None:
    """Write what tests took on this machine into a table; the others keep their costs."""
    costs = read_costs(table)
    costs |= {name: round(took / slowness, 1) for name, took in seconds.items()}
    table.write_text(json.dumps(costs, indent=1, sort_keys=True) + "\n")


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options of this module."""
    group = parser.getgroup("budget", "a budget of time for the tests marked long")
    group.addoption("--budget-s", type=float, help="seconds for the long tests; default: no limit")
    group.addoption(
        "--day",
        type=date.fromisoformat,
        default=datetime.now(UTC).date(),
        help="the day that chooses among the long tests, as 2026-11-30; default: today in UTC",
    )
    group.addoption(
        "--slowness",
        type=float,
        default=1.0,
        help="how many times slower this machine is than a quick one, as .ci/measure.py says",
    )
    group.addoption(
        "--costs",
        type=Path,
        default=COSTS,
        help="the table of costs; default: tests/support/costs.json",
    )
    group.addoption(
        "--write-costs", action="store_true", help="write what the long tests took to the table"
    )


def pytest_configure(config: pytest.Config) -> None:
    """Register what the options ask for."""
    slowness, table = config.getoption("--slowness"), config.getoption("--costs")
    if (budget_s := config.getoption("--budget-s")) is not None:
        day = config.getoption("--day")
        config.pluginmanager.register(Budget(budget_s, day, slowness, read_costs(table)))
    if config.getoption("--write-costs"):
        config.pluginmanager.register(CostWriter(table, slowness))
