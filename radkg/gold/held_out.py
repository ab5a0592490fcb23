"""The tenth of the training split on which nothing is trained: thresholds are chosen there."""

from __future__ import annotations

from hashlib import blake2b

from radkg.schema.records import Study
from radkg.schema.sentences import select_sections


def is_held_out(study: Study) -> bool:
    """Tell whether a training study is kept to choose on: one in ten, equal texts alike."""
    text = " ".join(study.report[s.start : s.end] for s in select_sections(study))
    digest = blake2b(" ".join(text.lower().split()).encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") % 10 == 0
