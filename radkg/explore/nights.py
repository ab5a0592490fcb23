"""The requests of the nights' view: which nights stand, and what changed between two of them.

The numbers are those of `radkg diff`. Where the archive is at hand, each study that is named as
evidence has its sentence as either night read it.
"""

from __future__ import annotations

import functools
from typing import Annotated, Any

import pyarrow as pa
import pyarrow.compute as pc
from fastapi import APIRouter, HTTPException, Query
from pydantic import Field

from radkg.errors import SnapshotError
from radkg.explore.evidence import quote
from radkg.explore.snapshot_reader import SnapshotReader
from radkg.population.diffs import read_diff
from radkg.population.nights import Nights
from radkg.run.diff import Diff, Evidence, FindingChange
from radkg.run.gate import MIN_SUPPORT, Gate
from radkg.run.names import find_snapshot, list_nights
from radkg.run.retractions import Retractions, read_retractions
from radkg.run.snapshot import Snapshot, read_snapshot
from radkg.schema.mentions import STATES
from radkg.schema.records import Entity, Study

SHOWN_FINDINGS = 40  # that changed
USUAL_GATE = 0.05  # of the documents' example; a run keeps no gate of its own
_COMPARED = 4  # pairs of nights in memory

Text = Annotated[str, Field(max_length=200)]
Share = Annotated[float, Query(ge=0.0, le=1.0, allow_inf_nan=False)]


def make_nights_router(reader: SnapshotReader, nights: Nights) -> APIRouter:
    """Return the requests about the nights of the run that the page shows."""
    storage = reader.snapshot.storage
    router = APIRouter(prefix="/api/nights")

    @functools.lru_cache(maxsize=_COMPARED)
    def compare(before: str, after: str) -> Diff:
        return read_diff(read_snapshot(storage, before), read_snapshot(storage, after))

    @router.get("")
    def standing() -> list[dict[str, Any]]:
        gone = read_retractions(storage).ids["run"]
        found = [
            _describe_night(reader, snapshot_id, day.isoformat() if day else None)
            for snapshot_id, day in reversed(list_nights(storage))
            if snapshot_id not in gone
        ]
        return [night for night in found if night is not None]

    @router.get("/compare")
    def compared(before: Text, after: Text, gate: Share = USUAL_GATE) -> dict[str, Any]:
        retractions = read_retractions(storage)
        old, new = (_find(reader, name, retractions) for name in (before, after))
        found = compare(old.snapshot_id, new.snapshot_id)
        shown = found.findings[:SHOWN_FINDINGS]
        ids = {e.study_id for c in shown for e in c.evidence}
        studies, here = reader.read_studies(ids), _choose_shown(nights, ids)
        return {
            "before": old.snapshot_id,
            "after": new.snapshot_id,
            "studies": found.studies,
            "statuses": found.statuses,
            "causes": found.causes,
            "gate": _judge(Gate(gate), found),
            "changed_findings": len(found.findings),
            "findings": [_describe_finding(change, here, studies, retractions) for change in shown],
        }

    return router


def _describe_night(
    reader: SnapshotReader, snapshot_id: str, day: str | None
) -> dict[str, Any] | None:
    """Return a night; None where it is damaged, or holds something else."""
    try:
        snapshot = read_snapshot(reader.snapshot.storage, snapshot_id)
    except SnapshotError:
        return None
    return {
        "night": snapshot_id,
        "day": day,
        "studies": snapshot.num_studies,
        "reader": snapshot.extractor,
        "shown": snapshot_id == reader.snapshot.snapshot_id,
    }


def _find(reader: SnapshotReader, name: str, retractions: Retractions) -> Snapshot:
    found = find_snapshot(name, reader.snapshot.storage)
    if found.snapshot_id in retractions.ids["run"]:
        raise HTTPException(404, "this night is retracted")
    return found


def _judge(gate: Gate, found: Diff) -> dict[str, Any]:
    """Return the verdict of the gate: open, or which findings shut it."""
    failing = [
        {"finding": c.finding, "flipped": c.flipped, "of": c.before}
        for c in gate.list_failing(found)
    ]
    return {"share": gate.share, "min_support": MIN_SUPPORT, "failing": failing}


def _describe_finding(
    change: FindingChange,
    here: set[str],
    studies: dict[str, Study],
    retractions: Retractions,
) -> dict[str, Any]:
    shown = [e for e in change.evidence if _is_visible(e, studies, retractions)]
    return {
        "finding": change.finding,
        "before": change.before,
        "after": change.after,
        "added": change.added,
        "removed": change.removed,
        "flipped": change.flipped,
        "share": change.share,
        "flips": change.flips,
        "evidence": [_describe_evidence(e, here, studies.get(e.study_id)) for e in shown],
    }


def _choose_shown(nights: Nights, ids: set[str]) -> set[str]:
    """Return those of the studies that the page can open."""
    population = nights.open().population
    known = population.study_id.filter(pa.array(population.visible))
    return set(known.filter(pc.is_in(known, pa.array(sorted(ids), pa.string()))).to_pylist())


def _is_visible(evidence: Evidence, studies: dict[str, Study], retractions: Retractions) -> bool:
    """Tell whether neither study nor patient is retracted; who is unknown may be."""
    if evidence.study_id in retractions.ids["study"]:
        return False
    subjects = retractions.ids["subject"]
    study = studies.get(evidence.study_id)
    return not subjects if study is None else study.subject_id not in subjects


def _describe_evidence(evidence: Evidence, here: set[str], study: Study | None) -> dict[str, Any]:
    return {
        "study_id": evidence.study_id,
        "at_hand": study is not None and evidence.study_id in here,
        "change": evidence.change,
        "cause": evidence.cause.split("+"),
        "before": _describe_mention(evidence.before, study),
        "after": _describe_mention(evidence.after, study),
    }


def _describe_mention(mention: Entity | None, study: Study | None) -> dict[str, Any] | None:
    """Return what one night read; `sentence` is HTML, None where the report is not the one read."""
    if mention is None:
        return None
    is_same = study is not None and study.report[mention.start : mention.end] == mention.text
    sentence = None
    if study is not None and mention.start is not None and is_same:
        sentence = quote(study, [mention])
    return {
        "state": STATES[mention.label],
        "words": mention.text,
        "section": mention.section or mention.source,
        "sentence": sentence,
    }
