"""The page in a real browser: what page.js draws, that nothing hostile runs, that nothing loads."""

from __future__ import annotations

import re
import subprocess
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from radkg.page import write_page
from radkg.page.words import RELATION_WORDS
from radkg.schema.answer import Answer
from tests.page.invented import crowded, entity_in, extraction_of, study_of
from tests.page.reading import Element, read_html

pytestmark = pytest.mark.browser

# A window of chromium is never narrower than 500 px; `narrowed` makes the page of a phone in it.
SIZES = [(500, 780), (1400, 900)]
PHONE = 360


@dataclass(frozen=True)
class Look:
    """What the browser made of a page: its document after the scripts, and its console."""

    root: Element
    title: str
    console: list[str]
    screenshot: Path


Browse = Callable[..., Look]


@pytest.fixture
def browse(chromium: str, tmp_path: Path) -> Browse:
    def look(html: str, size: tuple[int, int] = SIZES[1], target: str = "") -> Look:
        (tmp_path / "page.html").write_text(html, encoding="utf-8")
        screenshot = tmp_path / f"{size[0]}x{size[1]}{target}.png"
        command = [
            chromium,
            "--headless=new",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-dev-shm-usage",
            "--hide-scrollbars",
            "--enable-logging=stderr",
            f"--user-data-dir={tmp_path / 'profile'}",
            f"--window-size={size[0]},{size[1]}",
            "--virtual-time-budget=3000",
            f"--screenshot={screenshot}",
            "--dump-dom",
            f"{(tmp_path / 'page.html').as_uri()}{target}",
        ]
        done = subprocess.run(command, capture_output=True, timeout=120, check=True)
        root = read_html(done.stdout.decode().removeprefix("<!DOCTYPE html>"))
        console = re.findall(r":CONSOLE[:(].*", done.stderr.decode(errors="replace"))
        return Look(root, root.all("title")[0].text, console, screenshot)

    return look


@pytest.fixture
def server() -> Iterator[tuple[str, list[str]]]:
    """Yield the address of a server on loopback and the list of what is asked of it."""
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    listening = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=listening.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{listening.server_port}", asked
    listening.shutdown()
    listening.server_close()
    thread.join()


def whole_page() -> str:
    trend = Answer(
        "trend", "How many?", {}, ["month", "n"], [[f"2020-{m:02}", m] for m in range(1, 13)]
    )
    bars = Answer(
        "top", "Which?", {}, ["finding", "n"], [["a long name of a finding", 3], ["b", 1]]
    )
    study = study_of(("findings", "Clear."), study_id="s3")
    return write_page(
        "Invented",
        summary={"studies": 3, "snapshot": "0123456789abcdef" * 4},
        answers=[bars, trend],
        studies=[crowded("s1"), crowded("s2"), (study, extraction_of(study, reason="unreadable"))],
    )


def narrowed(html: str, width: int) -> str:
    return html.replace("</head>", f"<style>body.front {{ max-width: {width}px }}</style></head>")


def arcs_of(study: Element) -> list[Element]:
    return study.all("g", "arc")


@pytest.mark.parametrize("size", SIZES)
def test_one_arc_with_its_label_for_each_relation(browse: Browse, size: tuple[int, int]) -> None:
    seen = browse(whole_page(), size, "#study-0")
    relations = crowded()[1].relations
    assert seen.console == []
    assert seen.screenshot.stat().st_size > 1000
    first, *others = seen.root.all("article")
    arcs = arcs_of(first)
    assert [
        (a.attributes["data-head"], a.attributes["data-tail"], a.attributes["class"]) for a in arcs
    ] == [
        (f"study-0-entity-{r.head}", f"study-0-entity-{r.tail}", f"arc {r.relation}")
        for r in relations
    ]
    for arc, relation in zip(arcs, relations, strict=True):
        (path,) = arc.all("path")
        assert re.fullmatch(r"[MVQHL\d. -]+", path.attributes["d"])
        assert {text.text for text in arc.all("text")} == {RELATION_WORDS[relation.relation]}
    assert not first.has_class("away")
    assert all(study.has_class("away") and not arcs_of(study) for study in others)


@pytest.mark.parametrize("width", [PHONE, SIZES[1][0]])
def test_labels_stay_within_the_page_and_apart(browse: Browse, width: int) -> None:
    size = SIZES[0] if width == PHONE else SIZES[1]
    seen = browse(narrowed(whole_page(), width), size, "#study-0")
    labels = [
        (float(t.attributes["x"]), float(t.attributes["y"]), 6.3 * len(t.text))
        for arc in arcs_of(seen.root.all("article")[0])
        for t in arc.all("text")
    ]
    assert len(labels) >= len(crowded()[1].relations)
    for i, (x, y, wide) in enumerate(labels):
        assert x - wide / 2 >= 0
        assert x + wide / 2 <= width
        for other_x, other_y, other_wide in labels[:i]:
            assert abs(y - other_y) > 10 or abs(x - other_x) >= (wide + other_wide) / 2


def test_the_address_shows_a_study_and_emphasises_the_arcs_of_an_entity(browse: Browse) -> None:
    seen = browse(whole_page(), target="#study-1-entity-4")
    first, second, _ = seen.root.all("article")
    assert first.has_class("away")
    assert not second.has_class("away")
    on = {
        (a.attributes["data-head"], a.attributes["data-tail"])
        for a in arcs_of(second)
        if a.has_class("on")
    }
    assert on == {
        ("study-1-entity-5", "study-1-entity-4"),
        ("study-1-entity-8", "study-1-entity-4"),
    }
    marked = {m.attributes["data-entity"] for m in second.all("mark") if m.has_class("on")}
    assert marked == {f"study-1-entity-{i}" for i in (4, 5, 8)}
    tip = next(d for d in seen.root.all("div") if d.attributes.get("id") == "tip")
    assert tip.text.startswith("heart\nanatomy\nconfidence 0.90\ncharacters ")
    assert "hidden" not in tip.attributes


def test_nothing_hostile_runs_and_arcs_are_drawn_all_the_same(browse: Browse) -> None:
    nasty = (
        "<script>document.title='run'</script> ]]> </script><img src=x onerror=\"document.title="
        "'run'\"> ' \x00 \u202eetirw\u202c " + "w" * 800
    )
    study = study_of(("findings", nasty), study_id=nasty)
    entities = (entity_in(study.report, "</script>"), entity_in(study.report, "w" * 800))
    extraction = extraction_of(study, entities, crowded()[1].relations[:1])
    answer = Answer(nasty, nasty, {nasty: nasty}, [nasty, "n"], [[nasty, 1]])
    html = write_page(
        "Calm", summary={nasty: nasty}, answers=[answer], studies=[(study, extraction)]
    )
    for size in SIZES:
        seen = browse(html, size, "#study-0")
        assert seen.title == "Calm"
        assert seen.console == []
        assert len(seen.root.all("script")) == 1
        assert not seen.root.all("img")
        assert len(arcs_of(seen.root)) == 1


def test_the_policy_refuses_scripts_and_requests(
    browse: Browse, server: tuple[str, list[str]]
) -> None:
    """Put past the escaping what never gets past it: the second wall must hold alone."""
    address, asked = server
    evil = (
        f"<script>document.title='run'</script><img src='{address}/image'>"
        f"<link rel='stylesheet' href='{address}/style'><iframe src='{address}/frame'></iframe>"
        f"<b style='background:url({address}/css)'>x</b>"
        "<img src=x onerror=\"document.title='run'\">"
    )
    html = whole_page().replace('<main id="questions">', f'<main id="questions">{evil}')
    assert evil in html
    seen = browse(html)
    assert seen.title == "Invented"
    assert asked == []
    assert any("Content Security Policy" in line for line in seen.console)

    unguarded = re.sub(r"<meta http-equiv[^>]*>", "", html)
    seen = browse(unguarded)
    assert seen.title == "run"
    assert {"/image", "/style", "/frame", "/css"} <= set(asked)
