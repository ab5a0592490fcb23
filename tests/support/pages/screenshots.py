"""Draw the screenshots of README: `python -m tests.support.pages.screenshots docs/images`.

The reports are invented, for those of Open-i may not be part of this repository, and so are the
drafts. The demo runs on them as on any archive, and chromium shows its page and the explorer.
"""

from __future__ import annotations

import argparse
import csv
import random
import re
import subprocess
from pathlib import Path

from playwright.sync_api import Page, expect

from radkg.run.run import Run
from radkg.schema.arrow import from_table
from radkg.schema.drafts import Claim
from tests.support.pages.explored import choose_work, open_explorer
from tests.support.runs.demo_run import RADKG
from tests.support.runs.drafts import publish_drafts, write_draft

STUDIES = 400
NORMAL = (
    "The heart is normal in size. The lungs are clear.",
    "No focal consolidation, pleural effusion or pneumothorax.",
    "No acute cardiopulmonary abnormality.",
)
FAILURE = (
    "Mild cardiomegaly with small bilateral pleural effusions.",
    "Moderate left pleural effusion with adjacent left basilar atelectasis.",
    "Enlarged cardiac silhouette. Mild interstitial edema, suggestive of heart failure.",
    "Small right pleural effusion. Stable cardiomegaly.",
)
INFECTION = (
    "Patchy opacity in the right lower lobe, suggestive of pneumonia.",
    "Left basilar airspace opacity, possibly atelectasis. Small left pleural effusion.",
    "Large right pleural effusion with right lower lobe consolidation.",
)
OTHER = (
    "Hyperinflated lungs consistent with emphysema.",
    "Calcified granuloma in the left upper lobe.",
    "Degenerative changes of the thoracic spine.",
)

CHANGED = "FINDINGS: No pleural effusion. No pneumothorax."


def write_reports(path: Path, studies: int = STUDIES) -> None:
    """Write a table of invented studies, the same each time; half as many patients have them."""
    random_ = random.Random(0)
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(("study_id", "subject_id", "study_date", "age", "sex", "report"))
        for number in range(studies):
            found = random_.choices((NORMAL, FAILURE, INFECTION, OTHER), (5, 2, 2, 2))[0]
            said = random_.sample(found, 2)
            if found is not NORMAL:
                said.append(random_.choice(("No pneumothorax.", "The lungs are otherwise clear.")))
            date = f"{random_.randint(2021, 2025)}-{random_.randint(1, 12):02}-15"
            person = f"p{random_.randrange(studies // 2)}"
            report = f"FINDINGS: {' '.join(said)}"
            age, sex = random_.randint(30, 89), random_.choice("MF")
            writer.writerow((f"s{number:03}", person, date, age, sex, report))


def change_reports(table: Path, every: int) -> None:
    """Let one study in so many say something else."""
    with table.open(newline="") as file:
        head, *rows = csv.reader(file)
    for row in rows[::every]:
        row[-1] = CHANGED
    with table.open("w", newline="") as file:
        csv.writer(file).writerows([head, *rows])


def publish_invented_drafts(out: Path, place: Path) -> str:
    """Publish a draft of the first study with an effusion; return the id of the study."""
    rows = from_table(next(Run(str(out)).read_snapshot().read_tables()))
    of = next(row for row in rows if any(e.concept == "effusion" for e in row.entities))
    low, heart, base = (0.08, 0.62, 0.4, 0.9), (0.3, 0.4, 0.75, 0.8), (0.6, 0.6, 0.9, 0.9)
    claims = [
        Claim("effusion", "present", "pleura", "right", "small", 0.83, "frontal", low),
        Claim("pneumothorax", "absent", confidence=0.97),
        Claim("cardiomegaly", "present", None, None, "mild", 0.58, "frontal", heart),
        Claim("atelectasis", "uncertain", "base", "left", None, 0.31, "frontal", base),
    ]
    sentences = [
        ("There is a small right pleural effusion.", claims[:1]),
        ("No pneumothorax.", claims[1:2]),
        ("The heart is mildly enlarged, and there may be left basilar atelectasis.", claims[2:]),
    ]
    publish_drafts(place, [write_draft(of, *sentences)])
    return of.study_id


def draw_report(page: Page, out: Path, front: Path, study: Path) -> None:
    """Draw the demo's page: how it begins, and a report with its entities and relations."""
    page.goto((out / "report.html").resolve().as_uri())
    page.screenshot(path=front)
    page.locator("#reports > summary").click()
    expect(page.locator("g.arc").first).to_be_attached()
    page.locator("#reports").screenshot(path=study)


def draw_explorer(page: Page, home: str, folder: Path) -> None:
    """Draw the population, a cohort in the dark, a concept with sentences, and a phone."""
    page.goto(home)
    expect(page.locator(".today")).to_be_visible()
    page.screenshot(path=folder / "explore.png")
    base = page.url.partition("#")[0]
    page.emulate_media(color_scheme="dark")
    page.goto(f"{base}#/cohort?finding=effusion&finding=cardiomegaly:without")
    expect(page.locator(".count")).to_be_visible()
    page.screenshot(path=folder / "cohort.png")
    page.emulate_media(color_scheme="light")
    page.goto(f"{base}#/concept/effusion")
    page.get_by_role("button", name=re.compile("^Sentences: effusion at")).first.click()
    expect(page.locator(".passage").first).to_be_visible()
    page.screenshot(path=folder / "concept.png")
    page.keyboard.press("Escape")
    size = page.viewport_size
    page.set_viewport_size({"width": 390, "height": 844})
    page.screenshot(path=folder / "phone.png")
    assert size is not None
    page.set_viewport_size(size)


def draw_draft(page: Page, study_id: str, path: Path) -> None:
    """Draw a study of the explorer: its report, its draft and the triplets."""
    page.goto(f"{page.url.partition('#')[0]}#/study/{study_id}")
    claim = page.locator(".claims li").first
    expect(claim).to_be_visible()
    page.locator("main article").evaluate("element => element.scrollIntoView()")
    claim.hover()
    page.screenshot(path=path)


def draw(folder: Path, work: Path) -> None:
    """Run the demo on invented reports in `work` and write the screenshots to `folder`."""
    table, out = work / "reports.csv", work / "demo"
    write_reports(table)
    if not (out / "report.html").exists():
        demo = ("demo", "--archive", table, "--extractor", "onepass", "--out", out)
        subprocess.run([RADKG, *map(str, demo)], check=True, stdout=subprocess.DEVNULL)
    drafts = work / "drafts"
    study_id = publish_invented_drafts(out, drafts)
    load = ("load", "--out", out, "--drafts", drafts)
    subprocess.run([RADKG, *map(str, load)], check=True, stdout=subprocess.DEVNULL)
    with open_explorer("--out", out, "--review", work / "review.csv") as (context, home):
        page = context.new_page()
        draw_report(page, out, folder / "report.png", folder / "study.png")
        draw_explorer(page, home, folder)
        draw_draft(page, study_id, folder / "draft.png")


def main() -> None:
    """Draw the screenshots into a folder."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--work", type=Path, help="where the demo runs; default: a new folder")
    asked = parser.parse_args()
    with choose_work(asked.folder, work=asked.work) as work:
        draw(asked.folder, work)


if __name__ == "__main__":
    main()
