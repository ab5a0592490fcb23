"""Extractors: `load_extractor` is the one door; studies in, one extraction per study out. No Ray.

A study that fails becomes a failed row with its reason, here and nowhere else. What is written is
checked: no value that breaks the schema, and no row of another study, gets past this file.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterable, Sequence
from typing import Protocol

import radkg
from radkg.errors import ExtractorError, SchemaError
from radkg.schema.records import Condition, Extraction, Study, Unreadable, check


class Extractor(Protocol):
    """A callable over studies; `model_id` changes with anything that can change its output."""

    name: str
    model_id: str
    condition: Condition

    def __call__(self, studies: Sequence[Study], /) -> list[Extraction]:
        """Return one extraction per study, in order."""
        ...


def load_extractor(name: str) -> Extractor:
    """Return the extractor `rules`, or your own as `package.module:factory`.

    Raises:
        ExtractorError: there is none of that name; the message says what was tried.
    """
    if name == "rules":
        from radkg.rules import RulesExtractor  # each extractor pays for its own imports only

        return RulesExtractor()
    module, colon, factory = name.partition(":")
    if not colon:
        raise ExtractorError(f"no extractor {name!r}: give rules, or package.module:factory")
    try:
        extractor: Extractor = getattr(importlib.import_module(module), factory)()
        _ = extractor.name, extractor.model_id, extractor.condition
    except Exception as error:  # somebody else's code: whatever it raises, say so in one line
        raise ExtractorError(
            f"cannot load extractor {name!r}: {type(error).__name__}: {error}"
        ) from error
    return extractor


def extract_rows(extractor: Extractor, studies: Iterable[Study | Unreadable]) -> list[Extraction]:
    """Return one checked row per study, in order; a study that fails costs itself alone."""
    items = list(studies)
    readable = [study for study in items if isinstance(study, Study)]
    try:
        found = extractor(readable)
        rows = {s.study_id: _checked(extractor, s, r) for s, r in zip(readable, found, strict=True)}
    except (Exception, SystemExit):  # find out below which study it was, and say why
        rows = {study.study_id: _extract_one(extractor, study) for study in readable}
    return [
        rows[item.study_id] if isinstance(item, Study) else unreadable_row(extractor, item)
        for item in items
    ]


def unreadable_row(extractor: Extractor, item: Unreadable) -> Extraction:
    """Return the failed row of a study that could not be read."""
    record = item.record
    return Extraction(
        study_id=record["study_id"],
        subject_id=record["subject_id"],
        archive=record["archive"],
        study_date=record["study_date"],
        status="failed",
        reason=item.reason,
        entities=(),
        relations=(),
        extractor=extractor.name,
        model_id=extractor.model_id,
        condition=extractor.condition,
        study_fingerprint=record["fingerprint"],
        radkg_version=radkg.__version__,
    )


def _extract_one(extractor: Extractor, study: Study) -> Extraction:
    try:
        (row,) = extractor([study])
        return _checked(extractor, study, row)
    except SchemaError as error:
        reason = f"invalid extraction: {error}"
    except (Exception, SystemExit) as error:  # a row says it; the failure budget decides
        reason = f"{type(error).__name__}: {error}"
    record = {
        "study_id": study.study_id,
        "subject_id": study.subject_id,
        "archive": study.archive,
        "study_date": study.study_date,
        "fingerprint": study.fingerprint,
    }
    reason = reason.encode("utf-8", "backslashreplace").decode()
    return unreadable_row(extractor, Unreadable(record, reason))


def _checked(extractor: Extractor, study: Study, row: Extraction) -> Extraction:
    """Return the row if it is valid, of this study and of this extractor."""
    expected = {
        "study_id": study.study_id,
        "subject_id": study.subject_id,
        "archive": study.archive,
        "study_date": study.study_date,
        "study_fingerprint": study.fingerprint,
        "extractor": extractor.name,
        "model_id": extractor.model_id,
    }
    for name, value in expected.items():
        if getattr(row, name) != value:
            raise SchemaError(f"{name} of the row is {getattr(row, name)!r} instead of {value!r}")
    return check(row, study.report)
