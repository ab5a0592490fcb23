import base64
import csv
import io
import json
import re

import numpy as np
import pytest
from PIL import Image

from radkg.errors import ArchiveError, ConfigError, SnapshotError
from radkg.review import make_sheet
from radkg.review.make import SHOWN_SIDE
from radkg.review.sheet import COLUMNS, read_csv
from radkg.run.retractions import record_retraction
from radkg.schema.cells import read_cell
from radkg.storage import open_storage
from tests.page.reading import read_html
from tests.support.archives.openi import make_studies, write_tar


def rows_in(path):
    return list(csv.DictReader(io.StringIO(path.read_text("utf-8-sig"), newline="")))


def test_one_row_per_triplet_with_both_ends_marked_in_the_evidence(published, tmp_path):
    sheet = make_sheet(str(published), tmp_path / "s.csv", num_studies=6)
    rows = rows_in(tmp_path / "s.csv")
    assert (sheet.studies, sheet.triplets, sheet.images) == (6, len(rows), 0)
    assert tuple(rows[0]) == COLUMNS
    first = [row for row in rows if row["study_id"] == "CXR1"]
    assert [row["triplet"] for row in first] == [str(i + 1) for i in range(len(first))]
    assert "[[Small]] left {{effusion}}" in {row["evidence"] for row in first}
    assert all((row["verdict"], row["comment"]) == ("", "") for row in rows)
    assert {row["snapshot"] for row in rows} == {sheet.snapshot}
    assert "CXR7" not in {row["study_id"] for row in rows}  # it has no triplet


def test_what_is_retracted_is_not_drawn(published, tmp_path):
    storage = open_storage(str(published))  # which other tests share
    record_retraction(storage, "study", "CXR1", undo=False)
    try:
        make_sheet(str(published), tmp_path / "s.csv", num_studies=5)
        with pytest.raises(ConfigError, match="the run has 5 studies with a triplet"):
            make_sheet(str(published), tmp_path / "s.csv", num_studies=6)
    finally:
        record_retraction(storage, "study", "CXR1", undo=True)
    assert "CXR1" not in {row["study_id"] for row in rows_in(tmp_path / "s.csv")}


def test_no_cell_is_a_formula(published, tmp_path):
    make_sheet(str(published), tmp_path / "s.csv", num_studies=6)
    cells = [cell for row in rows_in(tmp_path / "s.csv") for cell in row.values()]
    assert any(cell.startswith("'-") for cell in cells)
    assert not any(cell.startswith(("=", "+", "-", "@")) for cell in cells)


def test_the_same_seed_draws_the_same_studies_and_gives_the_same_bytes(published, tmp_path):
    drawn = {}
    for name, seed in (("a", 1), ("b", 1), ("c", 2), ("d", 3)):
        for suffix in ("csv", "html"):
            path = tmp_path / name / f"s.{suffix}"
            make_sheet(str(published), path, num_studies=2, seed=seed)
            drawn[name, suffix] = path.read_bytes()
    assert drawn["a", "csv"] == drawn["b", "csv"]
    assert drawn["a", "html"] == drawn["b", "html"]
    assert len({drawn[name, "csv"] for name in "acd"}) > 1


def test_the_page_holds_the_rows_of_the_sheet_and_loads_nothing(published, tmp_path):
    make_sheet(str(published), tmp_path / "s.csv", num_studies=6)
    make_sheet(str(published), tmp_path / "s.html", num_studies=6)
    html = (tmp_path / "s.html").read_text()
    root = read_html(html.removeprefix("<!DOCTYPE html>"))
    fields = root.all("fieldset")
    rows = [[*map(read_cell, row.values())] for row in rows_in(tmp_path / "s.csv")]
    assert [json.loads(field.attributes["data-row"]) for field in fields] == rows
    for field in fields:
        radios = [i for i in field.all("input") if i.attributes["type"] == "radio"]
        assert [r.attributes["value"] for r in radios] == ["accept", "reject", "unsure"]
        assert len({r.attributes["name"] for r in radios}) == 1
        assert len(field.all("p", "evidence")[0].all("b")) == 2
    assert len({f.attributes["id"] for f in fields}) == len(fields)
    assert not re.search(r"(?:src|href)=[\"'](?!data:|#)", html)
    assert "default-src 'none'" in html
    assert not root.all("mark")[0].attributes.get("tabindex")
    (nasty,) = [a for a in root.all("article") if a.all("h2")[0].text == "CXR6"]
    assert "</script><img src=x" in nasty.text


def test_images_are_scaled_and_embedded_and_a_broken_one_is_told(published, tmp_path):
    images = tmp_path / "images"
    images.mkdir()
    pixels = (np.arange(1200 * 1000).reshape(1200, 1000) % 65536).astype(np.uint16)
    Image.fromarray(pixels).save(images / "CXR6_IM-1.png")
    sheet = make_sheet(str(published), tmp_path / "s.html", num_studies=6, images=str(images))
    assert (sheet.images, sheet.problems) == (1, [])
    (data,) = re.findall(r"data:image/jpeg;base64,([^\"]+)", (tmp_path / "s.html").read_text())
    with Image.open(io.BytesIO(base64.b64decode(data))) as shown:
        assert max(shown.size) == SHOWN_SIDE
    (images / "CXR6_IM-1.png").write_bytes(b"\x89PNG broken")
    sheet = make_sheet(str(published), tmp_path / "s.html", num_studies=6, images=str(images))
    assert sheet.images == 0
    assert "CXR6_IM-1.png" in sheet.problems[0]


def test_what_cannot_be_made_is_refused(published, tmp_path):
    out = str(published)
    with pytest.raises(ConfigError, match=r"end it with \.csv or \.html"):
        make_sheet(out, tmp_path / "s.xlsx", num_studies=1)
    for wrong in (0, 7):
        with pytest.raises(ConfigError, match=f"--studies {wrong}: the run has 6 studies"):
            make_sheet(out, tmp_path / "s.csv", num_studies=wrong)
    with pytest.raises(SnapshotError, match="radkg extract"):
        make_sheet(str(tmp_path / "none"), tmp_path / "s.csv", num_studies=1)
    other = str(write_tar(tmp_path / "b.tgz", make_studies(2)))
    with pytest.raises(SnapshotError, match="is not the one that was extracted"):
        make_sheet(out, tmp_path / "s.csv", num_studies=6, archive=other)
    with pytest.raises(ArchiveError, match="/no/such"):
        make_sheet(out, tmp_path / "s.csv", num_studies=6, archive="/no/such")
    assert not (tmp_path / "s.csv").exists()


def test_an_empty_sheet_reads_back(published, tmp_path):
    sheet = make_sheet(str(published), tmp_path / "s.csv", num_studies=6)
    rows = read_csv((tmp_path / "s.csv").read_text("utf-8-sig"), "s.csv")
    assert len(rows) == sheet.triplets
    assert {row.verdict for row in rows} == {None}
