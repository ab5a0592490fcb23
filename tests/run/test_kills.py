"""The protocol is killed at a seeded sample of its steps; tests/benchmarks/kills.py takes all."""

from collections import Counter

import pytest

from radkg.run.audit import AuditLog
from radkg.storage import open_storage
from tests.support.runs.disks import small_disk
from tests.support.runs.fork_server import Nursery
from tests.support.runs.kills import crowd, disturb, histories, points

DAY = 86_400
SIGKILLED = -9


@pytest.fixture(scope="module")
def nursery(tmp_path_factory):
    with Nursery(tmp_path_factory.mktemp("read") / "ids") as found:
        yield found


@pytest.fixture(scope="module")
def runs(nursery, tmp_path_factory):
    return histories(tmp_path_factory.mktemp("kills"), nursery)


@pytest.mark.parametrize("name", ["first night", "second night", "another model"])
def test_killed_at_any_step_the_next_run_publishes_the_same_bytes(nursery, runs, name):
    problems = [
        problem
        for kills in points(runs[name], seed=7, count=14)
        for problem in disturb(nursery, runs[name], kills).problems
    ]
    assert problems == []


def test_a_unit_that_was_killed_twice_gives_the_same_bytes_study_by_study(nursery, runs):
    history = runs["first night"]
    history.prepare()
    for _ in range(2):
        ended = nursery.run(history.config, kill_at="/journal/words-1/.tmp-")
        assert ended.status == SIGKILLED
    assert nursery.run(history.config).status == 0
    assert history.problems() == []
    times = Counter(Counter(history.read.read_text().split()).values())
    # the first unit's; what was in hand beside it, once or twice; all others
    assert times.keys() <= {1, 2, 3}
    assert times.keys() >= {1, 3}


@pytest.mark.parametrize("clock", [-DAY, 400 * DAY])
def test_the_clock_may_go_back_or_forward_between_runs(nursery, runs, clock):
    history = runs["second night"]
    (kills,) = points(history, seed=clock, count=1)
    assert disturb(nursery, history, kills, clock=clock).problems == []
    times = [line["time"] for line in AuditLog(open_storage(history.config.out)).read_lines()]
    assert (times[-1] < times[0]) == (clock < 0)


@pytest.mark.parametrize("name", ["first night", "second night"])
def test_a_disk_that_is_full_at_any_step_loses_nothing(nursery, runs, tmp_path, name):
    with small_disk(tmp_path / "small") as disk:
        outcome = crowd(nursery, runs[name], disk, step_kilobytes=12)
    assert outcome.problems == []
    assert outcome.kills > 5
