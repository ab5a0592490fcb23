"""From --runner and --workers to a runner."""

import os

import pytest

from radkg.cli.options import parse_bounds
from radkg.cli.runners import make_runner
from radkg.errors import ConfigError
from radkg.run.local import LocalRunner


@pytest.mark.parametrize(
    ("text", "bounds"), [("0", (0, 0)), ("3", (3, 3)), ("1-8", (1, 8)), ("4-4", (4, 4))]
)
def test_a_number_or_two_of_workers(text, bounds):
    assert parse_bounds(text) == bounds


@pytest.mark.parametrize("text", ["", "-1", "8-1", "1-", "-", "two", "1-2-3", "1.5", "²"])
def test_what_is_no_number_of_workers(text):
    with pytest.raises(ConfigError, match="give a number, or MIN-MAX"):
        parse_bounds(text)


def test_this_machine_takes_the_greatest_number():
    for workers, processes in (("0", 0), ("2-5", 5), (None, os.cpu_count())):
        runner = make_runner("local", workers)
        assert isinstance(runner, LocalRunner)
        assert runner.workers == processes


def test_ray_needs_a_worker():
    with pytest.raises(ConfigError, match="at least 1 on Ray, not 0-4"):
        make_runner("ray", "0-4")
