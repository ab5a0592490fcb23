"""What a student of the rules learns from: real and invented sentences with the rules' reading."""

from __future__ import annotations

from radkg.train.silver.invention import MAX_WORDS, invented
from radkg.train.silver.labels import SilverSentence, archive_sentences, can_be_stated, silver

__all__ = [
    "MAX_WORDS",
    "SilverSentence",
    "archive_sentences",
    "can_be_stated",
    "invented",
    "silver",
]
