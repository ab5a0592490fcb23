"""What can be wrong with a graph as a whole: nodes that nothing owns, totals that differ."""

from __future__ import annotations

from radkg.graph.engine.client import Graph
from radkg.graph.load.knowledge import LABELS
from radkg.graph.load.ledger import read_ledger
from radkg.graph.load.statements import NUM_NODES, NUM_RELATIONSHIPS
from radkg.graph.load.sum_statements import TYPES
from radkg.graph.rows.nested import RELATION_TYPES, GraphRow, build_concept
from radkg.graph.verify.draft_loads import find_draft_problems
from radkg.graph.verify.knowledge import find_knowledge_problems

_UNOWNED = {
    "patients without a study": "MATCH (n:Patient) WHERE NOT (n)-[:HAS_STUDY]->()",
    "studies without an extraction": "MATCH (n:Study) WHERE NOT (n)-[:HAS_EXTRACTION]->()",
    "concepts without a mention": "MATCH (n:Concept) WHERE NOT (n)<-[:OF]-()",
    "drafts without a study": "MATCH (n:Draft) WHERE NOT (n)<-[:HAS_DRAFT]-()",
}

_COUNTED = {  # an engine knows how many nodes have a label
    name: f"MATCH (n:{name}) RETURN count(*) AS number"
    for name in (
        *("Patient", "Study", "Extraction", "Mention", "Concept", "Load", "Lock", "SchemaVersion"),
        *("Knowledge", "KnowledgeLoad", "Draft", "Claim", "DraftLoad"),
    )
}
_CLAIMED = "MATCH (d:Draft) RETURN count(d) AS drafts, coalesce(sum(d.num_claims), 0) AS claims"
_NAMES = "CALL db.labels() YIELD label RETURN collect(label) AS names"
_LOADED = """
MATCH (l:Load)
RETURN coalesce(sum(l.num_studies), 0) AS studies, coalesce(sum(l.num_mentions), 0) AS mentions
"""


def find_ledger_problems(graph: Graph, ledger: GraphRow) -> list[str]:
    """Return in what the ledger of a load is not as it should be: at most one line.

    Args:
        graph: an open graph.
        ledger: the properties that the Load node of the verified snapshot must have.
    """
    found = read_ledger(graph, ledger["key"])
    if not found:
        return [f"nothing of {ledger['key']} was loaded: load it first"]
    wrong = [name for name, value in ledger.items() if found.get(name) != value]
    if not wrong:
        return []
    return [
        f"the last load of {ledger['key']} was of another snapshot or did not end"
        f" ({', '.join(wrong)}): load again"
    ]


def find_graph_problems(graph: Graph, *, quick: bool = False) -> list[str]:
    """Return what is wrong with the graph, one line each.

    Args:
        graph: an open graph.
        quick: count the relationships of each type only where all of them together are not as many
            as they should be: the embedded engine walks them.
    """
    problems = []
    loads = _read_properties(graph, "Load")
    renamed = sum(c != build_concept(str(c.get("key"))) for c in _read_properties(graph, "Concept"))
    if renamed:
        problems.append(f"{renamed} concepts whose key is not their kind and name")
    for what, match in _UNOWNED.items():
        (count,) = graph.read(f"{match} RETURN count(n) AS number")
        if count["number"]:
            problems.append(f"{count['number']} {what}")
    complete = all(load.get("complete") is True for load in loads)
    if complete and not (quick and _is_consistent(graph)):
        problems += _find_wrong_totals(graph, loads)
    return problems + find_knowledge_problems(graph) + find_draft_problems(graph)


def _read_properties(graph: Graph, label: str) -> list[GraphRow]:
    return [row["node"] for row in graph.read(f"MATCH (n:{label}) RETURN properties(n) AS node")]


def _is_consistent(graph: Graph) -> bool:
    """Tell whether nodes have the labels, and relationships the number, that loads wrote down."""
    (names,) = graph.read(_NAMES)
    if not set(names["names"]) <= _COUNTED.keys():
        return False
    nodes, loaded = graph.read(NUM_NODES)[0]["number"], graph.read(_LOADED)[0]
    found = {name: graph.read(count)[0]["number"] for name, count in _COUNTED.items()}
    (links,) = graph.read("MATCH ()-->() RETURN count(*) AS number")
    (known,) = graph.read("MATCH (:Knowledge)-[r:KNOWN]->() RETURN count(r) AS number")
    own = sum(graph.read(statement)[0]["number"] for statement in NUM_RELATIONSHIPS)
    (claimed,) = graph.read(_CLAIMED)
    return bool(
        nodes == sum(found.values())
        and found["Extraction"] == loaded["studies"]
        and found["Mention"] == loaded["mentions"]
        and found["Claim"] == claimed["claims"]
        and links["number"] == own + known["number"] + claimed["drafts"] + claimed["claims"]
    )


def _find_wrong_totals(graph: Graph, loads: list[GraphRow]) -> list[str]:
    """Return which numbers of nodes and relationships are not the sum of what was loaded."""
    found = {
        row["name"]: row["number"]
        for statement in (
            "MATCH (n) RETURN reduce(s = '', l IN labels(n) | s + l) AS name, count(*) AS number",
            "MATCH ()-[r]->() RETURN type(r) AS name, count(*) AS number",
        )
        for row in graph.read(statement)
        if row["name"] not in LABELS
    }
    found["relations"] = sum(found.pop(name, 0) for name in RELATION_TYPES)
    found["sums"] = sum(found.pop(name, 0) for name in TYPES)
    (claimed,) = graph.read(_CLAIMED)
    studies, mentions, relations, findings, sums = (
        sum(load.get(f"num_{name}", 0) for load in loads)
        for name in ("studies", "mentions", "relations", "findings", "sums")
    )
    expected = {
        # Nodes that loads share; those that nothing owns are found above.
        **{
            name: found.get(name, 0)
            for name in (
                *("Patient", "Study", "Concept", "Lock", "SchemaVersion"),
                *("Draft", "DraftLoad"),
            )
        },
        "Extraction": studies,
        "Mention": mentions,
        "Load": len(loads),
        "HAS_STUDY": found.get("Study", 0),
        "HAS_EXTRACTION": studies,
        "HAS_MENTION": mentions,
        "OF": mentions,
        "HAS_FINDING": findings,
        "relations": relations,
        "sums": sums,
        "HAS_DRAFT": claimed["drafts"],
        "Claim": claimed["claims"],
        "CLAIMS": claimed["claims"],
    }
    return [
        f"{found.get(name, 0)} {name} in the graph, {expected.get(name, 0)} expected"
        for name in sorted(found.keys() | expected.keys())
        if found.get(name, 0) != expected.get(name, 0)
    ]
