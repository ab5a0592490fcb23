"""A small archive in Open-i's layout with images, and writers of reports for it."""

from collections.abc import Sequence
from functools import cache
from importlib.resources import files
from pathlib import Path

import numpy as np
from PIL import Image

from radkg.errors import ArchiveError, SchemaError
from radkg.gold.codes import Gold
from radkg.gold.filing import list_gold_findings
from radkg.reporter.base import Plan
from radkg.reporter.rows import make_draft
from radkg.schema.codes import Codes
from radkg.schema.drafts import Claim, Draft
from radkg.schema.records import Study
from tests.evaluation.coded_archive import KINDS
from tests.support.archives.openi import make_xml, write_tar

NUM_TRAIN, NUM_TEST = 100, 8
SENTENCES = {"effusion": KINDS[0][0], "cardiomegaly": KINDS[1][0], "opacity": KINDS[3][0]}
NORMAL = KINDS[2][0]


@cache
def list_numbers() -> tuple[list[int], list[int]]:
    """Return numbers of training studies and of test studies."""
    lines = files("radkg.archive.formats").joinpath("openi_test.txt").read_text().splitlines()
    test = [int(n) for line in lines if line[:1] != "#" for n in line.split()]
    return [n for n in range(1, 4000) if n not in set(test)][:NUM_TRAIN], test


def write_archive(folder: Path) -> tuple[str, str]:
    """Write an archive and its images; return where each is.

    Eight test studies can be scored, the last two of which have an impression alone. Of four more,
    one has a text of training, one no codes, one no image, one no text. The images of a kind of
    report look alike; the first 12 training studies have one.
    """
    train, test = list_numbers()
    members, images = {}, folder / "images"
    images.mkdir()
    for i, number in enumerate([*train, *test[:NUM_TEST]]):
        sentence, codes = KINDS[i % len(KINDS)]
        text = f"{sentence} Rib {number} is intact."
        name = f"CXR{number}_IM-1"
        findings, impression = (text, "") if i < NUM_TRAIN + 6 else ("", text)
        members[number] = make_xml(number, findings, impression, codes, images=(name,))
        if i < 12 or i >= NUM_TRAIN:
            write_image(images / f"{name}.png", i % len(KINDS), number)
    leaked, uncoded, unseen, silent = test[NUM_TEST : NUM_TEST + 4]
    members[leaked] = make_xml(leaked, f"{KINDS[0][0]} Rib {train[0]} is intact.", "", KINDS[0][1])
    members[uncoded] = make_xml(uncoded, "Uncoded.", "", ("No Indexing",))
    members[unseen] = make_xml(unseen, "Unseen.", "", ("normal",))
    members[silent] = make_xml(silent, "", "", ("normal",), images=(f"CXR{silent}_IM-1",))
    write_image(images / f"CXR{silent}_IM-1.png", 0, silent)
    named = {f"{number}.xml": data for number, data in members.items()}
    return str(write_tar(folder / "a.tgz", named)), str(images)


def write_image(path: Path, kind: int, seed: int) -> None:
    """Write a grey image, of which one quarter is bright: which one says of what kind it is."""
    grey = 20 * np.random.default_rng(seed).random((128, 128))
    row, column = divmod(kind, 2)
    grey[64 * row : 64 * row + 64, 64 * column : 64 * column + 64] += 200
    Image.fromarray(grey.astype(np.uint8)).save(path)


class Parrot:
    """Gives every study the same text."""

    name, model_id, preprocessing = "parrot", "parrot-1", None

    def __init__(self, text: str = NORMAL) -> None:
        self.text = text
        self.reports: set[str] = set()
        """what it was shown of reports"""

    def __call__(self, studies: Sequence[Study], images=None) -> list[Draft]:
        self.reports |= {study.report for study in studies}
        return [self.write(study) for study in studies]

    def write(self, study: Study) -> Draft:
        return make_draft(self, study, "verified", None, text=self.text)


class Knowing(Parrot):
    """Knows what each study shows by its number; it plans, and writes plans of others."""

    name = "knowing"

    def write(self, study: Study) -> Draft:
        _, test = list_numbers()
        sentence, _ = KINDS[test.index(int(study.study_id.removeprefix("CXR"))) % len(KINDS)]
        return make_draft(self, study, "unverified", "not read back", text=sentence)

    def write_plans(self, studies: Sequence[Study], plans: Sequence[Plan]) -> list[Draft]:
        texts = [" ".join(SENTENCES[claim.finding] for claim in plan) for plan in plans]
        return [
            make_draft(self, study, "verified", None, text=text or NORMAL, plan=plan)
            for study, text, plan in zip(studies, texts, plans, strict=True)
        ]


class Planning(Knowing):
    """Makes plans of codes too, and writes no empty one."""

    def plan_codes(self, codes: Codes) -> Plan:
        return tuple(Claim(name, "present") for name, _ in codes.findings)

    def write_plans(self, studies: Sequence[Study], plans: Sequence[Plan]) -> list[Draft]:
        if not all(plans):
            raise SchemaError("the plan is empty")
        return super().write_plans(studies, plans)


class Failing(Parrot):
    """Fails on the studies with these numbers, or on all."""

    name = "failing"

    def __init__(self, numbers: Sequence[int] | None = None) -> None:
        super().__init__()
        self.numbers = numbers

    def write(self, study: Study) -> Draft:
        if self.numbers is None or int(study.study_id.removeprefix("CXR")) in self.numbers:
            raise ArchiveError("image is truncated")
        return super().write(study)


def plan_codes(gold: Gold) -> Plan:
    return tuple(Claim(name, "present") for name in sorted(list_gold_findings(gold)))


def make_knowing() -> Knowing:
    """Return a reporter, as `--reporter package.module:factory` calls for it."""
    return Knowing()
