"""What OpenAPI says of the service beyond what FastAPI sees: bodies, forms of answers, refusals."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from typing import Any

from fastapi import FastAPI
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from radkg.service.bodies import FORM, JSON, MOST_IMAGES, TEXT
from radkg.service.forms import get_media_type
from radkg.service.refusal import MEDIA_TYPE
from radkg.service.schemas import (
    BatchAnswer,
    BatchBody,
    DraftAnswer,
    ExtractionAnswer,
    Health,
    Problem,
    StudyBody,
)
from radkg.service.submission import Form

REFUSALS = {
    400: "The body is damaged: no JSON, no form, not UTF-8; or the Host is not this machine's.",
    401: "The token is missing or wrong.",
    403: "Another page asked.",
    406: "The client accepts no form of the answer.",
    408: "The header or the body came too slowly.",
    413: "The body, the number of studies or the number of images is too large.",
    415: "The body is of a type that is not read.",
    422: "The study cannot be read: a field has no such value, the report is not in English, an"
    " image is damaged or no radiograph.",
    500: "The study ended the process that read it.",
    503: "Too much waits, or no model is ready: try again after Retry-After seconds.",
    504: "The answer took too long.",
}
_SCHEMAS = "#/components/schemas/{model}"
_MODELS = (StudyBody, BatchBody, ExtractionAnswer, BatchAnswer, DraftAnswer, Health, Problem)


def describe_body(body: type[BaseModel], *, has_form: bool = False) -> dict[str, Any]:
    """Return the body of a route: JSON, and a report as text or a form with images."""
    content: dict[str, Any] = {JSON: {"schema": _refer(body)}}
    if has_form:
        content[TEXT] = {"schema": {"type": "string"}}
        content[FORM] = {"schema": _describe_form()}
    return {"requestBody": {"required": True, "content": content}}


def describe_responses(
    answer: type[BaseModel], forms: tuple[Form, ...], *, batch: bool = False
) -> dict[int | str, dict[str, Any]]:
    """Return the responses of a route: the answer in its forms, and all refusals."""
    content: dict[str, Any] = {}
    for form in forms:
        schema = _refer(answer) if form == "radkg" else {"type": "object"}
        content[get_media_type(form, batch=batch)] = {"schema": schema}
    if batch:
        content[get_media_type("fhir", batch=True)] = {"schema": {"type": "string"}}
    responses: dict[int | str, dict[str, Any]] = {
        200: {"description": "The answer.", "content": content}
    }
    return responses | describe_refusals(*REFUSALS)


def describe_refusals(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Return the responses of these statuses."""
    content = {MEDIA_TYPE: {"schema": _refer(Problem)}}
    return {status: {"description": REFUSALS[status], "content": content} for status in statuses}


def set_openapi(app: FastAPI, *, has_token: bool) -> None:
    """Let an application describe itself with the schemas of this file."""
    describe = app.openapi

    @functools.cache
    def described() -> dict[str, Any]:
        document = describe()
        _, found = models_json_schema(
            [(model, "validation") for model in _MODELS], ref_template=_SCHEMAS
        )
        components = document.setdefault("components", {})
        components["schemas"] = components.get("schemas", {}) | found["$defs"]
        if has_token:
            components["securitySchemes"] = {"token": {"type": "http", "scheme": "bearer"}}
            for path, methods in document["paths"].items():
                for method in methods.values() if path.startswith(("/v1/", "/metrics")) else ():
                    method["security"] = [{"token": []}]
        return document

    vars(app)["openapi"] = described


def _refer(model: type[BaseModel]) -> dict[str, str]:
    return {"$ref": _SCHEMAS.format(model=model.__name__)}


def _describe_form() -> Mapping[str, Any]:
    texts = {name: {"type": "string"} for name in StudyBody.model_fields}
    many = {"type": "array", "maxItems": MOST_IMAGES}
    return {
        "type": "object",
        "additionalProperties": False,
        "properties": {
            **texts,
            "image": {**many, "items": {"type": "string", "format": "binary"}},
            "view_position": {**many, "items": {"type": "string"}},
        },
    }
