"""What stands behind an indication, an examination or a title and belongs to the findings.

Many reports have one heading, which is never read, and then the findings without any. A history and
an indication are never taken for findings: what asks, and what tells of the patient, stays theirs.
"""

from __future__ import annotations

import re

from radkg.schema.lines import Layout
from radkg.schema.records import Section
from radkg.schema.sentences import cut_sentences

UNHEADED = "unheaded"  # what a report states without a heading

_OF_THE_FILM = frozenset(("examination", "technique", "comparison", "formalities"))
_OF_THE_PATIENT = frozenset(("history", "indication"))
_BREAKS = re.compile(r"\n\s*")
_ASKS = re.compile(
    r"\?|//|^\W*(?:evaluate|eval|assess|rule out|r/o|query|please|check|exclude|concern|status post"
    r"|s/p|history|hx|h/o|known|k/c/o|c/o|complain|pre-?op|post-?op|follow[- ]?up|f/u|\d+ ?[MF]\b)"
    r"|year[- ]old|\by/?o\b|\bpatient (?:with|has)\b|\bto (?:rule out|exclude|evaluate|assess)\b",
    re.IGNORECASE,
)


def find_leftover(flat: str, section: Section, *, is_last: bool) -> list[Section]:
    """Return a section that is never read and, behind it, the text that is no part of it.

    Args:
        flat: a report as `flatten` gives it.
        section: any section of it.
        is_last: nothing of the report would be read otherwise, so that every new line counts as
            text of its own, and behind a technique every new sentence.
    """
    if section.name in _OF_THE_FILM:
        cut = _find_item(flat, section, is_paragraph=False)
    elif section.name in _OF_THE_PATIENT:
        cut = _find_item(flat, section, is_paragraph=not is_last)
    else:
        return [section]
    if cut < 0 and is_last and section.name in _OF_THE_FILM:
        found = list(cut_sentences(flat, section.start, section.end))
        cut = found[1][0] if len(found) > 1 else -1
    if cut < 0:
        return [section]
    return [
        Section(section.name, section.start, cut),
        Section(UNHEADED, cut, section.end),
    ]


def find_statements(flat: str, section: Section) -> list[Section]:
    """Return a preamble, parted from what it states behind its last line that asks or tells."""
    start = section.start
    for begin, end in _list_items(flat, section):
        if _ASKS.search(flat[begin:end]):
            start = end
    parts = [Section("preamble", section.start, start), Section(UNHEADED, start, section.end)]
    return [part for part in parts if part.start < part.end]


def _find_item(flat: str, section: Section, *, is_paragraph: bool) -> int:
    """Return where the first item behind those that ask begins; -1 without one."""
    items = _list_items(flat, section)
    cut = -1
    for begin, end in reversed(items[1:]):
        if _ASKS.search(flat[begin:end]):
            break
        # an empty line, or a line that leads to others ("Items:"), ends what tells of the patient
        if not is_paragraph or _is_apart(flat, begin) or flat[begin:end].rstrip().endswith(":"):
            cut = begin
    return cut


def _is_apart(flat: str, begin: int) -> bool:
    """Return whether an empty line stands before an item."""
    before = flat[max(0, begin - 80) : begin]
    return before[len(before.rstrip()) :].count("\n") > 1


def _list_items(flat: str, section: Section) -> list[tuple[int, int]]:
    """Return the lines of a section, those together that are one wrapped text."""
    layout: Layout | None = None
    items = []
    begin = section.start
    for match in _BREAKS.finditer(flat, section.start, section.end):
        layout = layout or Layout(flat, section.start, section.end)
        if match.end() < section.end and (
            flat[max(0, match.start() - 9) : match.start()].rstrip().endswith((".", "!", "?"))
            or layout.is_border(begin, match.start(), match.end())
        ):
            items.append((begin, match.start()))
            begin = match.end()
    return [*items, (begin, section.end)]
