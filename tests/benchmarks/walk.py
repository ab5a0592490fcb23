"""Walk through the explorer in chromium, with the time of each step: one Markdown table.

    python -m tests.benchmarks.walk --studies 3955 --shots DIR
    python -m tests.benchmarks.walk --studies 200000 --engine neo4j --work DIR

Invented reports are read by the rules on two nights; on the second one a study in a hundred says
something else. Then a person looks at the population, at a finding, and at a cohort (effusion
without cardiomegaly, over 65), opens a patient, goes to a sentence, accepts a statement, compares
the nights, and opens the address of the cohort anew. A step ends when what it shows is there. With
--work, runs and graphs stay there and are not made again.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from playwright.sync_api import Page, expect

from tests.support.graph.servers import run_neo4j
from tests.support.pages.explored import choose_work, open_explorer
from tests.support.pages.screenshots import change_reports, write_reports
from tests.support.runs.demo_run import RADKG

EVERY = 100  # a study in so many says something else on the second night


class Walk:
    """Takes the time of each step, and a picture after it where a folder is given."""

    def __init__(self, page: Page, shots: Path | None) -> None:
        self.page = page
        self.times: list[tuple[str, float]] = []
        self._shots = shots

    def step(self, name: str, act: Callable[[], object], shown: str, text: str = "") -> None:
        """Do something, and wait until a selector shows a text."""
        start = time.perf_counter()
        act()
        found = self.page.locator(shown).first
        expect(found).to_be_visible()
        expect(found).to_contain_text(text)
        self.times.append((name, time.perf_counter() - start))
        if self._shots:
            self.page.screenshot(path=self._shots / f"{len(self.times):02}.png")


def walk(page: Page, home: str, shots: Path | None) -> list[tuple[str, float]]:
    """Return the steps with their seconds."""
    one = Walk(page, shots)
    one.step("start", lambda: page.goto(home), ".today .findings")
    effusion = page.locator(".findings").get_by_role("link", name="effusion", exact=True)
    one.step("click effusion", effusion.click, "h1", "effusion")
    one.step("its cohort", page.get_by_role("link", name="Cohort").last.click, ".count")

    def leave_out_cardiomegaly() -> None:
        page.locator("#add").fill("cardiomegaly")
        expect(page.locator(".filters .options li").first).to_contain_text("cardiomegaly")
        page.keyboard.press("Enter")
        page.get_by_label("What a report says of cardiomegaly").select_option("without")

    one.step("no cardiomegaly", leave_out_cardiomegaly, ".chips", "no cardiomegaly")
    age = page.locator("input[type=number]").first

    def over_65() -> None:
        age.fill("66")
        age.press("Enter")

    one.step("over 65", over_65, ".chips", "66")
    shared = page.url
    studies = page.get_by_role("group", name="Studies of the cohort").get_by_role("link")
    one.step("a patient", studies.first.click, "[data-triplet]")
    sentence = page.locator(".sentence", has_text="effusion").first
    one.step("the sentence", sentence.focus, "[data-triplet].on")
    accept = page.locator("[data-triplet] [data-verdict=accept]").first
    one.step("accept it", accept.click, "[data-verdict=accept][aria-pressed=true]")
    nights = page.get_by_role("navigation").get_by_role("link", name="Nights")
    one.step("two nights", nights.click, "h2", "gate")
    page.close()
    one.page = page.context.new_page()
    one.step("the address, opened anew", lambda: one.page.goto(shared), ".chips", "66")
    return one.times


@contextlib.contextmanager
def serve_graph(engine: str, work: Path) -> Iterator[tuple[str, dict[str, str]]]:
    """Give what --graph is, and the environment with its login."""
    if engine == "embedded":
        yield "embedded", dict(os.environ)
        return
    data = work / "neo4j"
    data.mkdir(exist_ok=True)
    with run_neo4j(data) as (address, password, _):
        yield address, {**os.environ, "NEO4J_USER": "neo4j", "NEO4J_PASSWORD": password}


def make_nights(
    work: Path, studies: int, graph: str, environment: dict[str, str]
) -> tuple[Path, list[tuple[str, float]]]:
    """Read the reports on two nights, and load both; return the run, and each night's seconds."""
    table, out, done = work / "reports.csv", work / "run", work / "nights.json"
    nightly = [RADKG, "nightly", "--archive", str(table), "--out", str(out), "--graph", graph]
    if not done.exists():
        write_reports(table, studies)
        seconds = []
        for _ in range(2):
            command = [*nightly, "--extractor", "rules", "--json"]
            made = subprocess.run(command, env=environment, check=True, stdout=subprocess.PIPE)
            seconds.append(json.loads(made.stdout)["seconds"])
            change_reports(table, EVERY)
        done.write_text(json.dumps(seconds))
    names = ("(the first night)", "(a night of 1 %)")
    return out, list(zip(names, json.loads(done.read_text()), strict=True))


def measure(engine: str, studies: int, work: Path, shots: Path | None) -> list[tuple[str, float]]:
    """Return the steps with their seconds, over a new explorer."""
    review = work / "review.csv"
    review.unlink(missing_ok=True)
    with serve_graph(engine, work) as (graph, environment):
        out, nights = make_nights(work, studies, graph, environment)
        options = ("--out", out, "--graph", graph, "--review", review)
        with open_explorer(*options, environment=environment) as (context, home):
            return [*nights, *walk(context.new_page(), home, shots)]


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--studies", type=int, default=3955)
    parser.add_argument("--engine", choices=("embedded", "neo4j"), default="embedded")
    parser.add_argument("--work", type=Path, help="where runs and graphs stand; default: a new one")
    parser.add_argument("--shots", type=Path, help="folder for a picture of each step")
    asked = parser.parse_args()
    with choose_work(asked.shots, work=asked.work) as work:
        found = measure(asked.engine, asked.studies, work, asked.shots)
    sys.stdout.write(f"| {asked.studies:,} studies, {asked.engine} | seconds |\n|---|--:|\n")
    for name, seconds in found:
        sys.stdout.write(f"| {name} | {seconds:.2f} |\n")


if __name__ == "__main__":
    main()
