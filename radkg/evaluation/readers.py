"""Models that write codes themselves, and the way they are asked: a study costs itself alone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

from radkg.errors import ExtractorError
from radkg.extractor import ChoosesCondition, CodesReader, Extractor
from radkg.gold.statements import SAME_SITE
from radkg.schema.codes import Codes
from radkg.schema.records import RELATIONS, Condition, Study

_BATCH = 500  # studies handed over at a time


_Reader = TypeVar("_Reader", bound=Extractor | CodesReader)


def apply_condition(reader: _Reader, condition: Condition | None) -> _Reader:
    """Return an extractor or reader that uses what `condition` says; None leaves it as it is.

    Raises:
        ExtractorError: the reader uses something else, and cannot choose (`ChoosesCondition`).
    """
    if condition is None or reader.condition == condition:
        return reader
    if not isinstance(reader, ChoosesCondition):
        raise ExtractorError(
            f"extractor {reader.name} reads {reader.condition}, not {condition}: leave --condition "
            "out or take another extractor"
        )
    return reader.choose_condition(condition)


def read_codes(reader: CodesReader, studies: Sequence[Study]) -> list[Codes | None]:
    """Return the codes of each study with one name per anatomy; None where the reader failed.

    Raises:
        ExtractorError: it failed on every study; the message says how it failed on the first.
    """
    found: list[Codes | None] = []
    reasons: list[str] = []
    for start in range(0, len(studies), _BATCH):
        batch = studies[start : start + _BATCH]
        try:
            answers: list[Codes | None] = [*map(_checked, reader.read_codes(batch))]
            assert len(answers) == len(batch), f"{len(answers)} codes for {len(batch)} studies"
        except Exception:  # find out which study it was: whatever a model raises counts as failed
            answers = [_read_one(reader, study, reasons) for study in batch]
        found += answers
    if found and len(reasons) == len(found):
        raise ExtractorError(f"extractor {reader.name} failed on every study: {reasons[0]}")
    return found


def _read_one(reader: CodesReader, study: Study, reasons: list[str]) -> Codes | None:
    try:
        (codes,) = reader.read_codes([study])
        return _checked(codes)
    except Exception as error:
        reasons.append(f"study {study.study_id}: {type(error).__name__}: {error}")
        return None


def _checked(codes: Codes) -> Codes:
    """Return the codes with one name per anatomy; ValueError where they are no codes."""
    for triplet, _ in codes.triplets:
        if len(triplet) != 3 or triplet[1] not in RELATIONS or not (triplet[0] and triplet[2]):
            raise ValueError(f"{triplet!r} is no triplet")
    for what, confidence in (*codes.findings, *codes.triplets):
        if not 0.0 <= confidence <= 1.0:
            raise ValueError(f"confidence {confidence!r} of {what!r} is outside [0, 1]")
    return Codes(
        codes.findings,
        tuple(
            ((SAME_SITE.get(head, head), relation, SAME_SITE.get(tail, tail)), confidence)
            for (head, relation, tail), confidence in codes.triplets
        ),
    )
