"""Invented drafts: sentences with their claims, for studies that need not exist."""

from __future__ import annotations

import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from radkg.run.kind import DRAFTS
from radkg.run.run import Run
from radkg.run.snapshot import Snapshot
from radkg.schema.draft_table import to_draft_table
from radkg.schema.drafts import Claim, Draft, DraftSentence, SentenceOrigin, check_draft
from radkg.schema.records import Extraction, Study

Told = tuple[str, Sequence[Claim]]
"""a sentence, and the claims that it states"""


def write_draft(of: Extraction | Study, *told: Told, **changes: Any) -> Draft:
    """Return the draft of these sentences, for the study of an extraction."""
    text, sentences, plan = "", [], []
    origins: tuple[SentenceOrigin, ...] = ("retrieved", "generated", "rewritten")
    for number, (sentence, claims) in enumerate(told):
        start = len(text) + bool(text)
        text = f"{text} {sentence}".strip()
        places = tuple(range(len(plan), len(plan) + len(claims)))
        sentences.append(DraftSentence(start, len(text), places, origins[number % 3]))
        plan += claims
    fingerprint = of.fingerprint if isinstance(of, Study) else of.study_fingerprint
    fields: dict[str, Any] = {
        "study_id": of.study_id,
        "subject_id": of.subject_id,
        "archive": of.archive,
        "study_date": of.study_date,
        "status": "verified" if text else "empty",
        "reason": None if text else "the study has no image",
        "text": text,
        "plan": tuple(plan),
        "sentences": tuple(sentences),
        "dropped": 0,
        "reporter": "plan",
        "model_id": "d1",
        "study_fingerprint": fingerprint,
        "radkg_version": "0",
    }
    return check_draft(Draft(**fields | changes))


def invent_drafts(extractions: Sequence[Extraction], seed: int = 0, **changes: Any) -> list[Draft]:
    """Return a draft for each extraction; every fifth is empty, every third unverified."""
    random_ = random.Random(seed)
    found = []
    for number, of in enumerate(extractions):
        told = []
        for place in range(random_.randint(1, 4)):
            name = f"concept {random_.randint(0, 9)}"
            box = (0.0, 0.125, random_.uniform(0.5, 1), 1.0) if place else None
            claim = Claim(
                name,
                random_.choice(("present", "absent", "uncertain")),
                site="lung" if place == 1 else None,
                side="left" if place == 2 else None,
                degree="mild" if place == 3 else None,
                confidence=random_.random(),
                image_id="i" if box else None,
                box=box,
            )
            told.append((f"There is {name}.", [claim] if place < 3 else [claim, claim]))
        own: dict[str, Any] = {}
        if number % 5 == 4:
            told = []
        elif number % 3 == 2:
            own = {"status": "unverified", "reason": "a sentence says more than its claims"}
        found.append(write_draft(of, *told, **own | changes))
    return found


def publish_drafts(place: Path, drafts: Sequence[Draft]) -> Snapshot:
    """Publish drafts as a run of its own, with a line in its audit log."""
    run = Run(str(place), DRAFTS)
    snapshot = run.publish(to_draft_table(drafts))
    run.audit.record("report", {"snapshot_id": snapshot.snapshot_id})
    return snapshot
