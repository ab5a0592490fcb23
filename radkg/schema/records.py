"""The records of the river: Study in, Extraction out; standard library only.

Names are the same in Arrow, Cypher and on the command line. Offsets are character offsets into
`Study.report`, end exclusive. Labels and relations are RadGraph's (Jain et al., NeurIPS 2021).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
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
CONDITIONS: tuple[Condition, ...] = get_args(Condition)
Sex = Literal["female", "male", "other"]
SEXES: tuple[Sex, ...] = get_args(Sex)
OLDEST = 90  # an age of 90 stands for 90 and more: who is that old could be recognised
Device = Literal["cpu", "cuda"]
DEVICES: tuple[Device, ...] = get_args(Device)


@dataclass(frozen=True, slots=True)
class Section:
    """A named part of a report: `report[start:end]`, heading excluded."""

    name: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Image:
    """One image of a study; `view_position` and `location` are None where unknown."""

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
    age: int | None = None
    """at the study, in full years, OLDEST for all that are older; None where unknown"""
    sex: Sex | None = None
    """None where unknown"""
    study_views: tuple[str, ...] = ()
    """view positions that the archive gives of the study and of no image"""

    @property
    def view_positions(self) -> tuple[str, ...]:
        """Of the study and of its images, as the archive names them; each once, sorted."""
        return list_view_positions([*self.study_views, *(i.view_position for i in self.images)])


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
    reason: str | None  # why it failed; of one that was read, what of its report was not
    entities: tuple[Entity, ...]
    relations: tuple[Relation, ...]
    extractor: str
    model_id: str
    condition: Condition
    study_fingerprint: str
    radkg_version: str
    view_positions: tuple[str, ...] = ()
    """what the archive says of the study, whoever reads it: as in Study"""
    age: int | None = None
    sex: Sex | None = None

    def list_triplets(self) -> list[tuple[str, str, str]]:
        """Return (head text, relation, tail text) for each relation, in order."""
        return [
            (self.entities[r.head].text, r.relation, self.entities[r.tail].text)
            for r in self.relations
        ]


def list_view_positions(of_images: Iterable[str | None]) -> tuple[str, ...]:
    """Return the known ones, each once, sorted."""
    return tuple(sorted({view for view in of_images if view}))


def check_extraction(extraction: Extraction, report: str | None = None) -> Extraction:
    """Return `extraction` unchanged if it is valid and, given the report, grounded in it.

    Raises:
        SchemaError: a label, relation, index, offset, confidence or status is not allowed, or a
            value is not of its type.
    """
    try:
        _check_row(extraction)
        for entity in extraction.entities:
            _check_entity(entity, report)
        for relation in extraction.relations:
            _check_relation(relation, len(extraction.entities))
    except SchemaError as error:
        raise SchemaError(f"study {extraction.study_id}: {error}") from None
    return extraction


def _check_row(row: Extraction) -> None:
    for name in ("study_id", "subject_id", "archive", "extractor", "model_id", "radkg_version"):
        _text(getattr(row, name), name)
    _text(row.study_fingerprint, "study_fingerprint")
    if row.status not in STATUSES:
        raise SchemaError(f"status {row.status!r} is none of {STATUSES}")
    if row.condition not in CONDITIONS:
        raise SchemaError(f"condition {row.condition!r} is none of {CONDITIONS}")
    if type(row.study_date) not in (date, type(None)):
        raise SchemaError(f"study_date {row.study_date!r} is no date")
    if row.age is not None and not (type(row.age) is int and 0 <= row.age <= OLDEST):
        raise SchemaError(f"age {row.age!r} is no number of years from 0 to {OLDEST}")
    if row.sex not in (None, *SEXES):
        raise SchemaError(f"sex {row.sex!r} is none of {SEXES}")
    for view in row.view_positions:
        _text(view, "view_position")
    if row.view_positions != list_view_positions(row.view_positions):
        raise SchemaError(f"view_positions {row.view_positions!r} are not each there once, sorted")
    if row.status != "ok" and (row.entities or row.relations):
        raise SchemaError(f"status {row.status!r} with entities or relations")
    if row.status == "failed" and row.reason is None:
        raise SchemaError("status 'failed' without a reason")
    _text(row.reason or "", "reason")


def _check_entity(entity: Entity, report: str | None) -> None:
    for name in ("text", "concept"):
        _text(getattr(entity, name), name)
    _text(entity.section or "", "section")
    if entity.label not in LABELS:
        raise SchemaError(f"label {entity.label!r} is none of {LABELS}")
    if entity.source not in SOURCES:
        raise SchemaError(f"source {entity.source!r} is none of {SOURCES}")
    _confidence(entity.confidence)
    if not entity.text or entity.text != entity.text.strip() or not entity.concept:
        raise SchemaError(f"an entity needs a concept, and words without blanks around: {entity}")
    if entity.source == "image":
        if entity.start is not None or entity.end is not None:
            raise SchemaError(f"an entity read from the image has no offsets: {entity}")
        return
    start, end = entity.start, entity.end
    if type(start) is not int or type(end) is not int or not 0 <= start < end < 2**31:
        raise SchemaError(f"offsets of {entity.text!r} are not a span: {start}, {end}")
    if report is not None and report[start:end] != entity.text:
        raise SchemaError(f"{entity.text!r} is not the report's text at {start}:{end}")


def _check_relation(relation: Relation, num_entities: int) -> None:
    ends = (relation.head, relation.tail)
    if relation.relation not in RELATIONS:
        raise SchemaError(f"relation {relation.relation!r} is none of {RELATIONS}")
    if not all(type(i) is int and 0 <= i < num_entities for i in ends) or ends[0] == ends[1]:
        raise SchemaError(f"relation {ends} does not join two of {num_entities} entities")
    _confidence(relation.confidence)


def _confidence(value: float) -> None:
    if type(value) not in (float, int) or not 0.0 <= value <= 1.0:
        raise SchemaError(f"confidence {value!r} is outside [0, 1]")


def _text(value: str, name: str) -> None:
    if type(value) is not str:
        raise SchemaError(f"{name} {value!r} is no text")
    if not value.isascii():
        try:
            value.encode()
        except UnicodeEncodeError:
            raise SchemaError(f"{name} {value!r} cannot be written as UTF-8") from None
