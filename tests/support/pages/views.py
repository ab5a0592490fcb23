"""Draw each view of the explorer in light, in the dark and on a phone.

    python -m tests.support.pages.views docs/images/views

The reports and drafts are invented. Two nights are read; on the second one a study in ten says
something else.
"""

from __future__ import annotations

import argparse
import io
import subprocess
from pathlib import Path

from PIL import Image
from playwright.sync_api import Page, expect

from tests.support.pages.explored import choose_work, open_explorer
from tests.support.pages.screenshots import change_reports, publish_invented_drafts, write_reports
from tests.support.runs.demo_run import RADKG

VIEWS = {  # address and what shows that the view is there
    "today": ("today", ".today .findings"),
    "cohort": ("cohort?finding=effusion&finding=cardiomegaly:without&age_from=50", ".count"),
    "concept": ("concept/effusion", ".cards"),
    "patient": ("patient/STUDY", "[data-triplet]"),
    "nights": ("nights", ".verdict"),
    "ask": ("ask/top_findings", "#answer-of table"),
}
LOOKS = {"light": (1280, 860), "dark": (1280, 860), "phone": (390, 844)}
_COLOURS = 96  # of a picture: enough for flat areas and text, and a third of the bytes
_EVERY = 10


def read_two_nights(table: Path, out: Path) -> None:
    """Read the reports on two nights, into the embedded graph."""
    nightly = [RADKG, "nightly", "--archive", str(table), "--out", str(out), "--graph", "embedded"]
    for _ in range(2):
        command = [*nightly, "--extractor", "onepass"]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        change_reports(table, _EVERY)


def draw_views(page: Page, home: str, study_id: str, folder: Path) -> None:
    """Draw all views in all looks."""
    page.goto(home)
    expect(page.locator(".today")).to_be_visible()
    base = page.url.partition("#")[0]
    for look, (width, height) in LOOKS.items():
        page.set_viewport_size({"width": width, "height": height})
        page.emulate_media(color_scheme="dark" if look == "dark" else "light")
        for view, (address, shown) in VIEWS.items():
            page.goto(f"{base}#/{address.replace('STUDY', study_id)}")
            page.reload()
            expect(page.locator(shown).first).to_be_visible()
            page.wait_for_load_state("networkidle")
            drawn = Image.open(io.BytesIO(page.screenshot())).convert("RGB")
            drawn.quantize(_COLOURS).save(folder / f"{view}-{look}.png", optimize=True)


def draw(folder: Path, work: Path) -> None:
    """Read the nights in `work`, where they do not stand yet, and write the pictures."""
    table, out, drafts = work / "reports.csv", work / "run", work / "drafts"
    if not table.exists():
        write_reports(table)
        read_two_nights(table, out)
    study_id = publish_invented_drafts(out, drafts)
    load = [RADKG, "load", "--out", str(out), "--drafts", str(drafts)]
    subprocess.run(load, check=True, stdout=subprocess.DEVNULL)
    with open_explorer("--out", out, "--review", work / "review.csv") as (context, home):
        draw_views(context.new_page(), home, study_id, folder)


def main() -> None:
    """Draw the views into a folder."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--work", type=Path, help="where the run stands; default: a new folder")
    asked = parser.parse_args()
    with choose_work(asked.folder, work=asked.work) as work:
        draw(asked.folder, work)


if __name__ == "__main__":
    main()
