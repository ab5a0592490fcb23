"""A diff as tables for people: snapshots, studies, causes, findings, evidence."""

from __future__ import annotations

from typing import Any

from radkg.run.diff import OF_CAUSES, Diff, FindingChange
from radkg.schema.records import Entity

NUM_SHOWN = 20

Table = tuple[str, list[str], list[list[Any]]]  # title, columns, rows


def make_tables(diff: Diff) -> list[Table]:
    """Return the tables to print, the findings and their evidence cut after the first."""
    shown = diff.findings[:NUM_SHOWN]
    more = f", the first {NUM_SHOWN} of {len(diff.findings)}" * (len(diff.findings) > NUM_SHOWN)
    return [
        (
            f"snapshots of {diff.archive}",
            ["", *diff.before],
            [["before", *diff.before.values()], ["after", *diff.after.values()]],
        ),
        ("studies", ["", "studies", "such as"], _study_rows(diff)),
        (
            "causes",
            ["cause", *(name.replace("_", " ") for name in OF_CAUSES)],
            [[cause, *counts.values()] for cause, counts in diff.causes.items()],
        ),
        (
            f"findings, in numbers of studies{more}",
            ["finding", "before", "after", "added", "removed", "flipped", "share", "flips"],
            [_finding_row(change) for change in shown],
        ),
        (
            "evidence: section and words of the strongest mention",
            ["finding", "change", "study_id", "cause", "before", "after"],
            [
                [c.finding, e.change, e.study_id, e.cause, _said(e.before), _said(e.after)]
                for c in shown
                for e in c.evidence
            ],
        ),
    ]


def _study_rows(diff: Diff) -> list[list[Any]]:
    studies = [
        [kind, number, ", ".join(diff.study_ids.get(kind, []))]
        for kind, number in diff.studies.items()
    ]
    return studies + [[change, number, None] for change, number in diff.statuses.items()]


def _finding_row(change: FindingChange) -> list[Any]:
    flips = ", ".join(f"{flip}: {number}" for flip, number in change.flips.items())
    numbers = (change.before, change.after, change.added, change.removed, change.flipped)
    return [change.finding, *numbers, change.share, flips]


def _said(mention: Entity | None) -> str | None:
    return f"{mention.section or mention.source}: {mention.text}" if mention else None
