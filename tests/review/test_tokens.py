"""The page of visual tokens: what it shows, what is judged, and how that is scored."""

import base64
import io
import json
import re
from collections import Counter

import pytest
from PIL import Image
from typer.testing import CliRunner

from radkg.cli.app import app
from radkg.errors import ConfigError, KnowledgeError, SchemaError
from radkg.knowledge.building import BuildSettings, build_knowledge
from radkg.knowledge.store import load_knowledge
from radkg.review import score_sheets
from radkg.review.sheet import TOKEN_COLUMNS, TOKENS, read_csv, write_csv
from radkg.review.tokens import TokenPageSettings, draw_cases, make_token_page
from tests.page.reading import read_html
from tests.support.runs.knowledge import publish_run, write_eye, write_images

A, R, U = "accept", "reject", "unsure"


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A run with a knowledge graph in it, and its images beside it."""
    folder = tmp_path_factory.mktemp("tokens")
    images = write_images(folder / "images")
    settings = BuildSettings(images=str(images), eye=write_eye(folder / "eye"), token_width=4)
    run = publish_run(folder)
    build_knowledge(run, run.directory / "knowledge", settings)
    return folder


def make_page(run, file, **changes):
    settings = {"label": "effusion", "images": str(run / "images")} | changes
    return make_token_page(run / "out" / "knowledge", file, TokenPageSettings(**settings))


def test_the_page_shows_the_cells_of_a_label_and_cases_of_all(run, tmp_path):
    page = make_page(run, tmp_path / "page.html", cases=5)
    html = (tmp_path / "page.html").read_text()
    root = read_html(html.removeprefix("<!DOCTYPE html>"))
    bank = load_knowledge(run / "out" / "knowledge").bank.to_pylist()
    own = [row for row in bank if row["label"] == "effusion"]
    assert page.tokens == len(own)
    figures = root.all("figure")
    assert page.images == len(figures) == len({row["image_id"] for row in own})
    assert len([i for figure in figures for i in figure.all("i", "cell")]) == len(own)
    for figure in figures:
        study = next(row["study_id"] for row in own if row["image_id"] in figure.text)
        assert study in figure.text
        assert "activation 1.00" in figure.text
    first = next(row for row in own if row["image_id"] in figures[0].text)
    style = figures[0].all("i", "cell")[0].attributes["style"]
    assert style.startswith(f"left:{100 * first['box'][0]:.2f}%;top:{100 * first['box'][1]:.2f}%")
    fields = root.all("fieldset")
    assert page.cases == len(fields) == 5
    for field in fields:
        row = dict(zip(TOKEN_COLUMNS, json.loads(field.attributes["data-row"]), strict=True))
        token = bank[int(row["token"]) - 1]
        assert (row["study_id"], row["image_id"]) == (token["study_id"], token["image_id"])
        assert row["label"] == token["label"]
        assert f"Does the marked cell show: {row['label']}?" in field.text
        assert "shows the finding" in field.text
    assert html.count("For research, not for diagnosis.") >= 2
    assert not re.search(r"(?:src|href)=[\"'](?!data:|#)", html)
    data = re.findall(r"data:image/jpeg;base64,([^\"]+)", html)
    assert len(data) == len(figures) + len(fields)
    with Image.open(io.BytesIO(base64.b64decode(data[0]))) as image:
        assert max(image.size) <= 320


def test_the_same_seed_gives_the_same_bytes(run, tmp_path):
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        (tmp_path / name).mkdir()
        make_page(run, tmp_path / name / "p.html", cases=5, seed=seed)
    a, b, c = ((tmp_path / name / "p.html").read_bytes() for name in "abc")
    assert a == b != c


def test_labels_take_turns_until_there_are_enough_cases():
    rows = [{"label": label, "token": i} for label in "abc" for i in range(10)]
    rows += [{"label": "d", "token": 0}]
    drawn = draw_cases(rows, 13, seed=0)
    assert Counter(row["label"] for row in drawn) == {"a": 4, "b": 4, "c": 4, "d": 1}
    assert len({tuple(row.values()) for row in drawn}) == 13
    assert len(draw_cases(rows, 99, seed=0)) == 31
    assert draw_cases(rows, 13, seed=1) != drawn


def test_what_cannot_be_shown_says_why(run, tmp_path):
    with pytest.raises(ConfigError, match=r"no visual token of 'x': known: cardiomegaly, effusion"):
        make_page(run, tmp_path / "p.html", label="x")
    with pytest.raises(ConfigError, match=r"end it with \.html"):
        make_page(run, tmp_path / "p.pdf")
    with pytest.raises(ConfigError, match="at least 1"):
        make_page(run, tmp_path / "p.html", cases=0)
    (tmp_path / "none").mkdir()
    with pytest.raises(ConfigError, match="check --images and --archive"):
        make_page(run, tmp_path / "p.html", images=str(tmp_path / "none"))
    settings = TokenPageSettings(label="effusion", images=str(run / "images"))
    with pytest.raises(KnowledgeError, match="radkg knowledge build"):
        make_token_page(tmp_path / "none", tmp_path / "p.html", settings)
    build_knowledge(publish_run(tmp_path), tmp_path / "k", BuildSettings())
    with pytest.raises(ConfigError, match="build it with --images"):
        make_token_page(tmp_path / "k", tmp_path / "p.html", settings)


def test_a_graph_outside_of_its_run_needs_the_archive(run, tmp_path):
    (tmp_path / "k").symlink_to(run / "out" / "knowledge")
    copied = tmp_path / "copied" / "k"
    copied.mkdir(parents=True)
    for path in (run / "out" / "knowledge").iterdir():
        (copied / path.name).write_bytes(path.read_bytes())
    arguments = {"label": "effusion", "images": str(run / "images")}
    with pytest.raises(ConfigError, match="name the archive with --archive"):
        make_token_page(copied, tmp_path / "p.html", TokenPageSettings(**arguments))
    named = TokenPageSettings(**arguments, archive=str(run / "archive.tgz"))
    assert make_token_page(copied, tmp_path / "p.html", named).images


def test_a_broken_image_is_told(run, tmp_path):
    broken = write_images(tmp_path / "images")
    (broken / "CXR1_IM-1.png").write_bytes(b"\x89PNG broken")
    page = make_page(run, tmp_path / "p.html", images=str(broken))
    assert "CXR1_IM-1.png" in page.problems[0]


def sheet(path, verdicts):
    rows = [
        ["k", f"S{i // 2}", str(i), "i", "ab"[i % 2], "0 0 1 1", "1.0000", verdict, ""]
        for i, verdict in enumerate(verdicts)
    ]
    path.write_text(write_csv(rows, TOKENS), encoding="utf-8", newline="")
    return path


def test_filled_sheets_of_tokens_are_scored_by_label(tmp_path):
    one = sheet(tmp_path / "one.csv", [A, R, A, R, A, A, U, ""])
    other = sheet(tmp_path / "two.csv", [A, R, A, R, R, A, U, A])
    report = score_sheets([one, other])
    first = report["sheets"][0]
    assert (report["of"], first["rows"], first["unfilled_rows"]) == ("tokens", 8, ["S3 token 7"])
    assert first["per_label"]["a"]["rate"] == 1.0
    assert (first["per_label"]["b"]["rate"], first["per_label"]["b"]["of"]) == (0.3333, 3)
    low, high = first["per_label"]["b"]["interval_95"]
    assert low <= 0.3333 <= high
    assert first["per_confidence"] is None
    assert (report["agreement"]["tokens"], report["agreement"]["all_agree"]) == (7, 6)
    said = CliRunner().invoke(app, ["review", "score", str(one), str(other)])
    assert "8 tokens: 4 accept" in said.stdout
    assert "accepted, b: 0.333" in said.stdout
    assert "2 readers, 7 tokens judged by all" in said.stdout


def test_sheets_of_two_kinds_are_not_scored_together(tmp_path):
    one = sheet(tmp_path / "one.csv", [A])
    cells = ["k", "S0", "1", "", "", "a", "OBS-DP", "modify", "b", "ANAT-DP", "1.0", A, ""]
    (tmp_path / "two.csv").write_text(write_csv([cells]))
    with pytest.raises(ConfigError, match="are of several kinds"):
        score_sheets([one, tmp_path / "two.csv"])
    with pytest.raises(SchemaError, match=r"line 3: study S0 token 0 stands twice"):
        read_csv(one.read_text() + one.read_text().splitlines()[1], "one.csv")


def test_the_command_line_makes_a_page(run, tmp_path):
    arguments = ["--label", "effusion", "--images", str(run / "images")]
    path = str(tmp_path / "p.html")
    directory = str(run / "out" / "knowledge")
    done = CliRunner().invoke(app, ["knowledge", "page", directory, *arguments, "--out", path])
    assert done.exit_code == 0, done.output
    assert "tokens of effusion" in done.stdout


@pytest.mark.browser
def test_the_filled_page_can_be_scored(run, tmp_path, browse):
    from tests.review.test_browser import READER

    make_page(run, tmp_path / "p.html", cases=5)
    html = re.sub(r"<meta http-equiv[^>]*>", "", (tmp_path / "p.html").read_text())
    seen = browse(html.replace("</body>", f"<script>{READER}</script></body>"))
    assert seen.console == []
    (saved,) = [p for p in seen.root.all("pre") if p.attributes.get("id") == "saved"]
    rows = read_csv(json.loads(saved.text)["text"].removeprefix("\ufeff"), "saved.csv")
    assert [row.verdict for row in rows] == [A, R, A, U, None]
    assert {row.kind for row in rows} == {TOKENS}
