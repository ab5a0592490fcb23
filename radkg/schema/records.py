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
from radkg.schema.limits import MAX_NAME_BYTES, is_too_long
from radkg.schema.reasons import MAX_REASON

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
        for i, entity in enumerate(extraction.entities):
            _check_entity(f"entity {i}", entity, report)
        for relation in extraction.relations:
            _check_relation(relation, len(extraction.entities))
    except SchemaError as error:
        raise SchemaError(f"study {extraction.study_id}: {error}") from None
    return extraction


def _check_row(row: Extraction) -> None:
    for name in ("study_id", "subject_id", "archive", "extractor", "model_id", "radkg_version"):
        _check_name(getattr(row, name), name)
    _text(row.study_fingerprint, "study_fingerprint")
    if row.status not in STATUSES:
        raise SchemaError(f"status is none of {STATUSES}")
    if row.condition not in CONDITIONS:
        raise SchemaError(f"condition is none of {CONDITIONS}")
    if type(row.study_date) not in (date, type(None)):
        raise SchemaError("study_date is no date")
    if row.age is not None and not (type(row.age) is int and 0 <= row.age <= OLDEST):
        raise SchemaError(f"age is no number of years from 0 to {OLDEST}")
    if row.sex not in (None, *SEXES):
        raise SchemaError(f"sex is none of {SEXES}")
    for view in row.view_positions:
        _text(view, "view_position")
    if row.view_positions != list_view_positions(row.view_positions):
        raise SchemaError("view_positions are not each there once, sorted")
    if row.status != "ok" and (row.entities or row.relations):
        raise SchemaError(f"status {row.status!r} with entities or relations")
    if row.status == "failed" and row.reason is None:
        raise SchemaError("status 'failed' without a reason")
    _text(row.reason or "", "reason")
    if len(row.reason or "") > MAX_REASON:
        raise SchemaError(f"the reason has more than {MAX_REASON} characters")


def _check_entity(which: str, entity: Entity, report: str | None) -> None:
    _text(entity.text, f"text of {which}")
    _check_name(entity.concept, f"concept of {which}")
    _text(entity.section or "", f"section of {which}")
    if entity.label not in LABELS:
        raise SchemaError(f"label of {which} is none of {LABELS}")
    if entity.source not in SOURCES:
        raise SchemaError(f"source of {which} is none of {SOURCES}")
    _confidence(which, entity.confidence)
    if not entity.text or entity.text != entity.text.strip() or not entity.concept:
        raise SchemaError(f"{which} needs a concept, and words without blanks around")
    start, end = entity.start, entity.end
    if entity.source == "image":
        if start is not None or end is not None:
            raise SchemaError(f"{which} is read from the image and has offsets")
        return
    if type(start) is not int or type(end) is not int or not 0 <= start < end < 2**31:
        raise SchemaError(f"offsets of {which} are not a span")
    if report is not None and report[start:end] != entity.text:
        raise SchemaError(f"text of {which} is not the report's at {start}:{end}")


def _check_relation(relation: Relation, num_entities: int) -> None:
    ends = (relation.head, relation.tail)
    if relation.relation not in RELATIONS:
        raise SchemaError(f"a relation is none of {RELATIONS}")
    if not all(type(i) is int and 0 <= i < num_entities for i in ends) or ends[0] == ends[1]:
        raise SchemaError(f"a relation does not join two of {num_entities} entities")
    _confidence("a relation", relation.confidence)


def _confidence(which: str, value: float) -> None:
    if type(value) not in (float, int) or not 0.0 <= value <= 1.0:
        raise SchemaError(f"confidence of {which} is outside [0, 1]")


def _check_name(value: str, name: str) -> None:
    _text(value, name)
    if is_too_long(value):
        raise SchemaError(f"{name} has more than {MAX_NAME_BYTES} bytes")


def _text(value: str, name: str) -> None:
    """Raise an error where a value is no text; messages never hold the value (reasons.py)."""
    if type(value) is not str:
        raise SchemaError(f"{name} is no text")
    if not value.isascii():
        try:
            value.encode()
        except UnicodeEncodeError:
            raise SchemaError(f"{name} cannot be written as UTF-8") from None
