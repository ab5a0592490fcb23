"""From an extractor's answers to rows: every row is checked, and a study that fails is a row too.

This is the one place that turns the failure of a study into a failed row with its reason. No value
that breaks the schema, and no row of another study, leaves this file.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import radkg
from radkg.errors import ArchiveUnavailable, ExtractorError, SchemaError
from radkg.extractor.base import Extractor, PreparedImages, SeesImages
from radkg.schema.reasons import cut_reason, describe_failure, hide_report
from radkg.schema.records import (
    Extraction,
    Study,
    Unreadable,
    check_extraction,
    list_view_positions,
)
from radkg.schema.sentences import describe_skipped

_IDENTITY = ("study_id", "subject_id", "archive", "study_date")
_PATIENT = ("age", "sex")

_Extract = Callable[[Sequence[Study]], list[Extraction]]


def extract_rows(
    extractor: Extractor,
    studies: Iterable[Study | Unreadable],
    images: PreparedImages | None = None,
) -> list[Extraction]:
    """Return one checked row per study, in order; a study that fails costs itself alone.

    Args:
        extractor: what reads the studies.
        studies: what to read.
        images: prepared in other processes, for an extractor that sees images; None: the extractor
            prepares them.

    Raises:
        ArchiveUnavailable: the store of the images does not answer, which is no study's failure.
        ExtractorError: a GPU failed, or there are images for an extractor that sees none.
    """
    extract: _Extract = extractor
    if images is not None:
        if not isinstance(extractor, SeesImages):
            raise ExtractorError(f"extractor {extractor.name} sees no images, and got some")
        extract = partial(extractor, images=images)
    items = list(studies)
    readable = [study for study in items if isinstance(study, Study)]
    try:
        found = extract(readable)
        rows = {s.study_id: _checked(extractor, s, r) for s, r in zip(readable, found, strict=True)}
    except ArchiveUnavailable:
        raise
    except (Exception, SystemExit):  # find out below which study it was, and say why
        rows = {study.study_id: _extract_one(extractor, extract, study) for study in readable}
    return [
        rows[item.study_id] if isinstance(item, Study) else make_unreadable_row(extractor, item)
        for item in items
    ]


def make_unreadable_row(extractor: Extractor, item: Unreadable) -> Extraction:
    """Return the failed row of a study that could not be read."""
    record = item.record
    identity = {name: record[name] for name in (*_IDENTITY, *_PATIENT)}
    identity["study_fingerprint"] = record["fingerprint"]
    views = (image["view_position"] for image in record["images"])
    identity["view_positions"] = list_view_positions([*(record["study_views"] or ()), *views])
    return _failed_row(extractor, identity, item.reason)


def _extract_one(extractor: Extractor, extract: _Extract, study: Study) -> Extraction:
    try:
        (row,) = extract([study])
        return _checked(extractor, study, row)
    except (Exception, SystemExit) as error:  # a row says it; the failure budget decides
        reason = explain_failure(error, "extraction", study.report)
    return _failed_row(extractor, _identity(study) | _archive_fields(study), reason)


def explain_failure(error: BaseException, what: str, report: str) -> str:
    """Return why a study has no row, without words of its report.

    Args:
        error: what was raised over the study.
        what: was to be made of it: extraction.
        report: of the study.

    Raises:
        ArchiveUnavailable: the store of the images does not answer, which is no study's failure.
        ExtractorError: the GPU failed: after that every call of this process fails.
    """
    if isinstance(error, ArchiveUnavailable):
        raise error
    if isinstance(error, SchemaError):
        return f"invalid {what}: {describe_failure(error, report)}"
    if isinstance(error, MemoryError):
        return "it needs more memory than a worker may take, see --max-memory"
    if "CUDA error" in str(error):
        raise ExtractorError(
            "the GPU failed (CUDA error): finished units stand, run the same command again"
        ) from error
    return describe_failure(error, report)


def _checked(extractor: Extractor, study: Study, row: Extraction) -> Extraction:
    """Return the row if it is valid, of this study and of this extractor.

    Its reason keeps no word of the report; radkg's own extractors put none into a reason.
    """
    expected = {**_identity(study), "extractor": extractor.name, "model_id": extractor.model_id}
    for name, value in expected.items():
        if getattr(row, name) != value:
            raise SchemaError(f"{name} of the row is not the study's or the extractor's")
    if row.reason is not None:
        is_own = type(extractor).__module__.split(".")[0] == __name__.split(".")[0]
        shown = str(row.reason) if is_own else hide_report(str(row.reason), study.report)
        row = replace(row, reason=cut_reason(shown))
    elif row.status != "failed" and row.condition != "image":
        row = replace(row, reason=describe_skipped(study))
    return check_extraction(replace(row, **_archive_fields(study)), study.report)


def _identity(study: Study) -> dict[str, Any]:
    """Return the fields of a row that say which study it is of."""
    identity = {name: getattr(study, name) for name in _IDENTITY}
    return {**identity, "study_fingerprint": study.fingerprint}


def _archive_fields(study: Study) -> dict[str, Any]:
    """Return the fields of a row that the archive fills; no extractor needs to pass them on."""
    return {"view_positions": study.view_positions, "age": study.age, "sex": study.sex}


def _failed_row(extractor: Extractor, identity: Mapping[str, Any], reason: str) -> Extraction:
    return Extraction(
        **identity,
        status="failed",
        reason=cut_reason(reason),
        entities=(),
        relations=(),
        extractor=extractor.name,
        model_id=extractor.model_id,
        condition=extractor.condition,
        radkg_version=radkg.__version__,
    )
