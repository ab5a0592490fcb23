"""Change a study that stands in the graph by what differs between its two readings.

What costs in a large graph is a relationship to a concept that stands in most studies: to delete
one, the embedded engine walks them all. So mentions of the two readings are matched by concept: the
node of the one, with its OF, becomes that of the other; a finding of both keeps its HAS_FINDING.
Nodes of mentions have no identity: the graph is the one that deleting the study and creating it
anew leaves.
"""

from __future__ import annotations

from collections import Counter, defaultdict, deque
from collections.abc import Sequence

from radkg.graph.engine.values import Transaction, run_statement
from radkg.graph.load.statements import (
    CREATE_FINDINGS,
    CREATE_MENTION,
    CREATE_RELATIONS,
    NUM_RELATIONS,
)
from radkg.graph.rows.nested import RELATION_TYPES, GraphRow

_EXTRACTION = """
UNWIND $rows AS row
MATCH (s:Study {key: row.study.key})-[:HAS_EXTRACTION]->(x:Extraction {extractor: $extractor})
"""

# Only what a row's `<name>` is not empty for is run, so that a statement walks what it changes.
_STEPS = {
    "cut": f"""
    {_EXTRACTION}
    MATCH (x)-[:HAS_MENTION]->(m:Mention)
    MATCH (m)-[r:{"|".join(RELATION_TYPES)}]->()
    WITH collect(r) AS found
    FOREACH (r IN found | DELETE r)
    """,
    "gone_mentions": f"""
    {_EXTRACTION}
    MATCH (x)-[:HAS_MENTION]->(m:Mention)
    WHERE m.ordinal IN row.gone_mentions
    WITH collect(m) AS found
    FOREACH (m IN found | DETACH DELETE m)
    """,
    "gone_findings": """
    UNWIND $rows AS row
    MATCH (s:Study {key: row.study.key})-[f:HAS_FINDING {extractor: $extractor}]->(c:Concept)
    WHERE c.key IN row.gone_findings
    WITH collect(f) AS found
    FOREACH (f IN found | DELETE f)
    """,
    "set_mentions": f"""
    {_EXTRACTION}
    MATCH (x)-[:HAS_MENTION]->(m:Mention)
    WITH m, row.set_mentions[m.ordinal] AS mention
    WHERE mention IS NOT NULL
    SET m = mention
    """,
    "set_findings": """
    UNWIND $rows AS row
    UNWIND row.set_findings AS finding
    MATCH (s:Study {key: row.study.key})-[f:HAS_FINDING {extractor: $extractor}]->(c:Concept)
    WHERE c.key = finding.concept
    SET f = finding.properties
    """,
}

_CREATE = f"""
{_EXTRACTION}
SET s = row.study
SET x = row.extraction
WITH row, s, x
CALL {{
  WITH row, x
  UNWIND row.mentions AS mention
  {CREATE_MENTION}
  RETURN count(m) AS created
}}
{CREATE_FINDINGS}
CALL {{
  WITH x
  MATCH (x)-[:HAS_MENTION]->(m:Mention)
  WITH m ORDER BY m.ordinal
  RETURN collect(m) AS mentions
}}
{CREATE_RELATIONS}
RETURN sum(created) AS mentions, sum({NUM_RELATIONS}) AS relations
"""


def is_amendable(standing: GraphRow | None, before: GraphRow | None, after: GraphRow) -> bool:
    """Tell whether a study stands as `before`, and under the patient that it is to have.

    Args:
        standing: the row of statements.STANDING.
        before: the row that the graph should hold.
        after: the row that it is to hold.
    """
    return (
        standing is not None
        and before is not None
        and standing["digest"] == before["extraction"]["digest"]
        and standing["mentions"] == len(before["mentions"])  # or somebody changed it
        and before["patient"] == after["patient"]
    )


def build_amendment(before: GraphRow, after: GraphRow) -> GraphRow:
    """Return what turns one row of a study into another, as `amend_studies` takes it.

    study, extraction     all properties, as they are to be
    gone_mentions         ordinals, as they stand
    set_mentions          by ordinal as it stands: new properties, or None
    gone_findings         keys of concepts
    set_findings          concept (key) and new properties
    cut                   True: all relations of the study go first
    mentions, findings, <each type of relation>     to be created, as in nested.py
    """
    matches = _match_mentions(before["mentions"], after["mentions"])
    changed = [
        None if match is None or match == mention else _drop_concept(match)
        for mention, match in zip(before["mentions"], matches, strict=True)
    ]
    matched = {match["ordinal"] for match in matches if match is not None}
    standing = Counter(
        (r["type"], head["ordinal"], tail["ordinal"], r["confidence"])
        for r in before["relations"]
        if (head := matches[r["head"]]) is not None and (tail := matches[r["tail"]]) is not None
    )
    wanted = Counter((r["type"], r["head"], r["tail"], r["confidence"]) for r in after["relations"])
    cut = not standing <= wanted
    missing = wanted if cut else wanted - standing
    old, new = ({f["concept"]: f for f in row["findings"]} for row in (before, after))
    return {
        "study": after["study"],
        "extraction": after["extraction"],
        "cut": cut,
        "gone_mentions": [i for i, match in enumerate(matches) if match is None],
        "gone_findings": [key for key in old if key not in new],
        "set_mentions": changed if any(changed) else [],
        "set_findings": [
            {"concept": key, "properties": _drop_concept(new[key])}
            for key in old
            if key in new and old[key] != new[key]
        ],
        "mentions": [m for m in after["mentions"] if m["ordinal"] not in matched],
        "findings": [finding for key, finding in new.items() if key not in old],
        **{
            name: [
                {"head": head, "tail": tail, "confidence": confidence}
                for kind, head, tail, confidence in missing.elements()
                if kind == name
            ]
            for name in RELATION_TYPES
        },
    }


def amend_studies(
    transaction: Transaction, amendments: Sequence[GraphRow], extractor: str
) -> Counter[str]:
    """Change studies that stand; return the numbers of mentions and relations created."""
    for name, statement in _STEPS.items():
        concerned = [each for each in amendments if each[name]]
        if concerned:
            run_statement(transaction, statement, rows=concerned, extractor=extractor)
    if not amendments:
        return Counter()
    (created,) = run_statement(transaction, _CREATE, rows=amendments, extractor=extractor)
    return Counter(created)


def _match_mentions(before: Sequence[GraphRow], after: Sequence[GraphRow]) -> list[GraphRow | None]:
    """Return for each mention that stands one of the same concept in the other reading; or None."""
    matches: list[GraphRow | None] = [None] * len(before)
    waiting: defaultdict[str, deque[GraphRow]] = defaultdict(deque)
    for place, mention in enumerate(after):
        if place < len(before) and before[place]["concept"] == mention["concept"]:
            matches[place] = mention  # a sentence at the end leaves all others as they are
        else:
            waiting[mention["concept"]].append(mention)
    for place, mention in enumerate(before):
        if matches[place] is None and waiting[mention["concept"]]:
            matches[place] = waiting[mention["concept"]].popleft()
    return matches


def _drop_concept(item: GraphRow) -> GraphRow:
    return {name: value for name, value in item.items() if name != "concept"}
