"""The rows of one study, joined: the views of a study, or the parts of its report.

A table of images repeats the report on each row; a table of reports may carry an addendum as a row
of its own. No text is held while a table is indexed: digests tell whether two rows say the same.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from radkg.archive.entries import FurtherRow, ImageEntry, StudyEntry
from radkg.archive.files.members import digest
from radkg.schema.records import Section, Sex

PART_BREAK = "\n\n"  # between the rows of a joined report
ADDENDUM = "addendum"  # the section of what a further row says under no heading
_UNHEADED = ("full report", "preamble")  # names that no heading gave
MAX_ROWS = 64  # of one study; a study_id that stands for a patient or a day has more
MAX_CHARACTERS = 1 << 20  # of one joined report

ImageRow = tuple[str, str | None, tuple[str, ...]]
"""an image: its id, its view position, and the names to look for below `--images`"""


@dataclass(frozen=True, slots=True)
class RowDescription:
    """What one row says; `study_views` are positions that it gives of no image."""

    study_id: str
    subject_id: str
    study_date: date | None = None
    split: str | None = None
    images: tuple[ImageRow, ...] = ()
    problem: str | None = None
    age: int | None = None
    sex: Sex | None = None
    study_views: tuple[str, ...] = ()


_FACTS = ("subject_id", "study_date", "split", "age", "sex")


@dataclass(slots=True)
class Parts:
    """The rows that make up the report of a study of several rows.

    `digests` has one of each row's text, the first row's first; `characters` counts the others.
    """

    digests: list[bytes]
    characters: int = 0


def check_same_study(
    row: RowDescription, first: RowDescription, has_same_report: bool
) -> str | None:
    """Return in which column two views of a study contradict each other; None where they agree."""
    for what in _FACTS:
        if getattr(row, what) != getattr(first, what):
            return f"its rows differ in {what}: correct the table"
    return None if has_same_report else "its rows differ in the report: correct the table"


def add_facts(study: StudyEntry, row: RowDescription) -> str | None:
    """Let a further row fill what a study lacks; return in which column the two contradict."""
    for what in _FACTS:
        known, said = getattr(study, what), getattr(row, what)
        if said is None or said == known or (what == "subject_id" and said == study.study_id):
            continue
        if known is not None and not (what == "subject_id" and known == study.study_id):
            return f"its rows differ in {what}: correct the table"
        setattr(study, what, said)
    study.study_views += [view for view in row.study_views if view not in study.study_views]
    return None


def add_images(study: StudyEntry, found: list[ImageEntry]) -> str | None:
    """Add the images of a further row; return why they contradict those that are there."""
    known = {image.image_id: image for image in study.images}
    for image in found:
        before = known.setdefault(image.image_id, image)
        if before is image:
            study.images.append(image)
        elif before.view_position is None:
            before.view_position = image.view_position
        elif image.view_position not in (None, before.view_position):
            return "its rows differ in view_position: correct the table"
    return None


def add_part(
    study: StudyEntry, parts: Parts, row: FurtherRow, identity: bytes, characters: int
) -> str | None:
    """Let a further row add to the report of a study, unless it says what a row before it says.

    Returns:
        Why the rows are not those of one study; None where they are.
    """
    if identity in parts.digests or not characters:
        return None
    parts.digests.append(identity)
    parts.characters += characters
    if len(parts.digests) > MAX_ROWS or parts.characters > MAX_CHARACTERS:
        study.further_rows.clear()
        return (
            f"its rows are more than {MAX_ROWS} or have more than {MAX_CHARACTERS} characters: "
            "is study_id the id of one study?"
        )
    study.further_rows.append(row)
    study.report_identity = digest(*parts.digests).encode()
    return None


def join_reports(
    read: list[tuple[str, tuple[Section, ...]]],
) -> tuple[str, tuple[Section, ...]]:
    """Return the report of several rows in their order, and the sections of each at their places.

    What a further row says under no heading is a section `addendum`, or a report with findings
    would hide it.
    """
    report, sections = "", []
    for text, found in read:
        if not text.strip():
            continue
        is_first, start = not report, len(report) + len(PART_BREAK) if report else 0
        report += text if is_first else PART_BREAK + text
        for section in found:
            name = ADDENDUM if not is_first and section.name in _UNHEADED else section.name
            sections.append(Section(name, start + section.start, start + section.end))
    return report, tuple(sections)
