"""The coders as planner: what a reporter writes where it is told what the coders filed."""

from __future__ import annotations

from radkg.gold.codes import Gold
from radkg.gold.filing import list_gold_findings, list_gold_triplets
from radkg.schema.codes import Codes


def make_codes_of_gold(gold: Gold) -> Codes:
    """Return the human codes of a study as codes that are sure."""
    return Codes(
        tuple((name, 1.0) for name in sorted(list_gold_findings(gold))),
        tuple((triplet, 1.0) for triplet in sorted(list_gold_triplets(gold))),
    )
