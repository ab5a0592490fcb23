"""The records of the river: Study in, Extraction out; standard library only.

Names are the same in Arrow, Cypher and on the command line. Offsets are character offsets into
`Study.report`, end exclusive. Labels and relations are RadGraph's (Jain et al., NeurIPS 2021).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, Literal, get_args

from radkg.errors import SchemaError

Label = Literal["ANAT-DP", "OBS-DP", "OBS-U", "OBS-DA"]
RelationType = Literal["modify", "located_at", "suggestive_of"]
Status = Literal["ok", "empty", "failed"]
Source = Literal["report", "image"]
Condition = Literal["image+report", "report", "image"]

LABELS: tuple[Label, ...] = get_args(Label)
RELATIONS: tuple[RelationType, ...] = get_args(RelationType)
STATUSES: tuple[Status, ...] = get_args(Status)
SOURCES: tuple[Source, ...] = get_args(Source)


@dataclass(frozen=True, slots=True)
class Section:
    """A named part of a report: `report[start:end]`, heading excluded."""

    name: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Image:
    """One picture of a study; `view_position` and `location` are None where unknown."""

    image_id: str
    view_position: str | None = None
    location: str | None = None


@dataclass(frozen=True, slots=True)
class Study:
    """One imaging event with its report; `fingerprint` changes when any of its bytes do."""

    study_id: str
    subject_id: str
    archive: str
    study_date: date | None
    report: str
    sections: tuple[Section, ...]
    images: tuple[Image, ...]
    split: str | None
    fingerprint: str


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A study that cannot be read, and why; `record` says who it is, as in the archive's index."""

    record: Mapping[str, Any]
    reason: str


@dataclass(frozen=True, slots=True)
class Entity:
    """A mention: `report[start:end] == text`; no offsets where the image is the source."""

    text: str
    label: Label
    concept: str
    start: int | None
    end: int | None
    section: str | None
    source: Source = "report"
    confidence: float = 1.0


@dataclass(frozen=True, slots=True)
class Relation:
    """A directed relation between two entities of one extraction, by their indices."""

    head: int
    tail: int
    relation: RelationType
    confidence: float = 1.0


@dataclass(frozen=True, slots=True)
class Extraction:
    """What an extractor found in one study: one row out for one study in."""

    study_id: str
    subject_id: str
    archive: str
    study_date: date | None
    status: Status
    reason: str | None
    entities: tuple[Entity, ...]
    relations: tuple[Relation, ...]
    extractor: str
    model_id: str
    condition: Condition
    study_fingerprint: str
    radkg_version: str

    def triplets(self) -> list[tuple[str, str, str]]:
        """Return (head text, relation, tail text) for each relation, in order."""
        return [
            (self.entities[r.head].text, r.relation, self.entities[r.tail].text)
            for r in self.relations
        ]


def failed(extraction: Extraction, reason: str) -> Extraction:
    """Return `extraction` as a failed row: no entities, no relations, and the reason."""
    return dataclasses.replace(
        extraction, status="failed", reason=reason, entities=(), relations=()
    )


def check(extraction: Extraction, report: str | None = None) -> Extraction:
    """Return `extraction` unchanged if it is valid and, given the report, grounded in it.

    Raises:
        SchemaError: a label, relation, index, offset, confidence or status is not allowed.
    """

    def refuse(what: str) -> None:
        raise SchemaError(f"study {extraction.study_id}: {what}")

    if extraction.status not in STATUSES:
        refuse(f"status {extraction.status!r} is none of {STATUSES}")
    if extraction.status != "ok" and (extraction.entities or extraction.relations):
        refuse(f"status {extraction.status!r} with entities or relations")
    if (extraction.status == "failed") != (extraction.reason is not None):
        refuse("a reason stands with status 'failed' and only there")
    for entity in extraction.entities:
        if entity.label not in LABELS:
            refuse(f"label {entity.label!r} is none of {LABELS}")
        if not 0.0 <= entity.confidence <= 1.0:
            refuse(f"confidence {entity.confidence} is outside [0, 1]")
        if not entity.text or entity.text != entity.text.strip() or not entity.concept:
            refuse(f"an entity needs a concept, and words without blanks around them: {entity}")
        if entity.source not in SOURCES:
            refuse(f"source {entity.source!r} is none of {SOURCES}")
        if entity.source == "image":
            if entity.start is not None or entity.end is not None:
                refuse(f"an entity read from the image has no offsets: {entity}")
        elif entity.start is None or entity.end is None or not 0 <= entity.start < entity.end:
            refuse(f"offsets of {entity.text!r} are not a span: {entity.start}, {entity.end}")
        elif report is not None and report[entity.start : entity.end] != entity.text:
            refuse(f"{entity.text!r} is not the report's text at {entity.start}:{entity.end}")
    for relation in extraction.relations:
        if relation.relation not in RELATIONS:
            refuse(f"relation {relation.relation!r} is none of {RELATIONS}")
        ends = (relation.head, relation.tail)
        if relation.head == relation.tail or not all(
            0 <= i < len(extraction.entities) for i in ends
        ):
            refuse(f"relation {ends} does not join two of {len(extraction.entities)} entities")
        if not 0.0 <= relation.confidence <= 1.0:
            refuse(f"confidence {relation.confidence} is outside [0, 1]")
    return extraction
