"""How many studies and images an archive has, what each exclusion takes away, what extract refuses.

A census counts by split and over all splits, from the index and one reading of every report. Each
exclusion is counted by itself, so one study can stand under several. A census holds no path and no
time: two people with the same archive get the same numbers. Images are counted and not opened.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import Any

from radkg.archive.base import DUPLICATE_ID, Archive, Record
from radkg.archive.files.members import digest
from radkg.archive.formats.section_names import READ_FIRST
from radkg.schema.language import find_foreign_words
from radkg.schema.records import Study, Unreadable
from radkg.schema.sentences import select_sections

FRONTAL = ("AP", "PA", "FRONTAL")  # view positions; FRONTAL: which of the two is unknown
ALL, NO_SPLIT = "all", "no split"
UNKNOWN = "unknown"

EXCLUSIONS = {  # of studies, in the order of the table
    "unreadable": "cannot be read, whatever the reason",
    "duplicate_id": "of these: another study before it has the same id",
    "no_report_text": "readable, and its report is empty",
    "no_findings_or_impression": "readable, and neither section has text",
    "duplicate_text": "readable, and a study before it has the same text, case and blanks aside",
    "not_in_english": "readable, and its report has more foreign words than English ones",
    "no_image": "the archive names no image of it",
    "no_image_at_hand": "none of its images is there as a file",
    "no_frontal_image": f"none of its images has view position {', '.join(FRONTAL)}",
    "unknown_view": "the archive does not tell the view position of one of its images",
}
REFUSALS = {  # of studies, by what `extract` is run with: failed rows that the archive foretells
    "by_every_extractor": ("unreadable",),
    "by_models_that_read_reports": ("unreadable", "not_in_english"),
    "from_images_alone": ("unreadable", "no_image_at_hand"),
}
_BUDGET = (
    "refused: `radkg extract` makes a failed row of each of these studies, and ends with exit code "
    "3 where more than --max-failed of all studies fail, 5 % unless another share is given"
)
_QUOTED = re.compile(r"'[^']*'|\"[^\"]*\"")


@dataclass
class Counts:
    """The numbers of one split."""

    studies: int = 0
    patients: int = 0
    images: int = 0
    images_at_hand: int = 0
    further_rows: int = 0  # of a table, that add to the report of a study before them
    views: Counter[str] = field(default_factory=Counter)  # images by view position
    excluded: Counter[str] = field(default_factory=Counter)  # studies by EXCLUSIONS
    refused: Counter[str] = field(default_factory=Counter)  # studies by REFUSALS
    unreadable: Counter[str] = field(default_factory=Counter)  # studies by reason

    def to_dict(self) -> dict[str, Any]:
        """Return the numbers, names in an order that depends on nothing but them."""
        return {
            "studies": self.studies,
            "patients": self.patients,
            "images": self.images,
            "images_at_hand": self.images_at_hand,
            "further_rows": self.further_rows,
            "views": dict(sorted(self.views.items())),
            "excluded": {name: self.excluded[name] for name in EXCLUSIONS},
            "refused": {name: self.refused[name] for name in REFUSALS},
            "unreadable": dict(sorted(self.unreadable.items())),
        }


@dataclass(frozen=True)
class Census:
    """The numbers of an archive by split; `fingerprint` tells whether two are of the same one."""

    archive: str
    fingerprint: str
    splits: dict[str, Counts]  # ALL first, then by name

    def to_dict(self) -> dict[str, Any]:
        """Return everything, equal for equal archives."""
        splits = {name: counts.to_dict() for name, counts in self.splits.items()}
        return {"archive": self.archive, "fingerprint": self.fingerprint, "splits": splits}

    def list_rows(self) -> list[list[str | int]]:
        """Return the rows of the table: a name, then its number in every split."""
        counts = list(self.splits.values())
        total = counts[0]
        lines: list[tuple[str, list[int]]] = [
            (name.replace("_", " "), [getattr(c, name) for c in counts])
            for name in ("studies", "patients", "images", "images_at_hand", "further_rows")
        ]
        for view in sorted(total.views):
            lines.append((f"images, view {view}", [c.views[view] for c in counts]))
        for name in EXCLUSIONS:
            lines.append((f"studies, {name.replace('_', ' ')}", [c.excluded[name] for c in counts]))
        for name in REFUSALS:
            lines.append((f"refused {name.replace('_', ' ')}", [c.refused[name] for c in counts]))
        for reason in sorted(total.unreadable):
            lines.append((f"unreadable: {reason}", [c.unreadable[reason] for c in counts]))
        return [[name, *numbers] for name, numbers in lines]

    def list_notes(self) -> list[str]:
        """Return what each exclusion and each refusal means, a line each."""
        notes = [f"{name.replace('_', ' ')}: {meaning}" for name, meaning in EXCLUSIONS.items()]
        notes += [
            f"refused {name.replace('_', ' ')}: {' or '.join(causes).replace('_', ' ')}"
            for name, causes in REFUSALS.items()
        ]
        return [*notes, _BUDGET]


def take_census(archive: Archive) -> Census:
    """Read the whole archive once and count.

    Raises:
        ArchiveError: the archive is damaged.
    """
    records = archive.index().to_pylist()
    splits: dict[str, Counts] = defaultdict(Counts)
    patients: dict[str, set[str]] = defaultdict(set)
    texts: set[str] = set()
    for record, study in zip(records, archive.read(records), strict=True):
        exclusions = [*_of_images(record), *_of_text(study, texts)]
        views = Counter(image["view_position"] or UNKNOWN for image in record["images"])
        for split in (ALL, record["split"] or NO_SPLIT):
            counts = splits[split]
            counts.studies += 1
            patients[split].add(record["subject_id"])
            counts.images += len(record["images"])
            counts.images_at_hand += sum(i["location"] is not None for i in record["images"])
            counts.further_rows += len(record["further_rows"] or ())
            counts.views.update(views)
            counts.excluded.update(exclusions)
            counts.refused.update(
                name for name, causes in REFUSALS.items() if not set(exclusions).isdisjoint(causes)
            )
            if isinstance(study, Unreadable):
                counts.unreadable[_grouped(study.reason)] += 1
    for split, counts in splits.items():
        counts.patients = len(patients[split])
    names = [ALL, *sorted(splits.keys() - {ALL})]
    prints = sorted(f"{r['study_id']} {r['fingerprint']} {r['split']}" for r in records)
    return Census(
        archive.name, digest(*(p.encode() for p in prints)), {name: splits[name] for name in names}
    )


def _of_images(record: Record) -> list[str]:
    """Return what excludes a study by its images."""
    images = record["images"]
    views = [image["view_position"] for image in images]
    return [
        name
        for name, holds in (
            ("no_image", not images),
            ("no_image_at_hand", all(image["location"] is None for image in images)),
            ("no_frontal_image", not any(view in FRONTAL for view in views)),
            ("unknown_view", any(not view for view in views)),
        )
        if holds
    ]


def _of_text(study: Study | Unreadable, texts: set[str]) -> list[str]:
    """Return what excludes a study by its report; `texts` has those before it, and gets its own."""
    if isinstance(study, Unreadable):
        return ["unreadable"] + ["duplicate_id"] * (study.reason == DUPLICATE_ID)
    found = []
    if not study.report.strip():
        found.append("no_report_text")
    named = (study.report[s.start : s.end] for s in study.sections if s.name in READ_FIRST)
    if not any(text.strip() for text in named):
        found.append("no_findings_or_impression")
    read = (study.report[s.start : s.end] for s in select_sections(study))
    text = " ".join(" ".join(read).lower().split())
    if text and text in texts:
        found.append("duplicate_text")
    texts.add(text)
    if find_foreign_words(study):
        found.append("not_in_english")
    return found


def _grouped(reason: str) -> str:
    """Return a reason without what is of one study alone: quotations and numbers."""
    return re.sub(r"\d+", "N", _QUOTED.sub("'...'", reason))
