"""What can be wrong with a graph as a whole: nodes that nothing owns, totals that differ.

Every line says one thing and what to do; nothing is hidden because something else could not be
checked. What belongs to another application altogether (rows/model.py) is named and is no fault.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from radkg.errors import GraphError
from radkg.graph.engine.client import Graph
from radkg.graph.load.bookkeeping import Books, read_books
from radkg.graph.load.ledger import read_ledger
from radkg.graph.load.statements import NUM_NODES, NUM_RELATIONSHIPS
from radkg.graph.migrations.steps import (
    list_missing_constraints,
    list_missing_indexes,
    list_other_constraints,
)
from radkg.graph.rows.model import ENDS, HELD, LABELS, OWNED
from radkg.graph.rows.nested import GraphRow, build_concept
from radkg.graph.verify.contents import Contents, read_contents
from radkg.graph.verify.draft_loads import find_draft_problems
from radkg.graph.verify.knowledge import find_knowledge_problems
from radkg.graph.verify.totals import CLAIMED, find_wrong_totals

_NOT_OWNED = {
    "Patient": "patients without a study",
    "Study": "studies without an extraction",
    "Concept": "concepts without a mention",
    "Draft": "drafts without a study",
}
_UNOWNED = """
MATCH (n:{label})
WHERE NOT {owned}
RETURN count(n) AS number, coalesce(sum(CASE WHEN {held} THEN 1 ELSE 0 END), 0) AS held
"""
_CONCEPTS = "MATCH (n:Concept) RETURN properties(n) AS node"
_COUNTED = {  # an engine knows how many nodes have a label
    name: f"MATCH (n:{name}) RETURN count(*) AS number" for name in LABELS
}
_NAMES = "CALL db.labels() YIELD label RETURN collect(label) AS names"
_STANDING = """
MATCH (s:Study)-[:HAS_EXTRACTION]->(x:Extraction)
WITH coalesce(toString(s.archive), '') + '|' + coalesce(toString(x.extractor), '') AS key
RETURN key, count(*) AS number ORDER BY key
"""
# A load that is under way changes one of these with every transaction.
_UNDER_WAY = (
    "MATCH (k:Lock) RETURN coalesce(sum(k.transactions), 0) AS number",
    "MATCH (l:KnowledgeLoad) RETURN coalesce(sum(l.transactions), 0) AS number",
    "MATCH (l:Load) RETURN properties(l) AS ledger ORDER BY l.key",
)


@dataclass(frozen=True)
class GraphProblems:
    """What is wrong with a graph as a whole, one line each."""

    problems: list[str] = field(default_factory=list)
    """what `radkg load --repair` mends"""
    by_hand: list[str] = field(default_factory=list)
    """what a person has to do something about, and what"""
    not_checked: list[str] = field(default_factory=list)
    """what was not compared, and why"""
    foreign: list[str] = field(default_factory=list)
    """what is another application's, and was left alone"""
    others: list[str] = field(default_factory=list)
    """keys of the loads of other runs"""


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


def find_graph_problems(graph: Graph, own: str, *, quick: bool = False) -> GraphProblems:
    """Return what is wrong with the graph as a whole, of whatever loads.

    Args:
        graph: an open graph.
        own: key of the Load that is verified: what it holds, others compare study by study.
        quick: count the relationships of each type only where all of them together are not as many
            as they should be: the embedded engine walks them.
    """
    before = [graph.read(statement) for statement in _UNDER_WAY]
    found = _look(graph, own, quick)
    if before == [graph.read(statement) for statement in _UNDER_WAY]:
        return found
    late = "a load wrote while this verification read: verify again when it has ended; until then"
    unsure = [*found.problems, *found.by_hand]
    said = f"{late} {len(unsure)} problems of the whole graph are not sure" if unsure else ""
    said = said or f"{late} the graph as a whole is not known to be right"
    return GraphProblems([], [], [*found.not_checked, said], found.foreign, found.others)


def _look(graph: Graph, own: str, quick: bool) -> GraphProblems:
    books = read_books(graph)
    standing = {row["key"]: row["number"] for row in graph.read(_STANDING)}
    found = _look_at_books(books, own, standing)
    _look_at_schema(graph, found)
    renamed = sum(
        row["node"] != build_concept(str(row["node"].get("key"))) for row in graph.read(_CONCEPTS)
    )
    if renamed:
        found.problems.append(f"{renamed} concepts whose key is not their kind and name")
    _look_at_owners(graph, found)
    complete = all(load["complete"] is True for load in books.loads) and not books.strange
    if not (quick and complete and _is_consistent(graph, books.loads)):
        contents = read_contents(graph)
        _look_at_contents(contents, found)
        loads = {load["key"]: load for load in books.loads}
        # what is told already, of others' studies, must not make the totals wrong as well
        unsure = {
            key: {"key": key}
            for key in standing.keys() | loads.keys()
            if key != own and standing.get(key, 0) != loads.get(key, {}).get("num_studies")
        }
        summed = list((loads | unsure).values())
        found.problems.extend(find_wrong_totals(graph, summed, contents))
    found.by_hand.extend(find_knowledge_problems(graph, books.tables))
    found.by_hand.extend(find_draft_problems(graph))
    return found


def _look_at_books(books: Books, own: str, standing: Mapping[str, int]) -> GraphProblems:
    """Return what is wrong with the books, and with how many studies they say that there are."""
    found = GraphProblems()
    for label, ids in books.strange.items():
        found.problems.append(f"{len(ids)} {label} that no load, import or migration has written")
    for label, names in books.added.items():
        found.by_hand.extend(
            f"{number} {label} have a property {_quote(name)} that is not radkg's: remove it with"
            f" MATCH (n:{label}) REMOVE n.{_quote(name)}"
            for name, number in names.items()
        )
    loads = {load["key"]: load for load in books.loads}
    found.others.extend(sorted(loads.keys() - {own}))
    for key, number in standing.items():
        if key not in loads and key != own:
            found.by_hand.append(
                f"{number} Extraction of {key}, which no load knows: load that run again, or delete"
                f" them with MATCH (s:Study)-[:HAS_EXTRACTION]->(x) WHERE s.archive + '|' +"
                f" x.extractor = '{key}' DETACH DELETE x, and then radkg load --repair"
            )
    for key, load in loads.items():
        number = standing.get(key, 0)
        if load["complete"] is not True and key != own:
            found.not_checked.append(
                f"the load of {key} did not end, or is under way: that its {number} studies are"
                " all, and right, was not checked"
            )
        elif load["complete"] is True and number != load["num_studies"]:
            found.by_hand.append(
                f"the load of {key} counts {load['num_studies']} studies and {number} stand: run"
                f" its radkg load again; if there never was one, delete what says so with"
                f" MATCH (l:Load {{key: '{key}'}}) DETACH DELETE l"
            )
        elif key != own and number:
            found.not_checked.append(
                f"the {number} studies of {key}: verify them with the --out of their own run"
            )
    return found


def _look_at_schema(graph: Graph, found: GraphProblems) -> None:
    try:
        missing = [f"the unique key {a}.{b} is missing" for a, b in list_missing_constraints(graph)]
        missing += [f"the index of {a}.{b} is missing" for a, b in list_missing_indexes(graph)]
        others = list_other_constraints(graph, {*LABELS, *ENDS})
    except GraphError as error:  # the login may not be allowed to see them
        found.not_checked.append(f"constraints and indexes: {error}")
        return
    found.problems.extend(missing)
    found.by_hand.extend(
        f"the constraint {_quote(name)} on {place} is not radkg's and can stop a load: drop it with"
        f" DROP CONSTRAINT {_quote(name)}"
        for name, place in others
    )


def _look_at_owners(graph: Graph, found: GraphProblems) -> None:
    for label, what in _NOT_OWNED.items():
        statement = _UNOWNED.format(label=label, owned=OWNED[label], held=HELD)
        (row,) = graph.read(statement, types=list(ENDS))
        if row["number"] - row["held"]:
            found.problems.append(f"{row['number'] - row['held']} {what}")
        if row["held"]:
            found.by_hand.append(
                f"{row['held']} {what}, which another application's labels or relationships hold:"
                f" delete these, then radkg load --repair; they are MATCH (n:{label}) WHERE NOT"
                f" {OWNED[label]}"
            )


def _look_at_contents(contents: Contents, found: GraphProblems) -> None:
    for (one, other), number in sorted(contents.both.items()):
        found.problems.append(f"{number} nodes that are both {one} and {other}")
    for (kind, head, tail), number in sorted(contents.misplaced.items()):
        found.problems.append(
            f"{number} {kind} in the graph from {head} to {tail}, which no load has written"
        )
    for (label, name), number in sorted(contents.labelled.items()):
        found.by_hand.append(
            f"{number} {label}{_quote(name)} in the graph, 0 expected: the label {_quote(name)} is"
            f" not radkg's: remove it with MATCH (n:{label}:{_quote(name)}) REMOVE n:{_quote(name)}"
        )
    for (kind, head, tail), number in sorted(contents.linked.items()):
        found.by_hand.append(
            f"{number} {_quote(kind)} in the graph, 0 expected: relationships from {head} to {tail}"
            " are not radkg's, and go with the nodes that a load replaces: delete them, or keep"
            " what they say in a database of its own"
        )
    for what, number in sorted(contents.foreign.items()):
        found.foreign.append(
            f"{number} {what} in the graph, 0 expected: they are another application's; radkg"
            " neither reads nor changes them"
        )


def _quote(name: str) -> str:
    return name if name.isidentifier() else f"`{name.replace('`', '``')}`"


def _is_consistent(graph: Graph, loads: list[GraphRow]) -> bool:
    """Tell whether nodes have the labels, and relationships the number, that loads wrote down."""
    (names,) = graph.read(_NAMES)
    if not set(names["names"]) <= _COUNTED.keys():
        return False
    nodes = graph.read(NUM_NODES)[0]["number"]
    found = {name: graph.read(count)[0]["number"] for name, count in _COUNTED.items()}
    (links,) = graph.read("MATCH ()-->() RETURN count(*) AS number")
    (known,) = graph.read("MATCH (:Knowledge)-[r:KNOWN]->() RETURN count(r) AS number")
    own = sum(graph.read(statement)[0]["number"] for statement in NUM_RELATIONSHIPS)
    (claimed,) = graph.read(CLAIMED)
    return bool(
        nodes == sum(found.values())
        and found["Extraction"] == sum(load["num_studies"] for load in loads)
        and found["Mention"] == sum(load["num_mentions"] for load in loads)
        and found["Claim"] == claimed["claims"]
        and links["number"] == own + known["number"] + claimed["drafts"] + claimed["claims"]
    )
