"""From the body of a request to studies; whatever is wrong with it is said without its words."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator, Mapping
from typing import Any, NamedTuple, TypeVar

from pydantic import BaseModel, ValidationError
from starlette.datastructures import FormData, UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import Request

from radkg.archive.files.members import digest
from radkg.service.refusal import Refusal
from radkg.service.schemas import BatchBody, StudyBody

MOST_IMAGES = 16  # of one study
_MOST_FIELDS = 24
_PIECE = 64 << 10  # bytes that are parsed before others may go on
_IMAGE_NAME = re.compile(r"[^\x00-\x1f\x7f;|,\ud800-\udfff]{1,200}")
_FIELDS = tuple(StudyBody.model_fields)
_Body = TypeVar("_Body", bound=BaseModel)

JSON, TEXT, FORM = "application/json", "text/plain", "multipart/form-data"


class SentFile(NamedTuple):
    """An image as it was sent."""

    name: str
    data: bytes


class SentStudy(NamedTuple):
    """A study as it was sent: the columns of a table of reports, and its images."""

    values: dict[str, Any]
    images: tuple[SentFile, ...] = ()


def get_media_type(headers: Mapping[str, str]) -> str:
    """Return the media type of a body, without its parameters."""
    return headers.get("content-type", "").partition(";")[0].strip().lower()


async def read_study(request: Request) -> SentStudy:
    """Return the study of a request: JSON, a report as text, or a form with images.

    Raises:
        Refusal: the body is none of these, or is damaged.
    """
    kind = get_media_type(request.headers)
    body = await request.body()
    if kind == JSON:
        return SentStudy(_list_values(_validate(StudyBody, body)))
    if kind == TEXT:
        return SentStudy(_list_values(StudyBody(report=_decode(body))))
    if kind == FORM:
        return await _read_form(request, body)
    raise Refusal(415, f"send {JSON}, {TEXT} or {FORM}")


async def read_batch(request: Request, most: int) -> list[SentStudy]:
    """Return the studies of a request, in order.

    Args:
        request: with JSON as its body.
        most: studies that it may have.

    Raises:
        Refusal: the body is something else, has too many studies, or two of one id.
    """
    if get_media_type(request.headers) != JSON:
        raise Refusal(415, f"send {JSON}")
    studies = _validate(BatchBody, await request.body()).studies
    if len(studies) > most:
        raise Refusal(413, f"the request has {len(studies)} studies: send at most {most} at once")
    values = [_list_values(study) for study in studies]
    named = [study.study_id for study in studies if study.study_id is not None]
    if len(set(named)) < len(named):
        raise Refusal(422, "two studies of the request have the same study_id")
    return [SentStudy(each) for each in values]


def _validate(kind: type[_Body], body: bytes) -> _Body:
    try:
        return kind.model_validate_json(body)
    except ValidationError as error:
        found = error.errors(include_url=False, include_context=False, include_input=False)
        if any(each["type"] == "json_invalid" for each in found):
            raise Refusal(400, f"the body is no JSON in UTF-8: {_place(body)}") from None
        raise Refusal(422, "; ".join(sorted({_describe(each) for each in found[:5]}))) from None


def _place(body: bytes) -> str:
    """Return where JSON is damaged; parsers quote nothing of it, but for keys."""
    try:
        json.loads(body)
    except json.JSONDecodeError as error:
        return f"line {error.lineno}, column {error.colno}"
    except UnicodeDecodeError as error:
        return f"byte {error.start}"
    except (ValueError, RecursionError):
        return "it is nested too deeply, or a number is too long"
    return "a text holds half a surrogate pair"


def _describe(error: Mapping[str, Any]) -> str:
    """Return what is wrong with a field; a name that the client made up is not repeated."""
    known = {*_FIELDS, "studies"}
    parts = [str(p) for p in error["loc"] if isinstance(p, int) or p in known]
    where = ".".join(parts) or "the body"
    if error["type"] == "extra_forbidden":
        return f"{where} has a field that is not known: known are {', '.join(_FIELDS)}"
    return f"{where}: {error['type'].replace('_', ' ')}"


def _list_values(study: StudyBody) -> dict[str, Any]:
    values = study.model_dump(exclude_none=True)
    values.setdefault("study_id", digest(study.report.encode()))
    return values


def _decode(body: bytes) -> str:
    try:
        return body.decode()
    except UnicodeDecodeError as error:
        raise Refusal(400, f"the report is not UTF-8 at byte {error.start}") from None


class _InMemory(MultiPartParser):
    """Keeps files in memory: a body is bounded, and no image of a patient goes to a disk."""

    spool_max_size = 1 << 40


async def _read_form(request: Request, body: bytes) -> SentStudy:
    async def stream() -> AsyncIterator[bytes]:
        for start in range(0, len(body), _PIECE):
            yield body[start : start + _PIECE]

    try:
        parser = _InMemory(
            request.headers,
            stream(),  # type: ignore[arg-type]
            max_files=MOST_IMAGES + 8,  # fields may come as files too
            max_fields=_MOST_FIELDS,
            max_part_size=len(body) + 1,
        )
        form = await parser.parse()
    except MultiPartException as error:
        if "Too many" in error.message:
            raise Refusal(422, f"send at most {MOST_IMAGES} images of one study") from None
        raise Refusal(400, "the form is damaged: send multipart/form-data") from None
    except (KeyError, ValueError, LookupError):
        raise Refusal(400, "the form is damaged: send multipart/form-data") from None
    try:
        return await _collect(form)
    finally:
        await form.close()


async def _collect(form: FormData) -> SentStudy:
    fields: dict[str, str] = {}
    views: list[str] = []
    images: list[SentFile] = []
    for name, value in form.multi_items():
        if name == "image":
            if not isinstance(value, UploadFile):
                raise Refusal(422, "image is no file: send it with a file name")
            images.append(SentFile(_name(value.filename), await value.read()))
            continue
        text = _decode(await value.read()) if isinstance(value, UploadFile) else value
        if name == "view_position":
            views.append(text)
        elif name not in _FIELDS:
            known = ", ".join((*_FIELDS, "image", "view_position"))
            raise Refusal(422, f"the form has a field that is not known: known are {known}")
        elif name in fields:
            raise Refusal(422, f"{name} stands twice")
        else:
            fields[name] = text
    if len(images) > MOST_IMAGES:
        raise Refusal(422, f"send at most {MOST_IMAGES} images of one study")
    names = [image.name for image in images]
    if len(set(names)) < len(names):
        raise Refusal(422, "two images have the same file name")
    if views and len(views) != len(images):
        raise Refusal(422, "give one view_position for each image")
    study: dict[str, Any] = {"report": "", **fields}
    if "age" in study and study["age"].isascii() and study["age"].isdecimal():
        study["age"] = int(study["age"][:6])
    try:  # by way of JSON, whose dates are texts
        as_json = json.dumps(study, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        raise Refusal(400, "a field of the form is not UTF-8") from None
    values = _list_values(_validate(StudyBody, as_json))
    if images:
        values |= {"images": names, "view_position": views}
        if "study_id" not in fields:
            values["study_id"] = digest(study["report"].encode(), *(image.data for image in images))
    return SentStudy(values, tuple(images))


def _name(filename: str | None) -> str:
    """Return the name of an image: the last part of what the client calls it."""
    name = re.split(r"[/\\]", filename or "")[-1].strip()
    if not _IMAGE_NAME.fullmatch(name):
        raise Refusal(422, "the file name of an image is empty, too long or holds separators")
    return name
