"""Extractors: `load_extractor` is the one door; studies in, one extraction per study out. No Ray.

A study that fails becomes a failed row with its reason, here and nowhere else. What is written is
checked: no label, relation or offset that breaks the schema gets past this file.
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
    except (ImportError, AttributeError) as error:
        raise ExtractorError(f"cannot load extractor {name!r}: {error}") from error
    return extractor


def extract_rows(extractor: Extractor, studies: Iterable[Study | Unreadable]) -> list[Extraction]:
    """Return one checked row per study, in order; a study that fails costs itself alone."""
    items = list(studies)
    readable = [study for study in items if isinstance(study, Study)]
    try:
        found = extractor(readable)
        rows = {s.study_id: check(row, s.report) for s, row in zip(readable, found, strict=True)}
    except Exception:  # the one broad except: find out below which study it was, and say why
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
        return check(row, study.report)
    except SchemaError as error:
        reason = f"invalid extraction: {error}"
    except Exception as error:  # a row says it; the failure budget of the run decides
        reason = f"{type(error).__name__}: {error}"
    record = {
        "study_id": study.study_id,
        "subject_id": study.subject_id,
        "archive": study.archive,
        "study_date": study.study_date,
        "fingerprint": study.fingerprint,
    }
    return unreadable_row(extractor, Unreadable(record, reason))
