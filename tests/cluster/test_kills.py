"""Real kills of a real Ray, one of each kind; tests/benchmarks/kills.py --real does many."""

import pytest

from tests.support.ray.hosts import hosts
from tests.support.ray.nodes import Nodes
from tests.support.ray.real_kills import (
    WORKERS,
    cut_off,
    disturb_really,
    graph_digest,
    ray_environment,
    undisturbed,
)

pytestmark = [pytest.mark.ray, pytest.mark.long]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("kills")


@pytest.fixture(scope="module")
def quiet(folder):
    return undisturbed(folder)


@pytest.fixture(scope="module")
def die(folder, quiet):
    with ray_environment(folder, quiet[0]) as found:
        yield found


@pytest.fixture(scope="module")
def nodes(die):
    with Nodes(WORKERS - 1) as found:
        yield found


@pytest.mark.parametrize("kind", ["worker", "node"])
def test_a_killed_process_changes_neither_bytes_nor_graph(nodes, quiet, die, tmp_path, kind):
    history, units, expected = quiet
    outcome = disturb_really(nodes, history, die, kind, [2, units // 2])
    assert outcome.problems == []
    assert graph_digest(history, tmp_path / "graph") == expected


def test_a_host_that_is_cut_off_for_a_while_or_killed_changes_nothing(quiet, die):
    history, _, _ = quiet
    with hosts() as found:
        for kind in ("blip", "killed"):
            assert cut_off(found, history, kind, 2).problems == []
