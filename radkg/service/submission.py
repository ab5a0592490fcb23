"""A study as a client sends it, on its way to a model, and what comes back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, NamedTuple, get_args

from radkg.extractor import PreparedImage
from radkg.schema.records import Condition

Form = Literal["radkg", "radgraph", "fhir"]
FORMS: tuple[Form, ...] = get_args(Form)


class SentImage(NamedTuple):
    """An image of a study: what it is called, where it counts as being, and its grey square."""

    name: str
    location: str
    """stands for its bytes, and is no place"""
    size: int
    """bytes"""
    prepared: PreparedImage


class Submission(NamedTuple):
    """A study to be read."""

    values: Mapping[str, Any]
    """by column of a table of reports"""
    form: Form
    """of the answer"""
    images: tuple[SentImage, ...] = ()
    problem: str | None = None
    """why it cannot be read: it ended or hung a process before"""


class Answer(NamedTuple):
    """What a model says of a study."""

    status: str
    """of the row"""
    reason: str | None
    """of the row"""
    body: bytes
    """the row in the form that was asked for"""
    is_lost: bool = False
    """whether the study ended or hung a process"""


class ModelFacts(NamedTuple):
    """What the parent knows of the model in a process."""

    name: str
    model_id: str
    condition: Condition
    preprocessing: Any
    """of images, a `Preprocessing`; None: the model looks at none"""
