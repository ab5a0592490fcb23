"""Loads through a network that fails: what they leave is what an undisturbed load leaves.

A seeded sample; tests/benchmarks/graph_faults.py delivers hundreds.
"""

import random
from pathlib import Path

import pytest

from radkg.errors import GraphUnavailable
from radkg.graph import Graph
from radkg.graph.engine.retries import RetryLimits
from radkg.graph.engine.values import run_statement
from tests.support.graph.bolt_faults import AFTER, BEFORE, LEADER_CHANGE, Fault, draw
from tests.support.graph.disturbed_loads import (
    Night,
    Tally,
    load_disturbed,
    load_undisturbed,
    publish_nights,
)
from tests.support.graph.fault_proxy import FaultProxy
from tests.support.graph.killed_loads import KilledLoads, embedded_place
from tests.support.graph.loading import load_small

ROUNDS = 4  # after which faults that still wait will never be due


@pytest.fixture
def nights(graph: Graph, tmp_path: Path) -> list[Night]:
    """Three nights, with what each leaves in this graph."""
    return load_undisturbed(graph, publish_nights(tmp_path, 12))


def deliver(
    graph: Graph,
    login: tuple[str, str],
    nights: list[Night],
    faults: list[Fault],
    routed: bool = False,
) -> int:
    """Load until every fault was done; return how many commits were of unknown outcome."""
    with FaultProxy(graph.address) as proxy:
        proxy.disturb(faults)
        for _ in range(ROUNDS):
            address = proxy.routed if routed else proxy.address
            assert load_disturbed(graph, proxy, address, login, nights) == Tally(loads=3)
            if not proxy.waiting:
                break
        assert [each.fault for each in proxy.delivered] == faults
        return sum(each.unknown for each in proxy.delivered)


def test_a_sample_of_all_faults(graph: Graph, login: tuple[str, str], nights: list[Night]) -> None:
    faults = draw(random.Random(f"4 {graph.engine}"), 5, [*BEFORE, *AFTER], mean=4)
    deliver(graph, login, nights, faults)


def test_commits_whose_answer_is_lost(
    graph: Graph, login: tuple[str, str], nights: list[Night]
) -> None:
    kinds = ("unanswered", "torn answer", "late")
    faults = [Fault(kind, "COMMIT", after) for after, kind in enumerate(kinds)]
    assert deliver(graph, login, nights, faults) == 3


def test_another_leader(graph: Graph, login: tuple[str, str], nights: list[Night]) -> None:
    faults = [Fault(LEADER_CHANGE, request, 2) for request in ("BEGIN", "RUN")]
    deliver(graph, login, nights, faults, routed=True)


def test_what_is_doubled_or_lost_is_found(graph: Graph, nights: list[Night]) -> None:
    load_small(graph, nights[0].snapshot)
    for change, duplicates, lost in (
        ("MATCH (m:Mention) WITH m LIMIT 1 CREATE (n:Mention) SET n = properties(m)", 1, 0),
        ("MATCH ()-[r:OF]->() WITH r LIMIT 2 DELETE r", 1, 2),
    ):
        graph.write(lambda t, change=change: run_statement(t, change))
        tally = Tally()
        tally.compare(graph, nights[0])
        assert (tally.duplicates, tally.lost) == (duplicates, lost)
        assert tally.problems


def test_an_outage_that_lasts_longer_than_the_driver_tries(
    graph: Graph, login: tuple[str, str]
) -> None:
    retry_limits = RetryLimits(driver_s=0.1)
    with FaultProxy(graph.address) as proxy, Graph(proxy.address, *login, retry_limits) as far:
        proxy.disturb([Fault("outage", "BEGIN", 0, 2.0)])
        far.write(lambda t: run_statement(t, "CREATE (:Study {key: 'k'})"))
        assert len(proxy.delivered) == 1
    assert graph.read("MATCH (s:Study) RETURN count(s) AS n") == [{"n": 1}]


@pytest.mark.parametrize("kind", ["cut", "unanswered", "not a leader"])
def test_schema_statements_are_repeated(graph: Graph, login: tuple[str, str], kind: str) -> None:
    with FaultProxy(graph.address) as proxy, Graph(proxy.address, *login) as far:
        proxy.disturb([Fault(kind, "RUN", 0)] * 2)
        far.run_schema("CREATE INDEX IF NOT EXISTS FOR (n:Concept) ON (n.name)")
        assert len(proxy.delivered) == 2


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        ("not a leader", "not its cluster's leader and .*: use a neo4j://"),
        ("deadlock", "cannot do this"),
    ],
)
def test_a_server_that_goes_on_refusing_is_named(
    graph: Graph, login: tuple[str, str], kind: str, said: str
) -> None:
    retry_limits = RetryLimits(outage_s=0.2, attempts=2, driver_s=0.1)
    with FaultProxy(graph.address) as proxy, Graph(proxy.address, *login, retry_limits) as far:
        proxy.disturb([Fault(kind, "BEGIN", 0)] * 100)
        with pytest.raises(GraphUnavailable, match=said):
            far.write(lambda t: run_statement(t, "CREATE (:Study {key: 'k'})"))
    assert graph.read("MATCH (s:Study) RETURN count(s) AS n") == [{"n": 0}]


@pytest.mark.long
def test_a_load_that_is_killed_together_with_its_server(
    tmp_path: Path, embedded_graph: Graph
) -> None:
    published = tmp_path / "published"
    nights = load_undisturbed(embedded_graph, publish_nights(published, 30))
    with embedded_place(tmp_path) as place:
        loads = KilledLoads(place, published, nights[:1])
        assert loads.round("both", random.Random(0)) == Tally(loads=1)
        assert loads.killed == 1
