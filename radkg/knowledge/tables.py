"""Differences and agreements of knowledge graphs as tables for people."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from radkg.knowledge.comparison import Comparison
from radkg.knowledge.diff import Change, KnowledgeDiff

NUM_SHOWN = 20

Table = tuple[str, list[str], list[list[Any]]]  # title, columns, rows


def make_diff_tables(diff: KnowledgeDiff) -> list[Table]:
    """Return the tables to print: graphs, totals, and the first of the changes."""
    totals = diff.count()
    return [
        (
            "knowledge graphs",
            ["", "before", "after"],
            [[name, str(value), str(diff.after[name])] for name, value in diff.before.items()],
        ),
        (
            "totals",
            ["", *totals["nodes"]],
            [[name, *numbers.values()] for name, numbers in totals.items()],
        ),
        _list_changes("nodes", "mentions", diff.nodes),
        _list_changes("edges", "count", diff.edges),
    ]


def make_comparison_tables(comparison: Comparison) -> list[Table]:
    """Return the tables to print: what was compared, and how far it agrees."""
    rows = [["knowledge graph", *item] for item in comparison.ours.items()]
    rows += [["table", *item] for item in comparison.theirs.items()]
    columns = ["", "ours", "theirs", "shared", "% of ours", "% of theirs"]
    columns += ["% of our counts", "% of theirs", "rank corr."]
    agreed = [
        [
            *(each.what, each.ours, each.theirs, each.shared),
            *map(_percent, (each.share_of_ours, each.share_of_theirs)),
            *map(_percent, (each.counts_of_ours, each.counts_of_theirs)),
            each.rank_correlation,
        ]
        for each in comparison.agreements
    ]
    return [
        ("what was compared", ["", "of", "number"], rows),
        ("agreement, and the rank correlation of the counts of what is shared", columns, agreed),
    ]


def _percent(share: float) -> float:
    return round(100 * share, 1)


def _list_changes(title: str, count: str, changes: Sequence[Change]) -> Table:
    more = f", the first {NUM_SHOWN} of {len(changes)}" * (len(changes) > NUM_SHOWN)
    columns = ["", "name", "studies before", "after", f"{count} before", "after"]
    rows = [[c.what, c.name, *c.studies, *c.count] for c in changes[:NUM_SHOWN]]
    return (f"{title}{more}", columns, rows)
