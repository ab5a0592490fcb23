"""No change of a draft by hand stays unnoticed, and `repair` undoes every one."""

import pytest

from radkg.graph import Graph
from radkg.graph.engine.values import run_statement
from radkg.graph.verify.drafts import verify_drafts
from radkg.graph.verify.full import verify
from radkg.graph.verify.quick import verify_quick
from radkg.run.snapshot import Snapshot
from tests.support.graph.drafted import assert_exact, bring, drafts, loaded, studies
from tests.support.graph.loading import load_small

__all__ = ["drafts", "loaded", "studies"]

DRAFT = "MATCH (s:Study {study_id: 's0000002'})-[h:HAS_DRAFT]->(d:Draft) "
CLAIM = DRAFT + "MATCH (d)-[r:CLAIMS]->(c:Claim {ordinal: 0}) "
# A change by hand, and what is said of it; of those in UNSEEN only where drafts are compared.
CHANGES = {
    "text": (DRAFT + "SET d.text = 'x'", "s0000002: draft (text)"),
    "status": (DRAFT + "SET d.status = 'verified'", "s0000002: draft (status)"),
    "property": (DRAFT + "SET d.seen = true", "s0000002: draft (seen)"),
    "number type": (DRAFT + "SET d.dropped = 0.0", "s0000002: a value of another type"),
    "link": (DRAFT + "SET h.since = 1", "s0000002: of another study"),
    "claim": (CLAIM + "SET c.polarity = 'maybe'", "s0000002: claims (1 of"),
    "claim link": (CLAIM + "SET r.x = 1", "s0000002: claims (1 of"),
    "moved": (
        DRAFT + "MATCH (o:Study {study_id: 's0000003'}) DELETE h CREATE (o)-[:HAS_DRAFT]->(d)",
        "s0000002: of another study",
    ),
    "snapshot": ("MATCH (l:DraftLoad) SET l.snapshot_id = 'x'", "of another snapshot"),
    "gone": (DRAFT + "MATCH (d)-[:CLAIMS]->(c) DETACH DELETE c, d", "s0000002: missing"),
    "claim gone": (CLAIM + "DETACH DELETE c", "s0000002: claims (1 of"),
    "claim twice": (
        CLAIM + "CREATE (d)-[:CLAIMS]->(e:Claim) SET e = properties(c)",
        "s0000002: cl",
    ),
    "stray claim": ("CREATE (:Claim {finding: 'x'})", "Claim in the graph,"),
    "stray draft": ("CREATE (:Draft {key: 'x', num_claims: 0})", "1 drafts without a study"),
    "draft of nobody": (
        DRAFT + "CREATE (s)-[:HAS_DRAFT]->(:Draft {key: 'x', num_claims: 0})",
        "1 drafts of None|None, which no load knows",
    ),
    "ledger gone": ("MATCH (l:DraftLoad) DELETE l", "of invented|plan, which no load knows"),
    "orphan": (DRAFT + "DELETE h", "1 drafts without a study"),
}
UNSEEN = {
    *("text", "status", "property", "number type", "link", "claim", "claim link", "moved"),
    *("snapshot", "gone"),
}


@pytest.mark.parametrize("graph", ["embedded"], indirect=True)
def test_a_change_by_hand_is_noticed_and_repaired(
    loaded: Graph, studies: Snapshot, drafts: Snapshot
) -> None:
    bring(loaded, drafts, studies)
    for change, (statement, said) in CHANGES.items():
        loaded.write(lambda t, statement=statement: run_statement(t, statement))
        without = verify(loaded, studies)
        assert without.ok == verify_quick(loaded, studies).ok == (change in UNSEEN), change
        assert said in f"{without}\n{verify_drafts(loaded, drafts, studies)}"
        load_small(loaded, studies, repair=True)
        bring(loaded, drafts, studies, repair=True)
        assert_exact(loaded, drafts, studies)
