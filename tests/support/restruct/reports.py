"""The reports of Rad-ReStruct: which answers are true, which question each answers, which images.

Read from the folder images_extra/radrestruct under RADKG_TEST_DATA. A report is a row of 2,470
answers, 0 or 1. The template orders them into questions of three levels: a topic of an area
("has the lung a disease?"), an element of the topic (a disease; several instances of it), and what
is said of an instance (body region, localization, attributes, degree).

R rows, A = 2,470 answers.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

SPLITS = ("train", "val", "test")


@dataclass(frozen=True, slots=True)
class Question:
    """A question of the template, and the columns of its answers."""

    first: int
    stop: int
    parent: int | None
    """number of the question that has to be answered yes; None: a topic"""
    before: int | None
    """number of the same question about the instance before; None: the first instance"""
    kind: str
    """`binary` (yes and no, in this order), `single_choice`, `multi_choice` or `fixed_choice`"""
    empty: int | None
    """column of the option that says that nothing is said; None: there is none"""


@dataclass(frozen=True)
class Split:
    """The rows of a published split: one for each frontal image of a report, as it is evaluated."""

    reports: np.ndarray
    """(R,) the number of each row's report, from 0 on"""
    answers: np.ndarray
    """(R, A) bool"""
    images: list[Path | None]
    """file of each row's image; None: it is not at hand"""

    @property
    def num_reports(self) -> int:
        """How many reports the rows are of."""
        return int(self.reports.max()) + 1

    @property
    def at_hand(self) -> np.ndarray:
        """(R,) bool: whether the row's image is."""
        return np.array([image is not None for image in self.images])

    def choose(self, kept: np.ndarray) -> Split:
        """Return the rows that are kept, (R,) bool."""
        images = [image for image, keep in zip(self.images, kept, strict=True) if keep]
        return Split(self.reports[kept], self.answers[kept], images)


def read_split(folder: Path, images: Path, name: str) -> Split:
    """Return a split, its reports in the order of the published ids."""
    ids = json.loads((folder / f"{name}_ids.json").read_text())
    with gzip.open(folder / "answers.json.gz") as file:
        true = json.load(file)[name]
    frontal = json.loads((folder / "id_to_img_mapping_frontal_reports.json").read_text())
    rows = [(i, images / f"{image}.jpg") for i, r in enumerate(ids) for image in frontal[r]]
    answers = np.zeros((len(rows), len(read_keys(folder))), bool)
    for row, (report, _) in zip(answers, rows, strict=True):
        row[true[ids[report]]] = True
    files = [file if file.exists() else None for _, file in rows]
    return Split(np.array([report for report, _ in rows]), answers, files)


def read_keys(folder: Path) -> list[str]:
    """Return the names of the answers, in the order of the columns."""
    keys: list[str] = json.loads((folder / "report_keys.json").read_text())
    return keys


def read_is_no(folder: Path) -> np.ndarray:
    """Return (A,) bool: which answers say no."""
    return np.array([key.endswith("_no") or "_no_" in key for key in read_keys(folder)])


def read_questions(folder: Path) -> list[Question]:
    """Return the template's questions, in the order of their columns."""
    template = json.loads((folder / "template_final_clean.json").read_text())
    instances = json.loads((folder / "max_instances.json").read_text())
    keys = read_keys(folder)
    questions: list[Question] = []

    def ask(count: int, parent: int | None, before: int | None, kind: str = "binary") -> int:
        first = questions[-1].stop if questions else 0
        options = [key.split("_")[-2] for key in keys[first : first + count]]
        empty = [i for i, o in enumerate(options) if o in ("unspecified", "no selection")]
        questions.append(
            Question(
                first=first,
                stop=first + count,
                parent=parent,
                before=before,
                kind=kind,
                empty=first + empty[0] if empty else None,
            )
        )
        return len(questions) - 1

    for area, topics in _iterate_areas(template):
        for topic, elements in topics.items():
            if topic == "area":
                continue
            if topic == "infos":
                above, elements = None, {topic: {"infos": elements}}
            else:
                above = ask(2, None, None)
            for element, content in elements.items():
                before = None
                for _ in range(instances.get(f"{area}/{element}", 1)):
                    before = ask(2, above, before)
                    for info, answer in content["infos"].items():
                        if info != "instances":
                            ask(len(answer["options"]), before, None, answer["answer_type"])
    assert questions[-1].stop == len(keys), "the template does not fit report_keys.json"
    return questions


def _iterate_areas(template: list[dict[str, Any]]) -> Iterator[tuple[str, dict[str, Any]]]:
    for area in template:
        if "sub_areas" in area:
            yield from area["sub_areas"].items()
        else:
            yield area["area"], area
