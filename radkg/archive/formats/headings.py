"""A report in anybody's layout to its sections, by the headings that radiologists write.

A heading is a known name before a colon at the beginning of a line, a known name in capitals alone
in its line or, before a colon, behind a full stop, and any other words in capitals before a colon
at the beginning of a line. It knows English headings only.
"""

from __future__ import annotations

import re

from radkg.archive.formats.section_names import READ_FIRST, name_section, strip_section
from radkg.schema.records import Section

_KNOWN = (
    r"findings?|impressions?|conclusions?|opinion|indications?|comparisons?|techniques?"
    r"|examinations?|exam|procedure|recommendations?|addendum|history"
    r"|clinical (?:history|indication|information|data|details)"
    r"|reason for (?:exam|examination|study)|findings (?:and|/) impression"
)
_HEADING = re.compile(
    rf"^[ \t]*((?i:{_KNOWN}))[ \t]*:|^[ \t]*([A-Z][A-Z ()/,&-]{{2,60}}):(?=\s|$)"
    rf"|^[ \t]*({_KNOWN.upper()})[ \t]*$|(?<=[.!?])\s+({_KNOWN.upper()})[ \t]*:",
    re.MULTILINE,
)
_NAMES = {
    "finding": "findings",
    "conclusions": "impression",
    "opinion": "impression",
    "indications": "indication",
    "clinical data": "history",
    "clinical details": "history",
    "reason for study": "indication",
    "techniques": "technique",
    "examinations": "examination",
}
# The reading_version of every format that reads by headings: raise it when a rule here changes.
HEADINGS_VERSION = "1"

_BREAK = re.compile(r"\n[ \t]*\n")


def find_headed_sections(report: str) -> tuple[Section, ...]:
    """Return the sections of a report in its order, blanks around them and empty ones left out.

    Text before the first heading is `preamble`. Where no section is findings or impression, what
    follows an empty line in the last one is `last_paragraph`. Without a heading the whole report is
    one section, `full report`.
    """
    headings = list(_HEADING.finditer(report))
    if not headings:
        return tuple(_filled(report, [Section("full report", 0, len(report))]))
    ends = [match.start() for match in headings[1:]] + [len(report)]
    found = [Section("preamble", 0, headings[0].start())] + [
        Section(_name(next(filter(None, match.groups()))), match.end(), end)
        for match, end in zip(headings, ends, strict=True)
    ]
    found = _filled(report, found)
    if not any(section.name in READ_FIRST for section in found):
        found[-1:] = _last_paragraph(report, found[-1]) if found else []
    return tuple(found)


def _name(heading: str) -> str:
    name = " ".join(heading.lower().split())
    return _NAMES.get(name) or name_section(name)


def _filled(report: str, sections: list[Section]) -> list[Section]:
    """Return the sections that hold text, without the blanks around it."""
    return [strip_section(report, s) for s in sections if report[s.start : s.end].strip()]


def _last_paragraph(report: str, section: Section) -> list[Section]:
    match = _BREAK.search(report, section.start, section.end)
    if not match:
        return [section]
    rest = Section("last_paragraph", match.end(), section.end)
    return _filled(report, [Section(section.name, section.start, match.start()), rest])
