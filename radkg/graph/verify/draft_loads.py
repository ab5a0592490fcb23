"""What can be wrong with drafts, as their ledgers say; no published file is needed."""

from __future__ import annotations

from radkg.graph.engine.client import Graph
from radkg.graph.rows.drafts import build_draft_ledger_key
from radkg.run.snapshot import Snapshot

_LEDGERS = "MATCH (l:DraftLoad) RETURN properties(l) AS ledger ORDER BY l.key"
_LOADS = """
MATCH (d:Draft)
RETURN d.archive AS archive, d.reporter AS reporter, count(d) AS number
ORDER BY archive, reporter
"""


def count_drafts(graph: Graph, compared: Snapshot | None = None) -> int:
    """Return how many drafts stand in the graph, without those of the reporter of a snapshot."""
    known = compared and (compared.archive, str(compared.manifest["reporter"]))
    rows = graph.read(_LOADS)
    return sum(row["number"] for row in rows if (row["archive"], row["reporter"]) != known)


def find_draft_problems(graph: Graph) -> list[str]:
    """Return what loads of drafts have left undone, one line each; no published file is needed."""
    problems = []
    ledgers = [row["ledger"] for row in graph.read(_LEDGERS)]
    for ledger in ledgers:
        if ledger.get("complete") is not True:
            problems.append(f"the load of drafts {ledger.get('key')} did not end: load them again")
    known = {ledger.get("key") for ledger in ledgers}
    for row in graph.read(_LOADS):
        key = build_draft_ledger_key(str(row["archive"]), str(row["reporter"]))
        if key not in known:
            problems.append(
                f"{row['number']} drafts of {key}, which no load knows: load that run with"
                " --drafts, or remove them with radkg load --repair --drafts"
            )
    return problems
