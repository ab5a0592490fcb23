"""Compare the drafts that a graph holds with what a run of drafts published.

Every draft is read back as the nested row of rows/drafts.py, and compared whole. What can be told
without that run stands in draft_loads.py, and the totals of the graph in invariants.py.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from radkg.graph.engine.client import Graph
from radkg.graph.load import draft_statements
from radkg.graph.rows.drafts import (
    add_draft_digests,
    build_draft_ledger_key,
    encode_draft,
    list_draft_keys,
    nest_drafts,
)
from radkg.graph.rows.nested import BatchSizes, GraphRow
from radkg.graph.verify.report import format_differences
from radkg.run.drafts import check_same_archive, read_visible_drafts
from radkg.run.snapshot import Snapshot

_READ = """
UNWIND $keys AS key
MATCH (d:Draft {key: key})
RETURN key, properties(d) AS draft,
  [(d)<-[h:HAS_DRAFT]-(s) | [properties(h), s.key]] AS studies,
  [(d)-[r:CLAIMS]->(c) | [properties(r), properties(c)]] AS claims
"""


@dataclass(frozen=True, kw_only=True)
class DraftsVerifyReport:
    """What differs: `differences` by study_id, and `problems` of the load."""

    drafts: int
    """that must stand"""
    not_in_graph: int
    """published, of studies that the graph does not hold"""
    differences: dict[str, str]
    problems: list[str]
    seconds: float

    @property
    def ok(self) -> bool:
        """True if the graph holds the drafts exactly."""
        return not self.differences and not self.problems

    def __str__(self) -> str:
        if self.ok:
            equal = f"all {self.drafts} drafts equal their snapshot, compared by every property"
            some = f"; {self.not_in_graph} are of studies that the graph does not hold"
            return equal + (some if self.not_in_graph else "")
        lines = format_differences("draft of study", self.differences)
        return "\n".join([*self.problems, *lines, "to mend: radkg load --repair --drafts"])


def verify_drafts(graph: Graph, drafts: Snapshot, studies: Snapshot) -> DraftsVerifyReport:
    """Return how the drafts of an archive and reporter differ from what is published.

    Args:
        graph: an open graph.
        drafts: what a run of drafts published, and was loaded.
        studies: what the run of the graph published; what is retracted there must have no draft.

    Raises:
        ConfigError: the drafts are of another archive.
        SnapshotError: published bytes were changed.
    """
    started = time.monotonic()
    check_same_archive(drafts, studies)
    scope = {"archive": drafts.archive, "reporter": str(drafts.manifest["reporter"])}
    unexpected = {str(row["key"]) for row in graph.read(draft_statements.STANDING, **scope)}
    (known,) = graph.read(draft_statements.STUDIES, archive=drafts.archive)
    stands = frozenset(known["keys"])
    differences: dict[str, str] = {}
    expected = strangers = 0
    for table in read_visible_drafts(drafts, studies):
        rows = add_draft_digests(table)
        studies_of, keys = list_draft_keys(rows)
        strangers += sum(study not in stands for study in studies_of)
        for batch in nest_drafts(rows, drafts.snapshot_id, BatchSizes().studies):
            wanted = [row for row in batch if row["study"] in stands]
            found = _read(graph, [row["draft"]["key"] for row in wanted])
            for row in wanted:
                what = _describe_difference(row, found.get(row["draft"]["key"], []))
                if what:
                    differences[_strip(row["study"], drafts)] = what
            expected += len(wanted)
        unexpected.difference_update(
            key for study, key in zip(studies_of, keys, strict=True) if study in stands
        )
    for key in sorted(unexpected):
        differences[_strip(key, drafts).rpartition("|")[0]] = "not in the snapshot, or retracted"
    return DraftsVerifyReport(
        drafts=expected,
        not_in_graph=strangers,
        differences=differences,
        problems=_find_ledger_problems(graph, drafts),
        seconds=time.monotonic() - started,
    )


def _find_ledger_problems(graph: Graph, drafts: Snapshot) -> list[str]:
    key = build_draft_ledger_key(drafts.archive, str(drafts.manifest["reporter"]))
    found = graph.read(draft_statements.LEDGER, ledger=key)
    if not found:
        return [f"no drafts of {key} were loaded: load them first"]
    ledger = found[0]["ledger"]
    if ledger.get("snapshot_id") != drafts.snapshot_id or ledger.get("complete") is not True:
        return [f"the last load of drafts {key} was of another snapshot or did not end: load again"]
    return []


def _read(graph: Graph, keys: list[str]) -> dict[str, list[GraphRow]]:
    """Return what the graph holds under the keys of some drafts, as nested rows."""
    found: dict[str, list[GraphRow]] = {}
    for row in graph.read(_READ, keys=keys):
        (owner, *others) = row["studies"] or [[{}, None]]
        nested = {
            "study": owner[1] if not others and not owner[0] else row["studies"],
            "draft": row["draft"],
            "claims": [_join(link, claim) for link, claim in row["claims"]],
        }
        found.setdefault(row["key"], []).append(nested)
    return found


def _join(link: dict[str, Any], claim: GraphRow) -> GraphRow:
    """Return a claim; what leads to it should have no property."""
    return {**claim, **({"link": link} if link else {})}


def _describe_difference(expected: GraphRow, found: Iterable[GraphRow]) -> str | None:
    """Return what differs, in names of properties and numbers, never in words of the draft."""
    each = list(found)
    if len(each) != 1:
        return f"{len(each)} drafts in place of 1" if each else "missing"
    (row,) = each
    if encode_draft(row) == encode_draft(expected):
        return None
    names = sorted(
        name
        for name in row["draft"].keys() | expected["draft"].keys()
        if row["draft"].get(name) != expected["draft"].get(name)
    )
    missing = [claim for claim in expected["claims"] if claim not in row["claims"]]
    unequal = missing or len(row["claims"]) != len(expected["claims"])
    parts = [
        *(["of another study"] if row["study"] != expected["study"] else []),
        *([f"draft ({', '.join(names)})"] if names else []),
        *([f"claims ({len(missing)} of {len(expected['claims'])} missing)"] if unequal else []),
    ]
    return ", ".join(parts) or "a value of another type"


def _strip(key: str, drafts: Snapshot) -> str:
    return key.removeprefix(f"{drafts.archive}/")
