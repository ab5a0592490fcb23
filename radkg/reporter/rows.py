"""From a reporter's answers to rows: every draft is checked, and a study that fails is a row too.

It is to drafts what extractor/rows.py is to extractions.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import radkg
from radkg.errors import ArchiveUnavailable, SchemaError
from radkg.extractor.base import PreparedImages
from radkg.extractor.rows import explain_failure
from radkg.reporter.base import Reporter
from radkg.schema.drafts import Claim, Draft, DraftSentence, DraftStatus, check_draft
from radkg.schema.reasons import cut_reason
from radkg.schema.records import Study, Unreadable

_IDENTITY = ("study_id", "subject_id", "archive", "study_date")


def write_drafts(
    reporter: Reporter,
    studies: Iterable[Study | Unreadable],
    images: PreparedImages | None = None,
) -> list[Draft]:
    """Return one checked draft per study, in order; a study that fails costs itself alone.

    Args:
        reporter: what sees the studies.
        studies: what to see.
        images: prepared in other processes; None: the reporter prepares them.

    Raises:
        ArchiveUnavailable: the store of the images does not answer, which is no study's failure.
        ExtractorError: a GPU failed.
    """
    items = list(studies)
    readable = [study for study in items if isinstance(study, Study)]
    try:
        found = reporter(readable, images)
        pairs = zip(readable, found, strict=True)
        rows = {study.study_id: _checked(reporter, study, draft) for study, draft in pairs}
    except ArchiveUnavailable:
        raise
    except (Exception, SystemExit):  # find out below which study it was, and say why
        rows = {study.study_id: _write_one(reporter, study, images) for study in readable}
    return [
        rows[item.study_id] if isinstance(item, Study) else make_unreadable_draft(reporter, item)
        for item in items
    ]


def make_draft(
    reporter: Reporter,
    study: Study,
    status: DraftStatus,
    reason: str | None,
    *,
    text: str = "",
    plan: Sequence[Claim] = (),
    sentences: Sequence[DraftSentence] = (),
    dropped: int = 0,
) -> Draft:
    """Return a reporter's draft of a study."""
    return Draft(
        **_identity(study),
        status=status,
        reason=reason if reason is None else cut_reason(reason),
        text=text,
        plan=tuple(plan),
        sentences=tuple(sentences),
        dropped=dropped,
        reporter=reporter.name,
        model_id=reporter.model_id,
        radkg_version=radkg.__version__,
    )


def make_unreadable_draft(reporter: Reporter, item: Unreadable) -> Draft:
    """Return the failed draft of a study that could not be read."""
    record = item.record
    identity = {name: record[name] for name in _IDENTITY}
    return _fail(reporter, identity | {"study_fingerprint": record["fingerprint"]}, item.reason)


def _write_one(reporter: Reporter, study: Study, images: PreparedImages | None) -> Draft:
    try:
        (draft,) = reporter([study], images)
        return _checked(reporter, study, draft)
    except (Exception, SystemExit) as error:  # a row says it; the failure budget decides
        reason = explain_failure(error, "draft", study.report)
    return _fail(reporter, _identity(study), reason)


def _checked(reporter: Reporter, study: Study, draft: Draft) -> Draft:
    """Return the draft if it is valid, of this study and of this reporter."""
    expected = {**_identity(study), "reporter": reporter.name, "model_id": reporter.model_id}
    for name, value in expected.items():
        if getattr(draft, name) != value:
            raise SchemaError(f"{name} of the draft is not the study's or the reporter's")
    if draft.reason is not None:
        draft = replace(draft, reason=cut_reason(draft.reason))
    return check_draft(draft)


def _identity(study: Study) -> dict[str, Any]:
    identity = {name: getattr(study, name) for name in _IDENTITY}
    return identity | {"study_fingerprint": study.fingerprint}


def _fail(reporter: Reporter, identity: Mapping[str, Any], reason: str) -> Draft:
    return Draft(
        **identity,
        status="failed",
        reason=cut_reason(reason),
        text="",
        plan=(),
        sentences=(),
        dropped=0,
        reporter=reporter.name,
        model_id=reporter.model_id,
        radkg_version=radkg.__version__,
    )
