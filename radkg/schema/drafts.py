"""Drafts: a report that a reporter wrote from the images of one study, with the plan behind it.

A draft is research output, not for diagnosis, and never an observed fact: no extraction, no
HAS_FINDING. A plan is a list of claims. A draft whose text, read back, states the claims of its
plan and nothing else is `verified`; every other text is `unverified`, and `reason` says why.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import date
from typing import Literal, get_args

from radkg.errors import SchemaError
from radkg.schema.limits import is_too_long
from radkg.schema.reasons import MAX_REASON

Polarity = Literal["present", "uncertain", "absent"]
POLARITIES: tuple[Polarity, ...] = get_args(Polarity)
DraftStatus = Literal["verified", "unverified", "empty", "failed"]
DRAFT_STATUSES: tuple[DraftStatus, ...] = get_args(DraftStatus)
SentenceOrigin = Literal["retrieved", "generated", "rewritten"]
ORIGINS: tuple[SentenceOrigin, ...] = get_args(SentenceOrigin)


@dataclass(frozen=True, slots=True)
class Claim:
    """What a draft is to say of one finding; `normal` at a site is a finding too."""

    finding: str
    """name of a concept, as extractions have it: effusion"""
    polarity: Polarity
    site: str | None = None
    """name of a concept of anatomy: pleura, base"""
    side: str | None = None
    """left, right or bilateral"""
    degree: str | None = None
    """mild, moderate, severe, ..."""
    confidence: float = 1.0
    """of the planner, in [0, 1]"""
    image_id: str | None = None
    """the image that shows the finding most; None: the plan is not from an image"""
    box: tuple[float, float, float, float] | None = None
    """left, top, right, bottom of where that image shows it, as shares [0, 1] of its sides"""


@dataclass(frozen=True, slots=True)
class DraftSentence:
    """A sentence of a draft: `text[start:end]`."""

    start: int
    end: int
    claims: tuple[int, ...]
    """the claims that it states, by their indices in the plan"""
    origin: SentenceOrigin
    """retrieved: a sentence of the training part; generated: by a language model; rewritten: one
    that took the place of a sentence that did not say what was planned"""


@dataclass(frozen=True, slots=True)
class Draft:
    """What a reporter wrote of one study: one row out for one study in."""

    study_id: str
    subject_id: str
    archive: str
    study_date: date | None
    status: DraftStatus
    reason: str | None
    """why it failed, is empty or unverified"""
    text: str
    """"" where there is none"""
    plan: tuple[Claim, ...]
    sentences: tuple[DraftSentence, ...]
    dropped: int
    """sentences that were left out, because no writing of them said what was planned"""
    reporter: str
    model_id: str
    """changes with anything that can change the text: of reporter, planner and readers"""
    study_fingerprint: str
    radkg_version: str


def check_draft(draft: Draft) -> Draft:
    """Return the draft unchanged if it is valid.

    Raises:
        SchemaError: a status, polarity, offset, index or share is not allowed.
    """
    try:
        _check_row(draft)
        for i, claim in enumerate(draft.plan):
            _check_claim(f"claim {i}", claim)
        end = 0
        for i, sentence in enumerate(draft.sentences):
            _check_sentence(f"sentence {i}", sentence, draft, end)
            end = sentence.end
    except SchemaError as error:
        raise SchemaError(f"draft of study {draft.study_id}: {error}") from None
    return draft


def _check_row(draft: Draft) -> None:
    for name in ("study_id", "subject_id", "archive", "reporter", "model_id"):
        if is_too_long(getattr(draft, name)):
            raise SchemaError(f"{name} is too long")
    if draft.status not in DRAFT_STATUSES:
        raise SchemaError(f"status is none of {DRAFT_STATUSES}")
    if draft.status != "verified" and not draft.reason:
        raise SchemaError(f"status {draft.status!r} without a reason")
    if len(draft.reason or "") > MAX_REASON:
        raise SchemaError(f"the reason has more than {MAX_REASON} characters")
    if draft.status in ("empty", "failed") and (draft.text or draft.sentences):
        raise SchemaError(f"status {draft.status!r} with a text")
    if draft.status in ("verified", "unverified") and not draft.text:
        raise SchemaError(f"status {draft.status!r} without a text")
    if draft.dropped < 0:
        raise SchemaError("dropped is negative")


def _check_claim(which: str, claim: Claim) -> None:
    if not claim.finding or is_too_long(claim.finding):
        raise SchemaError(f"{which} names no finding")
    if claim.polarity not in POLARITIES:
        raise SchemaError(f"polarity of {which} is none of {POLARITIES}")
    if not 0.0 <= claim.confidence <= 1.0:
        raise SchemaError(f"confidence of {which} is outside [0, 1]")
    if (claim.box is None) != (claim.image_id is None):
        raise SchemaError(f"{which} has a box without an image, or an image without a box")
    if claim.box is not None:
        left, top, right, bottom = claim.box
        known = all(math.isfinite(share) for share in claim.box)
        if not (known and 0 <= left < right <= 1 and 0 <= top < bottom <= 1):
            raise SchemaError(f"box of {which} is none")


def _check_sentence(which: str, sentence: DraftSentence, draft: Draft, after: int) -> None:
    if not after <= sentence.start < sentence.end <= len(draft.text):
        raise SchemaError(f"offsets of {which} are not a span behind the one before")
    if sentence.origin not in ORIGINS:
        raise SchemaError(f"origin of {which} is none of {ORIGINS}")
    if not all(0 <= claim < len(draft.plan) for claim in sentence.claims):
        raise SchemaError(f"{which} states a claim that the plan lacks")
