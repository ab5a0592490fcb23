"""Studies to answers, in the process of a model: rows as a run makes them, in the form asked for.

`make_answerer` and `make_image_reader` make what a `Child` does.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import orjson

from radkg.archive.files.messages import sanitize
from radkg.archive.formats.given import read_given_study
from radkg.errors import ArchiveError
from radkg.extractor import PreparedImage, check_device
from radkg.interchange.fhir import to_bundle
from radkg.interchange.fhir_drafts import RESEARCH, make_draft_resources
from radkg.interchange.fhir_parts import make_id, make_url
from radkg.interchange.published import PublishedDraft
from radkg.run.isolation import Limits
from radkg.run.making import Maker, load_maker
from radkg.run.settings import ModelSpec
from radkg.schema.arrow import to_table
from radkg.schema.draft_table import to_draft_table
from radkg.schema.drafts import Draft
from radkg.schema.findings import list_findings
from radkg.schema.mentions import STATES
from radkg.schema.radgraph import to_document
from radkg.schema.records import Condition, Extraction, Study, Unreadable
from radkg.service.submission import FORMS, Answer, ModelFacts, SentImage, Submission

if TYPE_CHECKING:
    from radkg.model.vision.preprocessing import Preprocessing

Row = Any  # an Extraction or a Draft
Encode = Callable[[Sequence[Submission], Sequence[Row]], list[bytes]]
ImageJob = tuple[str, bytes, "Preprocessing"]
"""name, bytes of the file, and how it is prepared"""
_FINDING = (
    *("name", "label", "confidence", "mentions", "modifiers", "places", "suggests", "strongest"),
)
_EXTRACTION_FIELDS = tuple(field.name for field in fields(Extraction))
_DRAFT_FIELDS = tuple(field.name for field in fields(Draft))


def make_answerer(
    spec: ModelSpec, limits: Limits
) -> tuple[Callable[[Sequence[Submission]], list[Answer]], ModelFacts]:
    """Return what answers submissions with a model, and what the model is.

    Raises:
        RadkgError: the model cannot be loaded, or its device is not here.
    """
    maker = load_maker(spec)
    check_device(maker.model)
    limits.bound_memory()
    condition: Condition = "image" if spec.kind == "drafts" else maker.model.condition
    facts = ModelFacts(maker.model.name, maker.model.model_id, condition, maker.preprocessing)
    encode = _encode_drafts if spec.kind == "drafts" else _encode_extractions
    _warm_up(maker, encode)
    return (lambda submissions: make_answers(maker, submissions, encode)), facts


def _warm_up(maker: Maker, encode: Encode) -> None:
    """Answer once in every form: what is imported and built at the first study takes seconds."""
    values = {"study_id": "warm", "report": "Small left effusion. No pneumothorax."}
    make_answers(maker, [Submission(values, form) for form in FORMS], encode)


def make_image_reader(
    limits: Limits,
) -> tuple[Callable[[Sequence[ImageJob]], list[PreparedImage]], None]:
    """Return what prepares images, or says why there is none."""
    limits.bound_memory()
    return (lambda jobs: [_prepare_image(*job) for job in jobs]), None


def _prepare_image(name: str, data: bytes, preprocessing: Preprocessing) -> PreparedImage:
    from radkg.archive.images.pixels import decode_radiograph

    try:
        square: PreparedImage = preprocessing.make_square(decode_radiograph(name, data)).numpy()
    except ArchiveError as error:
        return str(error)
    except MemoryError:
        return f"{sanitize(name)} needs more memory than a process may take: export it smaller"
    return square


def make_answers(maker: Maker, submissions: Sequence[Submission], encode: Encode) -> list[Answer]:
    """Return an answer for each submission, in order."""
    items = [_read_study(each) for each in submissions]
    rows: list[Row] = [None] * len(items)
    for part in _part_by_id(items):
        images: dict[str, PreparedImage] = {
            image.location: image.prepared
            for place, *_ in part
            for image in submissions[place].images
        }
        made = maker.make_rows([items[place] for place, *_ in part], images or None)
        for places, row in zip(part, made, strict=True):
            for place in places:
                rows[place] = row
    bodies = encode(submissions, rows)
    return [Answer(row.status, row.reason, body) for row, body in zip(rows, bodies, strict=True)]


def _read_study(submission: Submission) -> Study | Unreadable:
    images = _locate_images(submission.images)
    return read_given_study(submission.values, images, submission.problem)


def _locate_images(images: Sequence[SentImage]) -> dict[str, tuple[str, int]]:
    """Return location and size of each image by its name."""
    return {image.name: (image.location, image.size) for image in images}


def _part_by_id(items: Sequence[Study | Unreadable]) -> list[list[list[int]]]:
    """Return the items in parts, none of which has two studies of one id; equal studies are one.

    Clients name their studies, so two of them may mean different studies by one name. An item is
    the list of its places.
    """
    parts: list[dict[str, list[int]]] = []
    for i, item in enumerate(items):
        name = item.study_id if isinstance(item, Study) else str(item.record["study_id"])
        for part in parts:
            places = part.setdefault(name, [])
            if not places or items[places[0]] == item:
                places.append(i)
                break
        else:
            parts.append({name: [i]})
    return [list(part.values()) for part in parts]


def _encode_extractions(submissions: Sequence[Submission], rows: Sequence[Row]) -> list[bytes]:
    (batch,) = to_table(rows).combine_chunks().to_batches()
    findings = list_findings(batch, _FINDING).to_pylist()
    now = datetime.now(UTC)
    bodies = []
    for i, (submission, row, found) in enumerate(zip(submissions, rows, findings, strict=True)):
        if submission.form == "radgraph":
            document = to_document(row, str(submission.values["report"]))
            bodies.append(orjson.dumps({row.study_id: document}))
        elif submission.form == "fhir":
            (arrow_row,) = batch.slice(i, 1).to_pylist()
            bodies.append(orjson.dumps(to_bundle(arrow_row, found, None, now)))
        else:
            own = {name: getattr(row, name) for name in _EXTRACTION_FIELDS}
            own["findings"] = [_describe_finding(row, finding) for finding in found]
            bodies.append(orjson.dumps(own))
    return bodies


def _describe_finding(row: Extraction, finding: Mapping[str, Any]) -> dict[str, Any]:
    """Return a finding with the mention that shows it best as its evidence."""
    place = finding["strongest"]
    entity = row.entities[place]
    return {
        "finding": finding["name"],
        "state": STATES[finding["label"]],
        "confidence": finding["confidence"],
        "mentions": finding["mentions"],
        **{name: finding[name] or [] for name in ("modifiers", "places", "suggests")},
        "evidence": {
            "entity": place,
            **{name: getattr(entity, name) for name in ("text", "start", "end")},
            **{name: getattr(entity, name) for name in ("section", "source")},
        },
    }


def _encode_drafts(submissions: Sequence[Submission], rows: Sequence[Row]) -> list[bytes]:
    now = datetime.now(UTC)
    bodies = []
    for submission, row in zip(submissions, rows, strict=True):
        if submission.form == "fhir":
            (arrow_row,) = to_draft_table([row]).to_pylist()
            resources = make_draft_resources(PublishedDraft(arrow_row, None, now), with_text=True)
            bundle = {
                "resourceType": "Bundle",
                "id": make_id(arrow_row, f"draft/{row.reporter}", "Bundle"),
                "type": "collection",
                "entry": [{"fullUrl": make_url(each), "resource": each} for each in resources],
            }
            bodies.append(orjson.dumps(bundle))
        else:
            own = {name: getattr(row, name) for name in _DRAFT_FIELDS}
            bodies.append(orjson.dumps({"notice": RESEARCH, **own}))
    return bodies
