"""A MIMIC-CXR report to its sections, with exact character offsets.

The rules are those behind MIMIC-CXR's own table of sections (Johnson et al., Sci Data 2019),
written from their description: a heading is the first words of a line, in capitals, before a colon;
its line begins with a blank; of two sections of one name the last one counts. Beyond them, a
heading with a slip has its right name, and a place ("LUNGS:") stays within the findings. The 54
reports whose text was chosen by hand are unknown: a table beside the reports can name them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from radkg.archive.formats.section_names import READ_FIRST, name_section, strip_section
from radkg.schema.places import find_place_heading
from radkg.schema.records import Section
from radkg.schema.sentences import ALWAYS_READ

# A study's text chosen by hand: the name of a section, or (start, end) in characters.
HandSet = str | tuple[int, int]

SECTIONS_VERSION = "2"  # the reading_version of MIMIC-CXR: raise it when a rule here changes

_HEADING = re.compile(r"\n ([A-Z ()/,-]+):\s")
_BREAK = "\n \n"  # an empty line of MIMIC still begins with a blank


def find_mimic_sections(report: str, exception: HandSet | None = None) -> tuple[Section, ...]:
    """Return the sections of a report in its order, each name once, blanks around them left out.

    Args:
        report: the report as MIMIC writes it.
        exception: of a study whose text was chosen by hand; it becomes the only section, named
            `findings`, so that it is read. (0, 0) is no text.

    Raises:
        ValueError: the exception does not fit the report.
    """
    found = _parse(report)
    if exception is not None:
        return (_by_hand(report, found, exception),)
    found = [s for s in found if s.name not in READ_FIRST or report[s.start : s.end].strip()]
    if not any(section.name in READ_FIRST for section in found):
        found[-1:] = _last_paragraph(report, found[-1])
    last = {section.name: section for section in found}
    return tuple(strip_section(report, s) for s in sorted(last.values(), key=lambda s: s.start))


def _parse(report: str) -> list[Section]:
    """Return all sections, `preamble` or `full report` first, from heading to heading."""
    headings = list(_list_openings(report))
    if not headings:
        return [Section("full report", 0, len(report))]
    ends = [match.start() for match in headings[1:]] + [len(report)]
    return [Section("preamble", 0, headings[0].start())] + [
        Section(name_section(match[1]), match.end(), end)
        for match, end in zip(headings, ends, strict=True)
    ]


def _list_openings(report: str) -> Iterator[re.Match[str]]:
    """Yield the headings that open a section: a place within the findings opens none of its own."""
    name = ""
    for match in _headings(report):
        is_place = find_place_heading(report, match.start(1), match.end()) > match.start(1)
        if not (is_place and name in ALWAYS_READ):
            name = name_section(match[1])
            yield match


def _headings(report: str) -> Iterator[re.Match[str]]:
    match = _HEADING.search(report)
    while match:
        yield match
        # What follows in a heading's own line is text, whatever it looks like.
        newline = report.find("\n", match.end())
        match = _HEADING.search(report, newline) if newline >= 0 else None


def _last_paragraph(report: str, section: Section) -> list[Section]:
    """Return a section, cut at its first empty line where text follows: `last_paragraph`."""
    cut = report.find(_BREAK, section.start, section.end)
    if cut < 0 or not report[cut : section.end].strip():
        return [section]
    return [
        Section(section.name, section.start, cut),
        Section("last_paragraph", cut + len(_BREAK), section.end),
    ]


def _by_hand(report: str, found: list[Section], exception: HandSet) -> Section:
    if isinstance(exception, str):
        named = [section for section in found if section.name == exception]
        if not named:
            raise ValueError(f"its exception names section {exception!r}, which it does not have")
        start, end = named[-1].start, named[-1].end
    else:
        start, end = exception
        if not 0 <= start <= end <= len(report):
            raise ValueError(f"its exception {start}:{end} is outside its {len(report)} characters")
    return strip_section(report, Section("findings", start, end))
