"""The gate of a run: in how many studies a finding may flip before nothing is loaded."""

from __future__ import annotations

from dataclasses import dataclass

from radkg.errors import ConfigError, TooManyFlips
from radkg.run.diff import Diff, FindingChange

MIN_SUPPORT = 20


@dataclass(frozen=True)
class Gate:
    """What a snapshot may change in the findings of studies that stand in both."""

    share: float
    """of the studies that had a finding: where it flips in more, the gate is shut; in [0, 1]"""
    min_support: int = MIN_SUPPORT
    """studies that had a finding for it to be judged: one flip in three says little"""

    def __post_init__(self) -> None:
        if not 0.0 <= self.share <= 1.0:
            raise ConfigError(f"--gate is a share in [0, 1], not {self.share}")
        if self.min_support < 1:
            raise ConfigError(f"--min-support is at least 1, not {self.min_support}")

    def list_failing(self, found: Diff) -> list[FindingChange]:
        """Return the findings that shut the gate."""
        return [
            change
            for change in found.findings
            if change.before >= self.min_support
            and change.flipped > self.share * change.before + 1e-9  # 0.29 * 100 is less than 29
        ]

    def judge(self, found: Diff) -> None:
        """Let a snapshot pass.

        Raises:
            TooManyFlips: a finding shuts the gate; the message names all that do.
        """
        if over := self.list_failing(found):
            flips = ", ".join(
                f"{c.finding} {c.flipped} of {c.before} ({c.share:.3g})" for c in over
            )
            ids = f"{found.before['snapshot_id']} {found.after['snapshot_id']}"
            raise TooManyFlips(
                f"more than --gate {self.share:g} of the studies that had a finding flipped: "
                f"{flips}: look at the evidence (`radkg diff {ids}`) before you load this snapshot"
            )
