"""What requests hold and answers look like, as pydantic checks it and OpenAPI shows it."""

from __future__ import annotations

from datetime import date
from typing import Any, Literal, get_type_hints

from pydantic import BaseModel, ConfigDict, Field, create_model

from radkg.schema.drafts import Draft
from radkg.schema.records import OLDEST, Extraction, Sex, Source

_AGES = 150  # years; above OLDEST all are one


class StudyBody(BaseModel):
    """A study: its report, and what is known of it."""

    model_config = ConfigDict(extra="forbid", strict=True)

    report: str = Field(description="the report as it was written, in English")
    study_id: str | None = Field(default=None, description="default: a hash of the report")
    subject_id: str | None = Field(default=None, description="the patient; default: the study's id")
    study_date: date | None = None
    age: int | None = Field(
        default=None, ge=0, le=_AGES, description=f"years; above {OLDEST} all are one"
    )
    sex: Sex | None = None


class BatchBody(BaseModel):
    """Several studies, each with an id of its own."""

    model_config = ConfigDict(extra="forbid", strict=True)

    studies: list[StudyBody] = Field(min_length=1)


class Evidence(BaseModel):
    """The mention that shows a finding best: `report[start:end]`."""

    entity: int = Field(description="index into entities")
    text: str
    start: int | None
    end: int | None
    section: str | None
    source: Source


class Finding(BaseModel):
    """A finding of a study, summed up from its mentions."""

    finding: str = Field(description="name of the concept")
    state: Literal["present", "uncertain", "absent"]
    confidence: float
    mentions: int
    modifiers: list[str]
    places: list[str]
    suggests: list[str]
    evidence: Evidence


class Problem(BaseModel):
    """Why there is no answer (RFC 9457); never what was sent."""

    title: str
    status: int
    detail: str


class Health(BaseModel):
    """Whether the service can answer."""

    status: str


def _list_fields(record: type[Any]) -> dict[str, Any]:
    return {name: (hint, ...) for name, hint in get_type_hints(record).items()}


ExtractionAnswer = create_model(
    "ExtractionAnswer",
    __doc__="The row that `radkg extract` publishes, and its findings with their evidence.",
    **_list_fields(Extraction),
    findings=(list[Finding], ...),
)
BatchAnswer = create_model(
    "BatchAnswer",
    __doc__="A row for each study, in order; one that failed says why.",
    rows=(list[ExtractionAnswer], ...),  # type: ignore[valid-type]
)
DraftAnswer = create_model(
    "DraftAnswer",
    __doc__="A draft of a report: research, not for diagnosis.",
    notice=(str, ...),
    **_list_fields(Draft),
)
