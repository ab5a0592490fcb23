"""What a verification says, and what the ledger and the sums must be."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from radkg.graph.engine.client import Graph
from radkg.graph.load.aggregates import build_sums_properties, compute_sums, find_differing_sums
from radkg.graph.load.ledger import SUMS_VERSION, read_ledger
from radkg.graph.rows.aggregates import Sums
from radkg.graph.rows.nested import GraphRow, build_ledger_key
from radkg.graph.verify.invariants import find_ledger_problems
from radkg.run.retractions import VisibleSnapshot

SHOWN = 20


@dataclass(frozen=True, kw_only=True)
class VerifyReport:
    """What differs: `differences` by study_id, the rest of the graph as a whole, one line each."""

    num_studies: int
    num_retracted: int
    compared: str
    """what was, of every study"""
    differences: dict[str, str]
    problems: list[str]
    """what `radkg load --repair` mends"""
    by_hand: list[str] = field(default_factory=list)
    """what a person has to do something about, and what"""
    not_checked: list[str] = field(default_factory=list)
    """what was not compared, and why: it says neither that it is right nor that it is wrong"""
    foreign: list[str] = field(default_factory=list)
    """what is another application's, and no fault"""
    others: list[str] = field(default_factory=list)
    """what other runs have loaded: what is wrong there, their own load mends"""
    seconds: float

    @property
    def ok(self) -> bool:
        """True if nothing that was compared differs."""
        return not (self.differences or self.problems or self.by_hand)

    def __str__(self) -> str:
        lines = [*self.problems, *format_differences("study", self.differences)]
        if lines:
            also = f", also with the --out of {', '.join(self.others)}" if self.others else ""
            hint = f"to mend the graph: radkg load --repair{also}"
            lines.append(f"compared by {self.compared}; {hint}")
        lines += [f"to do by hand: {line}" for line in self.by_hand]
        if self.ok:
            retracted = f"; {self.num_retracted} are retracted" if self.num_retracted else ""
            equal = f"all {self.num_studies} studies equal the snapshot"
            lines.append(f"{equal}, compared by {self.compared}{retracted}")
        lines += [f"not checked: {line}" for line in self.not_checked]
        return "\n".join([*lines, *(f"left alone: {line}" for line in self.foreign)])


def format_differences(of: str, differences: Mapping[str, str]) -> list[str]:
    """Return a line for each of the first differences by study_id; `of` is their first word."""
    lines = [f"{of} {study_id}: {what}" for study_id, what in differences.items()]
    if len(lines) > SHOWN:
        lines[SHOWN:] = [f"... and {len(lines) - SHOWN} more studies"]
    return lines


def describe_unexpected(kept: VisibleSnapshot) -> str:
    """Return what is said of a study that is in the graph and should not be."""
    return "not in the snapshot" + (", or retracted" if kept.num_retracted else "")


def build_expected_ledger(kept: VisibleSnapshot) -> GraphRow:
    """Return what the ledger is to say of a snapshot, but for what is counted in its studies."""
    ledger = {
        "key": build_ledger_key(kept.archive, kept.extractor),
        "snapshot_id": kept.snapshot_id,
        "archive": kept.archive,
        "extractor": kept.extractor,
        "complete": True,
        "num_studies": kept.num_studies,
    }
    known = {"retractions": kept.retractions.number} if kept.retractions.number else {}
    return ledger | known


def find_sums_problems(
    graph: Graph, kept: VisibleSnapshot, ledger: GraphRow, sums: Sums | None = None
) -> list[str]:
    """Return in what the ledger, or else the sums, differ; an older radkg has left no sums.

    Args:
        graph: an open graph.
        kept: the snapshot.
        ledger: as it should be.
        sums: those of the snapshot, where they are known.
    """
    if read_ledger(graph, ledger["key"]).get("sums") != SUMS_VERSION:
        return find_ledger_problems(graph, ledger)
    sums = sums or compute_sums(kept)
    problems = find_ledger_problems(graph, ledger | build_sums_properties(sums, kept))
    differing = [] if problems else find_differing_sums(graph, kept, sums)
    if differing:
        kinds = ", ".join(sorted({kind for kind, _, _ in differing}))
        problems.append(f"{len(differing)} sums ({kinds}) are not those of the studies")
    return problems
