"""Invented extraction rows for tests."""

from datetime import date
from typing import Any

from radkg.schema.records import Entity, Extraction, Relation


def row(study_id: str, **changes: Any) -> Extraction:
    """Return a valid row: a small effusion in the left lung, no pneumothorax."""
    fields: dict[str, Any] = {
        "study_id": study_id,
        "subject_id": "p-" + study_id,
        "archive": "test",
        "study_date": date(2024, 2, 29),
        "status": "ok",
        "reason": None,
        "entities": (
            Entity("small", "OBS-DP", "small", 0, 5, "findings"),
            Entity("left", "ANAT-DP", "left", 6, 10, "findings", "report", 0.9),
            Entity("effusion", "OBS-DP", "effusion", 11, 19, "findings", "report", 0.5),
            Entity("pneumothorax", "OBS-DA", "pneumothorax", 24, 36, "impression"),
        ),
        "relations": (Relation(0, 2, "modify"), Relation(2, 1, "located_at", 0.25)),
        "extractor": "rules",
        "model_id": "m1",
        "condition": "report",
        "study_fingerprint": "f-" + study_id,
        "radkg_version": "0",
    }
    return Extraction(**fields | changes)


REPORT = "small left effusion. No pneumothorax."
