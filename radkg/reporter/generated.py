"""The second writer of a planned draft: a small language model, under a grammar over words.

A word may stand in a sentence only if the claim has what all sentences of the bank with that word
have in common: "effusion" stands beside the finding effusion alone, "no" beside a denial, "the"
beside anything.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

from radkg.model.report.plan_writer import PlanWriter
from radkg.reporter.bank import SentenceBank
from radkg.reporter.base import Plan
from radkg.reporter.claims import describe_claim
from radkg.reporter.writing import Proposed
from radkg.schema.drafts import Claim

_WORD = re.compile(r"[a-z]+(?:-[a-z]+)*")
_PLACE = {"present": 0.3, "uncertain": 0.5, "absent": 0.7}
"""of a sentence that stands in no report"""

_MOST_UNUSUAL = 1.0
"""nats a token; a sentence that the grammar bends has more"""

_NOTHING = ("", float("inf"))  # where no word may stand

_Parts = frozenset[tuple[str, str]]


class GeneratedWriter:
    """Has a language model write a sentence for a claim; then for the claim without its details."""

    def __init__(self, model: PlanWriter, bank: SentenceBank) -> None:
        self._model = model
        self._common = find_common_parts(bank)
        self._known: dict[Claim, tuple[str, float]] = {}

    def write(self, claim: Claim, plan: Plan) -> Iterator[Proposed]:
        """Yield the model's sentences."""
        for one in dict.fromkeys(
            (
                claim,
                replace(claim, degree=None),
                replace(claim, degree=None, side=None),
                replace(claim, degree=None, side=None, site=None),
            )
        ):
            text, unusual = self._ask(one)
            if unusual <= _MOST_UNUSUAL:
                yield Proposed(text, "generated", _PLACE[claim.polarity])

    def _ask(self, claim: Claim) -> tuple[str, float]:
        """Return the sentence of a claim, and how unusual the model finds it."""
        key = replace(claim, confidence=1.0, image_id=None, box=None)
        if key not in self._known:
            own = list_parts(claim)
            words = [word for word, common in self._common.items() if common <= own]
            written = self._model.write([describe_claim(key)], [words]) if words else [_NOTHING]
            (self._known[key],) = written
        return self._known[key]


def find_common_parts(bank: SentenceBank) -> dict[str, _Parts]:
    """Return for each word of a bank the parts of claims that all its sentences share."""
    common: dict[str, _Parts] = {}
    for one in bank.sentences:
        parts = frozenset().union(*map(list_parts, one.claims))
        for word in set(_WORD.findall(one.text.lower())):
            common[word] = common.get(word, parts) & parts
    return common


def list_parts(claim: Claim) -> _Parts:
    """Return the parts of a claim by their names."""
    names = ("finding", "polarity", "site", "side", "degree")
    return frozenset((name, value) for name in names if (value := getattr(claim, name)))
