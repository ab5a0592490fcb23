"""What a student of the rules learns from: real and invented sentences with the rules' reading."""

from __future__ import annotations

from radkg.train.silver.invention import MAX_WORDS, invent_sentences
from radkg.train.silver.labels import (
    count_sentences,
    label_sentences,
    list_training_sentences,
    read_training_studies,
)

__all__ = [
    "MAX_WORDS",
    "count_sentences",
    "invent_sentences",
    "label_sentences",
    "list_training_sentences",
    "read_training_studies",
]
