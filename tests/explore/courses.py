"""A run of two patients over time, with an image, a draft and two nights; all of it is invented."""

from __future__ import annotations

import contextlib
import csv
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from PIL import Image
from playwright.sync_api import Page, expect

from radkg.archive import open_archive
from radkg.explore.app import make_app
from radkg.explore.snapshot_reader import SnapshotReader
from radkg.explore.verdicts import Verdicts
from radkg.graph import Graph
from radkg.graph.load.drafts import load_drafts
from radkg.graph.load.loader import load
from radkg.rules import RulesExtractor
from radkg.run.audit import AuditLog
from radkg.run.settings import ExtractConfig, save_config
from radkg.run.snapshot import Snapshot, publish, read_snapshot
from radkg.schema.arrow import to_table
from radkg.schema.drafts import Claim
from radkg.schema.records import Extraction, Study
from radkg.storage import open_storage
from tests.explore.conftest import TOKEN, opened_page
from tests.support.graph.servers import clear_graph
from tests.support.pages.barriers import find_barriers
from tests.support.runs.drafts import publish_drafts, write_draft
from tests.support.runs.extracting import rows_of

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


def publish_draft_of_a2(root: Path, out: Path) -> Snapshot:
    """Publish a draft of the study that has the image."""
    (of,) = (row for row in rows_of(str(out)) if row.study_id == "a2")
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


@pytest.fixture(scope="session")
def courses(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The run with both nights; tests share it and leave it as it is."""
    return publish_courses(tmp_path_factory.mktemp("courses"))


@pytest.fixture
def open_courses(courses: Path, tmp_path: Path) -> Callable[[Graph], FastAPI]:
    """Loads the newer night and the draft into a graph, and gives the application over it."""

    def opened(graph: Graph) -> FastAPI:
        clear_graph(graph)
        snapshot = read_snapshot(open_storage(str(courses)))
        load(graph, snapshot)
        load_drafts(graph, publish_draft_of_a2(tmp_path, courses), snapshot)
        return make_app(graph, SnapshotReader(snapshot), Verdicts(tmp_path / "review.csv"), TOKEN)

    return opened


@contextlib.contextmanager
def asked(app: FastAPI) -> Iterator[TestClient]:
    """A client that has the token."""
    with TestClient(app, base_url="http://127.0.0.1:8000") as client:
        client.get("/", params={"token": TOKEN})
        yield client


@contextlib.contextmanager
def opened_view(chromium: str, home: str, view: str) -> Iterator[Page]:
    """A view in a browser; what it says in the console fails the test."""
    with opened_page(chromium, f"{home}#/{view}") as page:
        expect(page.locator("main > section")).not_to_have_attribute("aria-busy", "true")
        yield page


def check_barriers(page: Page) -> None:
    """Check a view by axe-core in light, in dark and on a phone, which is wide enough."""
    assert find_barriers(page) == []
    page.emulate_media(color_scheme="dark")
    assert find_barriers(page, "color-contrast") == []
    page.set_viewport_size({"width": 360, "height": 780})
    assert find_barriers(page) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
