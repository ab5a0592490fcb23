"""From a plan to a text: a sentence for each claim, read back, rewritten, and else left out.

A writer gives texts for a claim, the best first. A text stands only if both readers read in it
claims of the plan alone. What no text says is named: the draft is then `unverified`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from radkg.reporter.base import Plan
from radkg.reporter.claims import (
    Difference,
    compare_claims,
    describe_claim,
    is_planned_by,
)
from radkg.reporter.reading import ClaimReader, Readings
from radkg.schema.drafts import Claim, DraftSentence, SentenceOrigin

_SHOWN = 3  # claims that a reason names


@dataclass(frozen=True)
class Proposed:
    """A sentence that is proposed for a draft."""

    text: str
    origin: SentenceOrigin
    place: float
    """where it belongs in a report, in [0, 1]"""


class Writer(Protocol):
    """Gives sentences for a claim."""

    def write(self, claim: Claim, plan: Plan) -> Iterator[Proposed]:
        """Yield sentences that may state the claim, the best first."""
        ...


@dataclass(frozen=True)
class Written:
    """The text of a draft, and what became of its plan."""

    text: str
    sentences: tuple[DraftSentence, ...]
    dropped: int
    difference: Difference
    """of the whole text, by any of the readers"""

    @property
    def reason(self) -> str | None:
        """Why the text is not verified; None: it says the plan and nothing else."""
        parts = []
        for what, claims in (
            ("the plan is not said", self.difference.unsaid),
            ("the text denies the plan", self.difference.denied),
            ("the text says what was not planned", self.difference.unplanned),
        ):
            if claims:
                named = ", ".join(describe_claim(claim) for claim in claims[:_SHOWN])
                more = f" and {len(claims) - _SHOWN} more" if len(claims) > _SHOWN else ""
                parts.append(f"{what}: {named}{more}")
        return "; ".join(parts) or None


def repair(
    proposed: Sequence[Proposed], plan: Plan, reader: ClaimReader, writers: Sequence[Writer]
) -> Written:
    """Return the text of those proposed sentences that say what is planned, the others mended.

    A sentence that says anything else is rewritten: a writer's first text that states one of the
    claims which no sentence states so far takes its place. Where there is none, it is dropped.
    """
    kept: list[Proposed] = []
    said: set[int] = set()
    faulty: list[Proposed] = []
    for sentence, readings in zip(proposed, reader.read(p.text for p in proposed), strict=True):
        claims = find_said(plan, readings)
        if is_clean(plan, readings) and claims:
            kept.append(sentence)
            said |= claims
        else:
            faulty.append(sentence)
    dropped = len(faulty)
    for i, claim in enumerate(plan):
        if i in said:
            continue
        found = _rewrite(claim, plan, reader, writers)
        if found is None:
            continue
        if faulty:
            place, dropped = faulty.pop().place, dropped - 1
            found = Proposed(found.text, "rewritten", place)
        kept.append(found)
        said |= find_said(plan, reader.read([found.text])[0])
    return join_sentences(kept, plan, reader, dropped)


def join_sentences(
    kept: Iterable[Proposed], plan: Plan, reader: ClaimReader, dropped: int
) -> Written:
    """Return sentences as one text, in the order of a report, read back as a whole."""
    ordered = sorted(kept, key=lambda one: one.place)
    text, sentences = "", []
    for one, readings in zip(ordered, reader.read(p.text for p in ordered), strict=True):
        start = len(text) + bool(text)
        text = f"{text} {one.text}".strip()
        claims = tuple(sorted(find_said(plan, readings)))
        sentences.append(DraftSentence(start, len(text), claims, one.origin))
    readings = reader.read([text])[0] if text else ()
    return Written(text, tuple(sentences), dropped, compare_readings(plan, readings))


def compare_readings(plan: Plan, readings: Readings) -> Difference:
    """Return how a text differs from its plan by any of its readers, each claim once.

    A claim is unsaid where either reader misses it.
    """
    found = [compare_claims(plan, claims) for claims in readings]
    if not found:
        return Difference((), (), tuple(plan))
    return Difference(
        *(
            tuple(dict.fromkeys(claim for one in found for claim in getattr(one, name)))
            for name in ("unplanned", "denied", "unsaid")
        )
    )


def is_clean(plan: Plan, readings: Readings) -> bool:
    """Tell whether every reader reads claims of the plan alone."""
    return all(compare_claims(plan, claims).is_clean for claims in readings)


def find_said(plan: Plan, readings: Readings) -> set[int]:
    """Return the claims of the plan that every reader reads, by their indices."""
    by_reader = (
        {i for i, planned in enumerate(plan) if any(is_planned_by(c, planned) for c in claims)}
        for claims in readings
    )
    return set.intersection(*by_reader) if readings else set()


def _rewrite(
    claim: Claim, plan: Plan, reader: ClaimReader, writers: Sequence[Writer]
) -> Proposed | None:
    """Return the first sentence that states a claim of the plan, and nothing else than the plan."""
    own = plan.index(claim)
    for writer in writers:
        for found in writer.write(claim, plan):
            (readings,) = reader.read([found.text])
            if is_clean(plan, readings) and own in find_said(plan, readings):
                return found
    return None
