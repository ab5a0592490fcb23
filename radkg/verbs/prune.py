"""Prune: remove snapshots beyond the last few with what was derived of them, and old units."""

from __future__ import annotations

from dataclasses import dataclass

from radkg.config import Config
from radkg.population.columns import remove_columns
from radkg.population.diffs import remove_diffs
from radkg.run import prune as pruning
from radkg.run.prune import KEEP, PruneReport, check_keep
from radkg.run.run import Run
from radkg.verbs.graphs import remove_snapshot_graphs


@dataclass(frozen=True, kw_only=True)
class PruneConfig(Config):
    """What to keep."""

    out: str
    """of the run; nothing else may run on it meanwhile"""
    keep: int = KEEP
    """snapshots that stay, at least 1"""

    def __post_init__(self) -> None:
        check_keep(self.keep)


def prune(config: PruneConfig) -> PruneReport:
    """Remove what no reader needs.

    Raises:
        SnapshotError: nothing is published, or what is published is damaged.
        GraphUnavailable: somebody looks at the graph of a snapshot that went; all else is gone.
    """
    run = Run(config.out)
    report = pruning.prune(run.storage, config.keep)
    remove_columns(run.storage)
    remove_diffs(run.storage)
    remove_snapshot_graphs(run, run.list_snapshot_ids())
    return report
