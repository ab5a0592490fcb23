"""What is scored: a reporter's drafts, or anybody's texts from a file, one for each study.

A reporter is handed studies without their reports, so that what it writes comes from the images.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from radkg.errors import ExtractorError, RadkgError, SchemaError, StorageError
from radkg.evaluation.reports.studies import ReportSet, make_reference
from radkg.gold.codes import Gold
from radkg.reporter.base import Plan, PlansCodes, Reporter, WritesPlans
from radkg.reporter.oracle import make_codes_of_gold
from radkg.reporter.rows import write_drafts
from radkg.schema.drafts import DRAFT_STATUSES, check_draft
from radkg.schema.records import Study
from radkg.storage import write_atomically

PlanCodes = Callable[[Gold], Plan]
"""makes a plan of what the coders filed"""

_BATCH = 50  # studies handed over at a time: one that fails has its batch written study by study


@dataclass(frozen=True)
class Written:
    """Texts of one writer, one for each study that is scored; "" where it wrote none."""

    name: str
    model_id: str | None
    texts: tuple[str, ...]
    statuses: Mapping[str, int] | None = None
    """of a reporter: drafts by their status"""
    others: int = 0
    """texts of a file that are of studies of the archive which are not scored"""


def write_reports(reporter: Reporter, report_set: ReportSet) -> Written:
    """Return the drafts of a reporter.

    Raises:
        ArchiveUnavailable: the store of the images does not answer.
        ExtractorError: the reporter failed on every study; the message says how on the first.
    """
    studies = list(map(_hide_report, report_set.scored.studies))
    drafts = [
        draft
        for start in range(0, len(studies), _BATCH)
        for draft in write_drafts(reporter, studies[start : start + _BATCH])
    ]
    statuses = Counter(draft.status for draft in drafts)
    if statuses["failed"] == len(drafts):
        raise ExtractorError(
            f"reporter {reporter.name} failed on every study: {drafts[0].study_id}: "
            f"{drafts[0].reason}"
        )
    return Written(
        reporter.name,
        reporter.model_id,
        tuple(draft.text for draft in drafts),
        {status: statuses[status] for status in DRAFT_STATUSES},
    )


def write_oracle_plans(
    reporter: Reporter, report_set: ReportSet, plan_codes: PlanCodes | None = None
) -> list[str] | None:
    """Return what a reporter writes of plans of the human codes; None where it writes no plans.

    A plan that it refuses to write gives no text.

    Args:
        plan_codes: makes the plans; None: the reporter makes them where it can (`PlansCodes`).
    """
    if not isinstance(reporter, WritesPlans):
        return None
    if plan_codes is None:
        if not isinstance(reporter, PlansCodes):
            return None
        plan_codes = partial(_plan_gold, reporter)
    studies = map(_hide_report, report_set.scored.studies)
    plans = map(plan_codes, report_set.scored.golds)
    return [_write_plan(reporter, *pair) for pair in zip(studies, plans, strict=True)]


def _plan_gold(reporter: PlansCodes, gold: Gold) -> Plan:
    return reporter.plan_codes(make_codes_of_gold(gold))


def _write_plan(reporter: WritesPlans, study: Study, plan: Plan) -> str:
    try:
        (draft,) = reporter.write_plans([study], [plan])
        return check_draft(draft).text
    except RadkgError:
        return ""


def read_predictions(path: Path) -> dict[str, str]:
    """Return the texts of a JSON Lines file of `{"study_id": ..., "text": ...}` by their study.

    Raises:
        SchemaError: a line is not of that form, or names a study again; the message names the line.
        StorageError: the file cannot be read.
    """
    found: dict[str, str] = {}
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except OSError as error:
        raise StorageError(f"cannot read {path}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise SchemaError(f"{path} is not UTF-8: {error.reason} at byte {error.start}") from error
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
            study_id, text = row["study_id"], row["text"]
        except (ValueError, KeyError, TypeError) as error:
            raise _refuse(path, number, f"{type(error).__name__}: {error}") from error
        if not (isinstance(study_id, str) and isinstance(text, str)):
            raise _refuse(path, number, "study_id and text are not both strings")
        if study_id in found:
            raise SchemaError(f"{path}, line {number}: study {study_id} has a text already")
        found[study_id] = text.strip()
    return found


def choose_predictions(found: Mapping[str, str], name: str, report_set: ReportSet) -> Written:
    """Return the texts of the studies that are scored, out of a file called `name`.

    Raises:
        SchemaError: a study is unknown, or one that is scored has no text.
    """
    scored = [study.study_id for study in report_set.scored.studies]
    unknown = sorted(found.keys() - report_set.known)
    if unknown:
        raise SchemaError(
            f"{name} has texts of studies that {report_set.archive} has not: {_name_some(unknown)}"
        )
    missing = [study_id for study_id in scored if study_id not in found]
    if missing:
        raise SchemaError(
            f"{name} lacks {len(missing)} of the {len(scored)} studies that are scored: "
            f'{_name_some(missing)}; where nothing was written the text is ""'
        )
    texts = tuple(found[study_id] for study_id in scored)
    return Written(name, None, texts, others=len(found) - len(scored))


def write_pairs(path: Path, report_set: ReportSet, written: Written) -> None:
    """Write reference and text of each study as JSON Lines: study_id, ref, hyp.

    Raises:
        StorageError: the file cannot be written.
    """
    with write_atomically(path) as file:
        for study, text in zip(report_set.scored.studies, written.texts, strict=True):
            row = {"study_id": study.study_id, "ref": make_reference(study), "hyp": text}
            file.write((json.dumps(row, ensure_ascii=False) + "\n").encode())


def _hide_report(study: Study) -> Study:
    return replace(study, report="", sections=())


def _refuse(path: Path, number: int, why: str) -> SchemaError:
    return SchemaError(
        f'{path}, line {number} is no {{"study_id": "CXR1", "text": "The lungs are clear."}}: {why}'
    )


def _name_some(study_ids: Sequence[str]) -> str:
    """Return the first ids and how many more there are."""
    more = len(study_ids) - 3
    return ", ".join(study_ids[:3]) + (f" and {more} more" if more > 0 else "")
