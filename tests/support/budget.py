"""A budget of time for the tests marked `long`: a sample that fits, another one each day.

`pytest -m long --budget-s 900 --slowness 2.9` runs as many long tests as take 900 seconds by their
known costs, and names the others. All long tests of a file are chosen together, since they share
what is costly. Costs stand in `costs.json`, in seconds on a quick machine and by file;
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
"""the cost of a file where no cost at all is known"""


def estimate(names: Iterable[str], known: Mapping[str, float]) -> dict[str, float]:
    """Return the cost of each file; the median of all known costs stands for an unknown one."""
    median = statistics.median(known.values()) if known else UNKNOWN_S
    return {name: known.get(name, median) for name in names}


def order_for_day(names: Iterable[str], day: date) -> list[str]:
    """Return the files in the order of a day.

    A hash decides the order; each day begins at another place, the golden section further on,
    so that days that follow each other begin far apart. After as many days as there are files,
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
    """Return the files of a day, in its order: each one that the time left still holds."""
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
        self._begun: set[str] = set()
        self._not_run: set[str] = set()

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(
        self, config: pytest.Config, items: list[pytest.Item]
    ) -> None:
        """Leave out what is not chosen; the long tests run last, files in the order of the day."""
        long = [item for item in items if item.get_closest_marker("long")]
        costs = estimate({name_file(item.nodeid) for item in long}, self._known)
        self._costs = {name: cost * self._slowness for name, cost in costs.items()}
        chosen = choose(self._costs, self._until - self._clock(), self._day)
        self._not_run = costs.keys() - set(chosen)
        config.hook.pytest_deselected(
            items=[item for item in long if name_file(item.nodeid) in self._not_run]
        )
        items[:] = [item for item in items if item not in long] + [
            item for name in chosen for item in long if name_file(item.nodeid) == name
        ]

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_setup(self, item: pytest.Item) -> None:
        """Begin no file whose long tests would not end in time, and no test after the time."""
        if not item.get_closest_marker("long"):
            return
        name = name_file(item.nodeid)
        left_s = self._until - self._clock()
        if left_s < (0 if name in self._begun else self._costs[name]):
            self._not_run.add(item.nodeid)
            pytest.skip("the time for long tests is used up")
        self._begun.add(name)

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Fail no run for having no time at all."""
        if session.exitstatus == pytest.ExitCode.NO_TESTS_COLLECTED:
            session.exitstatus = pytest.ExitCode.OK

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Name what was not run, and the command that runs it."""
        if self._not_run:
            terminalreporter.section("no time today for these long tests; they are run by")
            names = " ".join(shlex.quote(name) for name in sorted(self._not_run))
            terminalreporter.line(f"pytest -m long {names}")


class CostWriter:
    """Measures the long tests, and writes the costs of their files."""

    def __init__(self, table: Path, slowness: float) -> None:
        self._table = table
        self._slowness = slowness
        self._long: set[str] = set()
        self._seconds: dict[str, float] = {}

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """See which tests are long."""
        self._long = {i.nodeid for i in session.items if i.get_closest_marker("long")}

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Add up setup, call and teardown of the tests of a file."""
        if report.nodeid in self._long and not report.skipped:
            name = name_file(report.nodeid)
            self._seconds[name] = self._seconds.get(name, 0) + report.duration

    def pytest_sessionfinish(self) -> None:
        """Put the new costs among those of files that did not run now."""
        write_costs(self._table, self._seconds, self._slowness)


def name_file(nodeid: str) -> str:
    """Return the file of a test."""
    return nodeid.partition("::")[0]


def read_costs(table: Path) -> dict[str, float]:
    """Return the known costs of files, in seconds on a quick machine."""
    return json.loads(table.read_text()) if table.exists() else {}


def write_costs(table: Path, seconds: Mapping[str, float], slowness: float) -> None:
    """Write what files took on this machine into a table; the others keep their costs."""
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
