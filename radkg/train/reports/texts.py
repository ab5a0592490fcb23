"""What a generator learns to write of a study: the sentences of its findings and impression.

A sentence with a mask of de-identification (XXXX, ___) is left out, for a mask is no word to learn.
"""

from __future__ import annotations

import re

from radkg.schema.records import Study
from radkg.schema.sentences import split_sentences

SECTIONS = ("findings", "impression")
_MASK = re.compile(r"xx|__", re.IGNORECASE)
_NUMBER = re.compile(r"^\(?\d{1,2}[.)]\s*")
_LETTER = re.compile(r"[^\W\d_]")


def make_target(study: Study) -> str:
    """Return the text to learn, on one line; "" where nothing of the report is left."""
    kept = []
    for section in study.sections:
        if section.name not in SECTIONS:
            continue
        for start, end in split_sentences(study.report, section.start, section.end):
            sentence = _NUMBER.sub("", " ".join(study.report[start:end].split()))
            if _LETTER.search(sentence) and not _MASK.search(sentence):
                kept.append(sentence if sentence[-1] in ".!?:;" else f"{sentence}.")
    return " ".join(kept)
