"""What the log of a job says while the job works: a line at least every so often."""

import io
import re
import threading
import time

import pytest
from rich.console import Console

from radkg.cli import progress
from radkg.cli.progress import make_console_progress, show_training


@pytest.fixture
def log(monkeypatch):
    monkeypatch.setattr(progress, "QUIET_S", 0.05)
    return Console(file=io.StringIO(), force_terminal=False)


def text(log):
    return log.file.getvalue()


def wait_for(log, pattern):
    deadline = time.monotonic() + 20
    while not re.search(pattern, text(log)):
        assert time.monotonic() < deadline, text(log)
        time.sleep(0.01)


def test_a_stage_without_news_says_that_it_lasts(log):
    with make_console_progress(log)("load the graph"):
        wait_for(log, r"(load the graph: \d+ s\n){3}")
    assert re.search(r"load the graph: \d\.\d s\n$", text(log))


def test_a_stage_says_done_rate_left_and_failed(log):
    with make_console_progress(log)("extract triplets") as advance:
        advance(0, 4_000)
        wait_for(log, "extract triplets: 0 s, 0 of 4,000 done\n")
        advance(100, 4_000, 2)
        time.sleep(0.1)
        advance(1_100, 4_000, 3)
        wait_for(log, r"1,100 of 4,000 done, [\d,.e+]+ a second, about \d+ s left, 3 failed\n")
    assert re.search(r"extract triplets: \d+\.\d s, 1,100 done, 3 failed\n$", text(log))


def test_a_training_run_says_where_it_is(log):
    line = {"step": 5, "steps": 10, "loss": 2.5, "mfu": None, "tokens_per_s": 1e4, "eta_s": 7.0}
    with show_training(log) as follow:
        follow("vision", None)
        assert "vision: reading the archive, starting workers\n" in text(log)
        follow("vision", line)
        wait_for(log, r"vision: step 5 of 10, loss 2\.5000, 10,000 tokens/s, 7 s left\n")


def test_nothing_goes_on_after_a_stage(log):
    with make_console_progress(log)("verify"):
        pass
    assert "progress" not in {thread.name for thread in threading.enumerate()}
