"""The first writer of a planned draft: sentences of the training part."""

from __future__ import annotations

from collections.abc import Iterator

from radkg.reporter.bank import BankSentence, SentenceBank
from radkg.reporter.base import Plan
from radkg.reporter.writing import Proposed
from radkg.schema.drafts import Claim

_MOST = 8  # sentences that are offered for one claim


class RetrievalWriter:
    """Gives the sentences of a bank that state a claim and nothing that the plan lacks."""

    def __init__(self, bank: SentenceBank) -> None:
        self._bank = bank

    def write(self, claim: Claim, plan: Plan) -> Iterator[Proposed]:
        """Yield the best sentences for a claim."""
        yield from map(propose, self._bank.list_candidates(claim, plan)[:_MOST])


def propose(sentence: BankSentence) -> Proposed:
    """Return a sentence of a bank for a draft."""
    return Proposed(sentence.text, "retrieved", sentence.place)
