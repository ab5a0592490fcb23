"""Whether the numbers of nodes and relationships are the sum of what was loaded.

A load that did not end says no numbers yet: what stands of it is counted by its studies, so that
the rest of the graph still adds up.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from radkg.graph.engine.client import Graph
from radkg.graph.rows.aggregates import CO_OCCURS, COUNTS
from radkg.graph.rows.nested import RELATION_TYPES, GraphRow
from radkg.graph.verify.contents import Contents

_NAMES = ("studies", "mentions", "relations", "findings", "sums")

_OF_STUDIES = """
MATCH (s:Study)-[:HAS_EXTRACTION]->(x:Extraction)
WHERE s.archive + '|' + x.extractor = $key
"""
_STANDING = {
    "studies": f"{_OF_STUDIES} RETURN count(x) AS number",
    "mentions": f"""
    {_OF_STUDIES}
    MATCH (x)-[:HAS_MENTION]->(m)
    RETURN count(m) AS number
    """,
    "relations": f"""
    {_OF_STUDIES}
    MATCH (x)-[:HAS_MENTION]->(m)
    MATCH (m)-[r:{"|".join(RELATION_TYPES)}]->(:Mention)
    RETURN count(r) AS number
    """,
    "findings": """
    MATCH (s:Study)-[f:HAS_FINDING]->(:Concept)
    WHERE s.archive + '|' + f.extractor = $key
    RETURN count(f) AS number
    """,
    "sums": f"""
    MATCH (h)-[r:{COUNTS}|{CO_OCCURS}]->(:Concept)
    WHERE h.key = $key OR r.archive + '|' + r.extractor = $key
    RETURN count(r) AS number
    """,
}
CLAIMED = "MATCH (d:Draft) RETURN count(d) AS drafts, coalesce(sum(d.num_claims), 0) AS claims"


def find_wrong_totals(graph: Graph, loads: Sequence[GraphRow], contents: Contents) -> list[str]:
    """Return which numbers are not the sum of what was loaded, one line each.

    Args:
        graph: an open graph.
        loads: properties of the Loads.
        contents: what stands there.
    """
    loaded: Counter[str] = Counter()
    for load in loads:
        for name in _NAMES:
            if load.get("complete") is True:
                loaded[name] += load.get(f"num_{name}", 0)
            else:
                loaded[name] += graph.read(_STANDING[name], key=load["key"])[0]["number"]
    (claimed,) = graph.read(CLAIMED)
    found = Counter(contents.nodes + contents.links)
    found["relations"] = sum(found.pop(name, 0) for name in RELATION_TYPES)
    found["sums"] = sum(found.pop(name, 0) for name in (COUNTS, CO_OCCURS))
    expected = {
        "Extraction": loaded["studies"],
        "Mention": loaded["mentions"],
        "HAS_STUDY": found["Study"],
        "HAS_EXTRACTION": loaded["studies"],
        "HAS_MENTION": loaded["mentions"],
        "OF": loaded["mentions"],
        "HAS_FINDING": loaded["findings"],
        "relations": loaded["relations"],
        "sums": loaded["sums"],
        "HAS_DRAFT": claimed["drafts"],
        "Claim": claimed["claims"],
        "CLAIMS": claimed["claims"],
    }
    return [
        f"{found[name]} {name} in the graph, {number} expected"
        for name, number in sorted(expected.items())
        if found[name] != number
    ]
