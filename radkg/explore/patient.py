"""The requests of a patient's view: the course, a study, its images, and verdicts on triplets."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, HTTPException, Response
from fastapi.responses import HTMLResponse
from pydantic import BaseModel, ConfigDict, Field

from radkg.explore.drafts import read_drafts_of
from radkg.explore.snapshot_reader import SnapshotReader
from radkg.explore.standing import read_standing_ledger
from radkg.explore.study import write_study_html
from radkg.explore.verdicts import Verdicts
from radkg.graph import Graph
from radkg.population.courses import describe_course
from radkg.population.nights import Nights
from radkg.review.make import scale_image
from radkg.review.sheet import Verdict
from radkg.schema.records import Extraction, Study

Text = Annotated[str, Field(max_length=500)]
Side = Literal["study", "beside"]


class VerdictBody(BaseModel):
    """The verdict of a person on a triplet, which its number in the study names, from 1."""

    model_config = ConfigDict(extra="forbid")

    study_id: Text
    triplet: int = Field(ge=1)
    verdict: Verdict | None


def make_patient_router(
    graph: Graph, reader: SnapshotReader, verdicts: Verdicts, nights: Nights
) -> APIRouter:
    """Return the requests about one patient and one study of the snapshot that is shown."""
    router = APIRouter(prefix="/api")
    snapshot_id = reader.snapshot.snapshot_id

    @router.get("/patient")
    def patient(study_id: Text) -> dict[str, Any]:
        found = describe_course(nights.open().population, study_id)
        if found is None:
            raise HTTPException(404, f"there is no study {study_id!r}")
        return found

    @router.get("/study")
    def study(study_id: Text, side: Side = "study") -> HTMLResponse:
        read, extraction = _read_pair(reader, study_id)
        ledger = read_standing_ledger(graph, reader)
        origin = {
            "archive": read.archive,
            "night": snapshot_id,
            "model": extraction.model_id,
            "reader": extraction.extractor,
            "read from": extraction.condition,
            "loaded": ledger.get("loaded_at", "unknown"),
        }
        judged = verdicts.get_verdicts(snapshot_id, study_id)
        drafts = read_drafts_of(graph, read.archive, study_id, extraction.extractor)
        return HTMLResponse(write_study_html(read, extraction, origin, judged, drafts, side))

    @router.get("/image")
    def image(study_id: Text, image_id: Text) -> Response:
        read, _ = _read_pair(reader, study_id)
        for each in read.images:
            if each.image_id == image_id and each.location:
                return Response(scale_image(each.location), media_type="image/jpeg")
        raise HTTPException(404, f"study {study_id} has no image {image_id!r} at hand")

    @router.post("/verdict")
    def judge(body: VerdictBody) -> dict[str, str]:
        read, extraction = _read_pair(reader, body.study_id)
        read_standing_ledger(graph, reader)
        verdicts.judge(snapshot_id, read, extraction, body.triplet, body.verdict)
        return {"file": verdicts.file.name}

    return router


def _read_pair(reader: SnapshotReader, study_id: str) -> tuple[Study, Extraction]:
    found = reader.read_pair(study_id)
    if found is None:
        raise HTTPException(404, f"there is no study {study_id!r}")
    return found
