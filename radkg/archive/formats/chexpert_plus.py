"""CheXpert Plus: one CSV with a row per image, its report and the sections of the report.

Layout: Chambon et al., arXiv:2405.19538, df_chexpert_plus_240401.csv. The rows (views) of a study
are joined. A section is placed where its text stands in the report; where it does not stand there,
blanks aside, it is put behind the report under its heading, so that every offset is exact.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar, Self

from radkg.archive.files.places import open_place
from radkg.archive.formats.headings import HEADINGS_VERSION, find_headed_sections
from radkg.archive.formats.joining import RowDescription
from radkg.archive.formats.person import parse_age, parse_sex
from radkg.archive.formats.rows import Values
from radkg.archive.formats.section_names import is_text
from radkg.archive.formats.tabular import (
    TableArchive,
    find_delimited,
    parse_date,
    parse_split,
)
from radkg.archive.images.listing import open_image_place
from radkg.schema.records import Section

FILE = "df_chexpert_plus_*.csv*"
_NEEDED = ("path_to_image", "report", "section_findings", "section_impression")
_STUDY = re.compile(r"(?:^|/)(patient\d+)/(study\d+)/[^/]+$", re.ASCII)
_PREFIX = "section_"
_NO_TEXT = ("section_accession_number", "section_end_of_impression")  # a number, and signatures
_NAMES = {"clinical history": "history"}
_SUFFIXES = (".jpg", ".png")


@dataclass(frozen=True)
class CheXpertPlus(TableArchive):
    """CheXpert Plus, and the images where there are any."""

    name: str = "chexpert-plus"

    reading_version: ClassVar[str | None] = HEADINGS_VERSION
    takes: ClassVar[str] = "a .csv, or the directory that holds `df_chexpert_plus_*.csv`"

    @classmethod
    def recognise(cls, uri: str, images: str | None = None) -> Self | str:
        """Return CheXpert Plus for its CSV or the directory that holds it; else why not."""
        path = open_place(uri)
        rows = find_delimited(path, FILE, _NEEDED)
        return rows if isinstance(rows, str) else cls(rows, str(path), open_image_place(images))

    def describe(self, row: Values) -> RowDescription:
        """Return whose study a row is of, and what belongs to the study."""
        image = row["path_to_image"].strip()
        found = _STUDY.search(image)
        if not found:
            problem = "no patient and study in path_to_image, such as patient00001/study1"
            return RowDescription("", "", problem=problem)
        view = row.get("ap_pa", "").strip().upper()
        side = row.get("frontal_lateral", "").strip().upper()
        stem = image.rpartition(".")[0] or image
        return RowDescription(
            f"{found[1]}/{found[2]}",
            row.get("deid_patient_id", "").strip() or found[1],
            parse_date(row.get("patient_report_date_order", "")),  # an order is no date
            parse_split(row.get("split", "")),
            ((image, (view if side != "LATERAL" else "") or side or None, _files(image, stem)),),
            age=parse_age(row.get("age", "").strip()),
            sex=parse_sex(row.get("sex", "")),
        )

    def read_report(self, row: Values) -> tuple[str, tuple[Section, ...]]:
        """Return the report of a row and its sections, in the order of the report."""
        report = row["report"]
        found = [
            (column.removeprefix(_PREFIX).replace("_", " "), text.strip())
            for column, text in row.items()
            if column.startswith(_PREFIX) and column not in _NO_TEXT and is_text(text)
        ]
        if not found:
            return report, find_headed_sections(report)
        sections = []
        for heading, text in found:
            span = _place(report, heading, text)
            if span is None:
                report += ("\n" if report else "") + f"{heading.upper()}: {text}"
                span = len(report) - len(text), len(report)
            sections.append(Section(_NAMES.get(heading, heading), *span))
        return report, tuple(sorted(sections, key=lambda s: (s.start, s.end)))


def _files(image: str, stem: str) -> tuple[str, ...]:
    return (image, *(f"{stem}{suffix}" for suffix in _SUFFIXES))


def _place(report: str, heading: str, text: str) -> tuple[int, int] | None:
    """Return the span of a section's text: behind its heading if possible, else the first."""
    places = list(_literal(report, text))
    if not places:  # the same words with other blanks between
        pattern = r"\s+".join(map(re.escape, text.split()))
        places = [match.span() for match in re.finditer(rf"(?<!\w){pattern}(?!\w)", report)]
    behind = re.compile(rf"{re.escape(heading)}\W*\Z", re.IGNORECASE)
    headed = (p for p in places if behind.search(report, max(0, p[0] - 60), p[0]))
    return next(headed, places[0] if places else None)


def _literal(report: str, text: str) -> Iterator[tuple[int, int]]:
    start = report.find(text)
    while start >= 0:
        end = start + len(text)
        if not (report[start - 1 : start].isalnum() or report[end : end + 1].isalnum()):
            yield start, end
        start = report.find(text, end)
