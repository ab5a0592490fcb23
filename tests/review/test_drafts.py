"""Sheets of drafts: made, judged in a browser, and scored."""

import csv
import io
import json
import re

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from radkg.cli.app import app
from radkg.errors import ConfigError, SchemaError, SnapshotError
from radkg.review import make_draft_sheet, score_sheets
from radkg.review.cells import write_cells
from radkg.review.draft_sheet import DRAFT_COLUMNS, LACKING_TEXT, read_draft_csv
from radkg.run.retractions import record_retraction
from radkg.run.settings import DraftConfig, save_config
from radkg.schema.cells import read_cell
from radkg.schema.drafts import Claim
from radkg.storage import open_storage
from tests.page.reading import read_html
from tests.review.conftest import NASTY
from tests.review.test_scoring import sheet as triplet_sheet
from tests.support.runs.drafts import publish_drafts, write_draft
from tests.support.runs.extracting import rows_of

OF = [Claim("effusion", "present", "pleura", "left", "small", 0.75), Claim("mass", "absent")]
UNVERIFIED = {"status": "unverified", "reason": "it says more"}
C, W, T = "correct", "wrong", "cannot tell"


@pytest.fixture
def drafts(published, tmp_path):
    """Four drafts with a text, one of them hostile and one not cut; and an empty one."""
    rows = {row.study_id: row for row in rows_of(str(published))}
    uncut = {"text": "All in one.", "plan": tuple(OF), **UNVERIFIED}
    made = [
        write_draft(rows["CXR1"], ("Small effusion, no mass.", OF), ("The end.", [])),
        write_draft(rows["CXR2"], ("- A dash.", OF[:1]), **UNVERIFIED),
        write_draft(rows["CXR3"], **uncut),
        write_draft(rows["CXR4"]),
        write_draft(rows["CXR6"], (NASTY, OF[1:])),
    ]
    return publish_drafts(tmp_path / "drafts", made)


def make(published, drafts, file, **options):
    options = {"num_studies": 4} | options
    return make_draft_sheet(str(published), drafts.storage.uri, file, **options)


def read(path):
    return list(csv.DictReader(io.StringIO(path.read_text("utf-8-sig"), newline="")))


def test_one_row_per_sentence_and_one_for_what_the_draft_lacks(published, drafts, tmp_path):
    made = make(published, drafts, tmp_path / "s.csv")
    assert (made.drafts, made.sentences, made.images) == (4, 5, 0)
    assert made.snapshot == drafts.snapshot_id
    rows = read(tmp_path / "s.csv")
    assert tuple(rows[0]) == DRAFT_COLUMNS
    assert [(row["study_id"], row["sentence"]) for row in rows] == [
        *(("CXR1", "1"), ("CXR1", "2"), ("CXR1", "0"), ("CXR2", "1"), ("CXR2", "0")),
        *(("CXR3", "1"), ("CXR3", "0"), ("CXR6", "1"), ("CXR6", "0")),
    ]
    first, second, lacking, dash, _, uncut, *_ = rows
    assert first["text"] == "Small effusion, no mass."
    assert first["claims"] == "effusion present, left pleura, small; mass absent"
    assert (first["confidence"], second["confidence"]) == ("0.7500", "1.0000")
    assert (first["origin"], second["origin"]) == ("retrieved", "generated")
    assert (lacking["text"], lacking["status"]) == (LACKING_TEXT, "verified")
    assert (dash["text"], dash["status"]) == ("'- A dash.", "unverified")
    assert (uncut["text"], uncut["origin"]) == ("All in one.", "not cut")
    assert all((row["verdict"], row["comment"]) == ("", "") for row in rows)


def test_the_page_holds_the_rows_and_says_neither_origin_nor_status(published, drafts, tmp_path):
    make(published, drafts, tmp_path / "s.csv")
    make(published, drafts, tmp_path / "s.html")
    make(published, drafts, tmp_path / "again.html")
    html = (tmp_path / "s.html").read_text()
    assert html == (tmp_path / "again.html").read_text().replace("again", "s")
    root = read_html(html.removeprefix("<!DOCTYPE html>"))
    fields = root.all("fieldset")
    rows = [[*map(read_cell, row.values())] for row in read(tmp_path / "s.csv")]
    assert [json.loads(field.attributes["data-row"]) for field in fields] == rows
    values = [[i.attributes.get("value") for i in f.all("input")] for f in fields[:3]]
    assert values == [[C, W, T, None], [C, W, T, None], [None]]
    shown = root.all("main")[0].text
    assert not any(word in shown for word in ("retrieved", "generated", "verified"))
    assert "Research, not for diagnosis." in root.all("p", "about")[0].text
    assert not re.search(r"(?:src|href)=[\"'](?!data:|#)", html)
    assert not root.all("mark")


def test_images_are_those_of_the_run_of_drafts_and_a_change_is_told(published, drafts, tmp_path):
    images = tmp_path / "images"
    images.mkdir()
    pixels = (np.arange(120 * 100).reshape(120, 100) % 256).astype(np.uint8)
    Image.fromarray(pixels).save(images / "CXR6_IM-1.png")
    config = DraftConfig(archive="x", out=drafts.storage.uri, images=str(images))
    save_config(config, drafts.storage, "x")
    made = make(published, drafts, tmp_path / "s.html")
    assert made.images == 1
    (problem,) = made.problems  # it was drafted without the image
    assert problem.startswith("study CXR6 is not as it was when its draft was written")


def test_what_is_retracted_is_not_drawn_and_what_does_not_fit_is_refused(
    published, drafts, tmp_path
):
    storage = open_storage(str(published))  # which other tests share
    record_retraction(storage, "study", "CXR1", undo=False)
    try:
        with pytest.raises(ConfigError, match="--studies 4: the run has 3 studies with a draft"):
            make(published, drafts, tmp_path / "s.csv")
        make(published, drafts, tmp_path / "s.csv", num_studies=3)
    finally:
        record_retraction(storage, "study", "CXR1", undo=True)
    assert "CXR1" not in {row["study_id"] for row in read(tmp_path / "s.csv")}
    with pytest.raises(ConfigError, match=r"end it with \.csv or \.html"):
        make(published, drafts, tmp_path / "s.txt")
    gone = write_draft(rows_of(str(published))[0], ("A.", []), study_id="CXR99")
    other = publish_drafts(tmp_path / "gone", [gone])
    with pytest.raises(SnapshotError, match="study CXR99 is not in"):
        make(published, other, tmp_path / "s.csv", num_studies=1)


def filled(path, verdicts, lacking=(), snapshot="snap"):
    """Write a sheet of two sentences a draft: one retrieved, one generated."""
    rows = []
    for i, verdict in enumerate(verdicts):
        origin, status = ("retrieved", "generated")[i % 2], ("verified", "unverified")[i // 4]
        own = ["text", "mass absent", "0.5000", origin, status, "plan", verdict, ""]
        rows.append([snapshot, f"S{i // 2}", str(1 + i % 2), *own])
    for number, study in enumerate(sorted({row[1] for row in rows})):
        comment = dict(lacking).get(number, "")
        own = [LACKING_TEXT, "", "", "", rows[2 * number][7], "plan", "", comment]
        rows.append([snapshot, study, "0", *own])
    path.write_text(write_cells(DRAFT_COLUMNS, rows), encoding="utf-8", newline="")
    return path


def test_shares_are_of_correct_and_wrong_by_origin_and_status(tmp_path):
    file = filled(
        tmp_path / "one.csv", [C, C, W, C, T, "", W, W], {1: "nodule", 3: "edema"}.items()
    )
    (one,) = score_sheets([file])["sheets"]
    assert (one["sentences"], one[C], one[W], one[T], one["unfilled"]) == (8, 3, 3, 1, 1)
    assert one["unfilled_rows"] == ["S2 sentence 2"]
    assert (one["correct_share"]["rate"], one["correct_share"]["of"]) == (0.5, 6)
    low, high = one["correct_share"]["interval_95"]
    assert low < 0.5 < high
    assert one["per_origin"]["retrieved"]["rate"] == 0.3333
    assert one["per_origin"]["generated"]["rate"] == 0.6667
    assert one["per_status"]["verified"]["rate"] == 0.75
    assert one["per_status"]["unverified"]["rate"] == 0
    assert one["drafts"] == 4
    assert one["lacking"] == [
        {"study_id": "S1", "findings": "nodule"},
        {"study_id": "S3", "findings": "edema"},
    ]


def test_two_readers_agree_over_what_both_judged(tmp_path):
    files = [
        filled(tmp_path / "one.csv", [C, C, W, W, C, ""]),
        filled(tmp_path / "two.csv", [C, W, W, W, "", C]),
    ]
    agreement = score_sheets(files)["agreement"]
    assert (agreement["readers"], agreement["sentences"], agreement["raw"]) == (2, 4, 0.75)
    assert (agreement["kappa"], agreement["kappa_of"]) == (0.5, "Cohen")
    done = CliRunner().invoke(app, ["review", "score", *map(str, files)])
    assert "6 sentences of 3 drafts: 3 correct, 2 wrong, 0 cannot tell, 1 unfilled" in done.stdout
    assert "correct, retrieved: " in done.stdout
    assert "2 readers, 4 sentences judged by all: raw agreement 0.750" in done.stdout


def test_sheets_that_cannot_be_scored_are_refused(tmp_path):
    one = filled(tmp_path / "one.csv", [C, W])
    with pytest.raises(SchemaError, match="verdict 'right' is none of correct, wrong, cannot tell"):
        score_sheets([filled(tmp_path / "bad.csv", [C, "right"])])
    text = one.read_text().replace('as comment)","",""', "").replace(",plan,,", f",plan,{C},")
    with pytest.raises(SchemaError, match="takes a comment and no verdict"):
        read_draft_csv(text, "x")
    with pytest.raises(ConfigError, match="are of several kinds"):
        score_sheets([one, triplet_sheet(tmp_path / "t.csv", ["accept", "reject"])])
    with pytest.raises(ConfigError, match="no sentence is judged in all of"):
        score_sheets([one, filled(tmp_path / "two.csv", [C, W], snapshot="other")])


# What a reader does: judge with keys, name what is lacking, go on by Enter, and save.
READER = """
const press = (key) => document.activeElement.dispatchEvent(
  new KeyboardEvent("keydown", { key, bubbles: true, cancelable: true }));
document.querySelector("fieldset input").focus();
press("c"); press("w");
document.activeElement.value = "a nodule"; press("Enter"); press("t");
URL.createObjectURL = (blob) => {
  blob.text().then((text) => {
    const out = document.createElement("pre");
    out.id = "saved";
    out.textContent = text;
    document.body.append(out);
  });
  return "data:,";
};
document.getElementById("save").click();
"""


@pytest.mark.browser
def test_keys_judge_and_the_saved_csv_can_be_scored(browse, published, drafts, tmp_path):
    make(published, drafts, tmp_path / "s.html")
    html = (tmp_path / "s.html").read_text()
    assert browse(html).console == []
    unguarded = re.sub(r"<meta http-equiv[^>]*>", "", html)
    seen = browse(unguarded.replace("</body>", f"<script>{READER}</script></body>"))
    assert (seen.console, seen.title) == ([], "Review: s")
    (saved,) = [p for p in seen.root.all("pre") if p.attributes.get("id") == "saved"]
    rows = read_draft_csv(saved.text.removeprefix("\ufeff"), "saved.csv")
    assert [row.verdict for row in rows[:5]] == [C, W, None, T, None]
    assert rows[2].comment == "a nodule"
    count = next(s for s in seen.root.all("span") if s.attributes.get("id") == "count")
    assert count.text == "3 of 5 judged"


def test_the_command_makes_a_sheet(published, drafts, tmp_path):
    command = ["review", "make", str(tmp_path / "s.csv"), "--out", str(published), "--studies", "4"]
    done = CliRunner().invoke(app, [*command, "--drafts", drafts.storage.uri])
    assert done.stdout.startswith("4 drafts, 5 sentences, 0 images: ")
