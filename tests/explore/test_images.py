"""The images of a study: read by the archive, sent as JPEG, and shown by a real chromium."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from PIL import Image
from playwright.sync_api import expect

from tests.archive.images.test_pixels import RAMP, dicom, make_image
from tests.explore.conftest import TOKEN, opened_page, served

IMAGE = "CXR6_IM-1"  # of the one study of the published run that names an image
HEIGHT, WIDTH = RAMP.shape


def write(folder: Path, suffix: str) -> Path:
    """Write the image of the study into a folder, and give the folder."""
    file = folder / f"{IMAGE}{suffix}"
    if suffix == ".dcm":
        dicom(file)
    else:
        make_image().save(file)
    return folder


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".dcm"])
def test_an_image_is_sent_as_jpeg(suffix, embedded_graph, open_explorer, tmp_path):
    app = open_explorer(embedded_graph, write(tmp_path, suffix))
    with TestClient(app, base_url="http://127.0.0.1:8000") as client:
        client.get("/", params={"token": TOKEN})
        assert f"image_id={IMAGE}" in client.get("/api/study", params={"study_id": "CXR6"}).text
        answer = client.get("/api/image", params={"study_id": "CXR6", "image_id": IMAGE})
        assert answer.headers["content-type"] == "image/jpeg"
        sent = Image.open(io.BytesIO(answer.content))
        assert (sent.format, sent.size) == ("JPEG", (WIDTH, HEIGHT))
        dark, bright = sent.getpixel((0, 0)), sent.getpixel((WIDTH - 1, HEIGHT - 1))
        assert dark < 20 < 235 < bright
        (tmp_path / f"{IMAGE}{suffix}").write_bytes(b"no image")
        damaged = client.get("/api/image", params={"study_id": "CXR6", "image_id": IMAGE})
        assert damaged.status_code == 500
        assert IMAGE in damaged.json()["detail"]


@pytest.mark.browser
def test_a_dicom_image_is_seen(chromium, embedded_graph, open_explorer, tmp_path):
    app = open_explorer(embedded_graph, write(tmp_path, ".dcm"))
    with served(app) as home, opened_page(chromium, home) as page:
        page.goto(f"{home.partition('/?')[0]}/#/study/CXR6")
        shown = page.get_by_role("img", name=f"Chest X-ray {IMAGE}", exact=True)
        expect(shown).to_be_visible()
        natural, on_the_page = shown.evaluate("canvas => [canvas.width, canvas.clientWidth]")
        assert natural == WIDTH
        assert on_the_page > 0
