"""The answer is the row that `radkg extract` publishes, and drafts are those of `radkg draft`."""

from __future__ import annotations

import json
import zlib
from pathlib import Path

import pytest

from radkg.archive import open_archive
from radkg.run.kind import DRAFTS, EXTRACTIONS, Kind
from radkg.run.local import LocalRunner
from radkg.run.settings import DraftConfig, ExtractConfig
from radkg.run.snapshot import read_snapshot
from radkg.schema.records import Study
from radkg.storage import open_storage
from radkg.verbs.draft import draft
from tests.archive.images.test_pixels import dicom
from tests.extractor.models import write_image
from tests.support.archives.data import require_data
from tests.support.runs.extracting import extract_here, rows_of

EXTRACT = "/v1/extract"
SPANISH = "Silueta cardiaca normal. Sin derrame pleural ni infiltrados en los pulmones."


def list_rows(out: Path, kind: Kind = EXTRACTIONS) -> list[dict[str, object]]:
    """Return the published rows as JSON has them."""
    snapshot = read_snapshot(open_storage(str(out)), kind=kind)
    rows = [row for table in snapshot.read_tables() for row in table.to_pylist()]
    return json.loads(json.dumps(rows, default=str))


@pytest.fixture(scope="module")
def studies() -> list[Study]:
    """Reports of the demo, of many lengths."""
    archive = open_archive("openi")
    records = archive.index().slice(0, 200).to_pylist()
    return [each for each in archive.read(records) if isinstance(each, Study)][::10]


@pytest.fixture(scope="module")
def table(studies, tmp_path_factory) -> Path:
    """The same reports as a table, with one that is not in English and one that is empty."""
    rows = [
        {
            "study_id": s.study_id,
            "subject_id": "p",
            "report": s.report,
            "study_date": "2011-02-03",
            "age": 54,
            "sex": "female",
        }
        for s in studies
    ]
    rows += [{"study_id": "x", "report": ""}, {"study_id": "y", "report": SPANISH}]
    file = tmp_path_factory.mktemp("table") / "reports.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return file


def test_an_answer_is_the_published_row(models, studies, table, tmp_path):
    config = ExtractConfig(archive=str(table), out=str(tmp_path / "out"), max_failed=1.0)
    assert extract_here(config).failed == 1
    published = {row["study_id"]: row for row in list_rows(tmp_path / "out")}
    sent = [json.loads(line) for line in table.read_text().splitlines()]
    for study in sent:
        answer = models.post(EXTRACT, json=study)
        row = published[study["study_id"]]
        if row["status"] == "failed":
            assert (answer.status_code, answer.json()["detail"]) == (422, row["reason"])
            assert "derrame" not in answer.text
        else:
            assert {name: answer.json()[name] for name in row} == row
    batch = models.post("/v1/extract/batch", json={"studies": sent}).json()["rows"]
    assert [{name: row[name] for name in published["x"]} for row in batch] == [
        published[study["study_id"]] for study in sent
    ]


def test_the_reports_of_the_demo_are_read_as_the_demo_reads_them(models, studies, tmp_path):
    """The archive knows the sections by itself; a lone report has them by its headings."""
    config = ExtractConfig(archive="openi", out=str(tmp_path / "out"), limit=200)
    extract_here(config)
    rows = {row.study_id: row for row in rows_of(tmp_path / "out")}
    for study in studies:
        answer = models.post(EXTRACT, json={"report": study.report}).json()
        row = rows[study.study_id]
        assert [e["concept"] for e in answer["entities"]] == [e.concept for e in row.entities]
        assert [
            (e["start"], e["end"], e["label"], e["confidence"]) for e in answer["entities"]
        ] == [(e.start, e.end, e.label, e.confidence) for e in row.entities]
        assert len(answer["relations"]) == len(row.relations)


def test_a_report_and_images_are_the_published_row_and_draft(models, tmp_path):
    """With invented images: noise that the eye does not take for a chest, and says so."""
    images = tmp_path / "images"
    images.mkdir()
    write_image(images / "1.png")
    row = {"study_id": "s", "report": "No effusion.", "images": "1.png", "view_position": "PA"}
    (tmp_path / "table.jsonl").write_text(json.dumps(row) + "\n")
    where = {"archive": str(tmp_path / "table.jsonl"), "images": str(images)}
    extract_here(ExtractConfig(**where, out=str(tmp_path / "out")))
    (published,) = list_rows(tmp_path / "out")
    form = [
        ("image", ("C:\\secret\\1.png", (images / "1.png").read_bytes(), "image/png")),
        *((name, (None, row[name])) for name in ("study_id", "report", "view_position")),
    ]
    answer = models.post(EXTRACT, files=form).json()
    assert {name: answer[name] for name in published} == published
    draft(DraftConfig(**where, out=str(tmp_path / "drafts")), LocalRunner(0))
    (published,) = list_rows(tmp_path / "drafts", DRAFTS)
    answer = models.post("/v1/draft", files=form).json()
    assert answer.pop("notice") == "Research, not for diagnosis"
    assert answer == published


def test_a_radiograph_has_image_findings_and_a_draft(models):
    image = next(iter(sorted(require_data("openi/images").iterdir())))
    form = [("image", (image.name, image.read_bytes())), ("report", (None, "No effusion."))]
    answer = models.post(EXTRACT, files=form).json()
    assert answer["condition"] == "image+report"
    drafted = models.post("/v1/draft", files=form).json()
    assert drafted["status"] == "verified"
    assert drafted["plan"]
    fhir = {"accept": "application/fhir+json"}
    bundle = models.post("/v1/draft", files=form, headers=fhir).json()
    assert "Research, not for diagnosis" in bundle["entry"][0]["resource"]["conclusion"]
    refused = models.post("/v1/draft", files=form, headers={"accept": "application/radgraph+json"})
    assert refused.status_code == 406


def test_an_image_that_cannot_be_read_gets_its_reason(models, tmp_path):
    good = write_image(tmp_path / "1.png").read_bytes()
    huge = bytearray(good)
    huge[16:24] = (9_000).to_bytes(4, "big") * 2  # what the header declares, and its checksum
    huge[29:33] = zlib.crc32(huge[12:29]).to_bytes(4, "big")
    slice_of_ct = dicom(tmp_path / "slice.dcm", Modality="CT").read_bytes()
    sent = {
        "damaged": ("a.png", good[:-200], "is damaged"),
        "none": ("a.png", b"Zebulon", "is no JPEG, PNG or DICOM"),
        "a slice": ("a.dcm", slice_of_ct, "its modality is CT"),
        "empty": ("a.png", b"", "is empty"),
        "huge": ("a.png", bytes(huge), "9000 x 9000 px"),
    }
    for name, data, reason in sent.values():
        form = [("image", (name, data)), ("report", (None, "Zebulon Quackenbush. No effusion."))]
        for route in (EXTRACT, "/v1/draft"):
            answer = models.post(route, files=form)
            assert (answer.status_code, reason in answer.text) == (422, True), answer.text
            assert "Zebulon" not in answer.text
