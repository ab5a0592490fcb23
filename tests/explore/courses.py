"""A run of two patients over time, with an image, a draft and two nights; all of it is invented."""

from __future__ import annotations

import csv
from dataclasses import replace
from pathlib import Path

import numpy as np
from PIL import Image

from radkg.archive import open_archive
from radkg.rules import RulesExtractor
from radkg.run.audit import AuditLog
from radkg.run.settings import ExtractConfig, save_config
from radkg.run.snapshot import publish
from radkg.schema.arrow import to_table
from radkg.schema.drafts import Claim
from radkg.schema.records import Extraction, Study
from radkg.storage import open_storage
from tests.support.runs.drafts import publish_drafts, write_draft

IMAGE = "a2.png"
BOX = (0.5, 0.25, 0.875, 0.75)
_TEXTS = {
    "a1": (
        "A",
        "2019-03-02",
        "Small left pleural effusion. No pneumothorax. Heart size is normal.",
    ),
    "a2": ("A", "2019-03-09", "Large left pleural effusion. Cardiomegaly. No pneumothorax."),
    "a3": (
        "A",
        "2019-04-20",
        "No effusion. Stable cardiomegaly. Possible opacity at the right base.",
    ),
    "a4": ("A", "2020-01-11", "Lungs are clear. No effusion. Mild cardiomegaly. No opacity."),
    "b1": ("B", "", "No effusion </script><img src=x onerror=\"document.title='run'\"> seen."),
}
COLUMNS = ("study_id", "subject_id", "study_date", "report", "images")


def publish_courses(root: Path, *, nights: int = 2) -> Path:
    """Publish the run below a folder, with `nights` nights, and return its place.

    The first night calls every effusion uncertain.
    """
    table = root / "reports.csv"
    with table.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(COLUMNS)
        for study_id, (subject, day, text) in _TEXTS.items():
            image = IMAGE if study_id == "a2" else ""
            writer.writerow([study_id, subject, day, f"FINDINGS: {text}", image])
    Image.fromarray(make_chest()).save(root / IMAGE)
    archive = open_archive(str(table), str(root))
    found = [s for s in archive.read(archive.index().to_pylist()) if isinstance(s, Study)]
    storage = open_storage(str(root / "out"))
    config = ExtractConfig(archive=str(table), out=storage.uri, images=str(root))
    save_config(config, storage, str(table))
    rows = list(RulesExtractor()(found))
    for read in ([_doubt(row) for row in rows], rows)[2 - nights :]:
        snapshot = publish(storage, to_table(read))
        AuditLog(storage).record("extract", {"snapshot_id": snapshot.snapshot_id})
    return root / "out"


def publish_draft_of_a2(root: Path, out: Path):
    """Publish a draft of the study that has the image."""
    storage = open_storage(str(out))
    from tests.support.runs.extracting import rows_of

    (of,) = (row for row in rows_of(str(storage.uri)) if row.study_id == "a2")
    effusion = Claim("effusion", "present", "pleura", "left", "large", 0.8, IMAGE, BOX)
    return publish_drafts(root / "drafts", [write_draft(of, ("Large left effusion.", [effusion]))])


def make_chest(side: int = 96) -> np.ndarray:
    """Return an image with two dark fields in a bright one."""
    y, x = np.mgrid[0:side, 0:side] / side
    lungs = sum(np.exp(-(((x - at) / 0.13) ** 2) - ((y - 0.5) / 0.28) ** 2) for at in (0.3, 0.7))
    return (225 - 190 * np.clip(lungs, 0, 1)).astype("uint8")


def _doubt(row: Extraction) -> Extraction:
    entities = [
        replace(each, label="OBS-U") if each.concept == "effusion" else each
        for each in row.entities
    ]
    return replace(row, entities=tuple(entities), model_id="0" * 16)
