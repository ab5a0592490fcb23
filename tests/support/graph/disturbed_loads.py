"""Loads through a fault proxy: a first one, the replacement of a share, a removal; and what stands.

What must stand is what an undisturbed load leaves: every node and relationship is compared, so that
one too many is a duplicate and one too few is lost.
"""

from __future__ import annotations

import dataclasses
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from radkg.errors import GraphError
from radkg.graph import Graph
from radkg.graph.verify.full import verify
from radkg.run.snapshot import Snapshot, publish
from radkg.schema.arrow import to_table
from radkg.storage import open_storage
from tests.support.graph.contents import read_everything
from tests.support.graph.fault_proxy import FaultProxy
from tests.support.graph.loading import load_small
from tests.support.graph.servers import clear_graph
from tests.support.runs.extractions import invent
from tests.support.runs.rows import row

TRIES = 5  # of the same command, where a load gave up


@dataclass(frozen=True)
class Night:
    """What is loaded, and what an undisturbed load of it does."""

    snapshot: Snapshot
    contents: Counter[str]
    """what stands then: nodes and relationships as texts"""
    batches: int


@dataclass
class Tally:
    """What came of loads."""

    loads: int = 0
    given_up: int = 0
    """loads that ended with an error, after which the same command was run again"""
    duplicates: int = 0
    """nodes and relationships"""
    lost: int = 0
    problems: list[str] = field(default_factory=list)

    def compare(self, graph: Graph, night: Night) -> None:
        """Compare what stands in the graph with what must stand there after a night."""
        found = Counter(read_everything(graph))
        self.duplicates += (found - night.contents).total()
        self.lost += (night.contents - found).total()
        report = verify(graph, night.snapshot)
        if not report.ok:
            self.problems.append(str(report))


def publish_nights(place: Path, studies: int) -> list[Snapshot]:
    """Publish three nights: the first; one in which a third was read anew; one that lacks a third.

    In the second also one study comes and a few go; the third has nothing new.
    """
    storage = open_storage(str(place))
    old = invent(studies, entities=6, relations=4, vocabulary=20)
    new = invent(studies, entities=6, relations=4, vocabulary=20, seed=1)
    third = studies // 3
    changed = [dataclasses.replace(e, subject_id="somebody else") for e in new[3:third]]
    second = [*changed, *old[third:], row("z", archive="invented")]
    return [publish(storage, to_table(rows)) for rows in (old, second, second[third:])]


def load_undisturbed(graph: Graph, snapshots: list[Snapshot]) -> list[Night]:
    """Empty a graph, load one snapshot after another, and return what each leaves."""
    clear_graph(graph)
    found = []
    for snapshot in snapshots:
        calls: list[int] = []
        load_small(graph, snapshot, lambda done, total, calls=calls: calls.append(done))
        found.append(Night(snapshot, Counter(read_everything(graph)), len(calls)))
    return found


def load_disturbed(
    graph: Graph, proxy: FaultProxy, address: str, login: tuple[str, str], nights: list[Night]
) -> Tally:
    """Empty a graph and load every night into it through a proxy.

    Args:
        graph: the graph, by a way of its own that nothing disturbs.
        proxy: of the graph's server; what waits there is done to the loads.
        address: of the proxy: bolt:// or neo4j://.
        login: user and password.
        nights: in the order of their undisturbed loads.
    """
    clear_graph(graph)
    tally = Tally()
    for night in nights:
        tally.loads += 1
        for _ in range(TRIES):
            try:
                with Graph(address, *login) as far:
                    load_small(far, night.snapshot)
                break
            except GraphError as error:
                tally.given_up += 1
                reason = f"{error} ({error.__cause__!r})"
        else:
            tally.problems.append(f"gave up {TRIES} times: {reason}")
        proxy.wait_until_back()  # an outage is done to a load that runs, not to one that begins
        tally.compare(graph, night)
    return tally
