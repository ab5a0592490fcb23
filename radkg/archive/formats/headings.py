"""A report in anybody's layout to its sections, by the headings that radiologists write.

A heading is a known name before a colon at the beginning of a line or behind a full stop, alone in
its line, in brackets, or in capitals before a sentence; decoration around it counts for nothing. A
heading that only names a place or a finding ("LUNGS:") stays within the section around it. It knows
English headings only.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from typing import NamedTuple

from radkg.archive.formats.leftover import UNHEADED, find_leftover, find_statements
from radkg.archive.formats.section_names import find_name, has_text, is_name, strip_section
from radkg.schema.layout import flatten
from radkg.schema.places import find_place_heading
from radkg.schema.records import Section
from radkg.schema.sentences import ALWAYS_READ, NEVER_READ

# The reading_version of every format that reads by headings: raise it when a rule here changes.
HEADINGS_VERSION = "3"

_DECORATION = r"[*_#=\[<>\-. ]"
_TITLES = (
    r"Findings|Impression|Conclusion|Opinion|Report|Summary|Indication|Clinical [Hh]istory|History"
    r"|Comparison|Technique|Reason for [Ee]xam(?:ination)?|Clinical [Ii]nformation|Exam(?:ination)?"
)
_TITLED = rf"^ *(?P<titled>{_TITLES}) (?=[A-Z][a-z]|[A-Z]+\b)"
_PATTERN = (
    # in capitals before a sentence of small letters
    r"^ *(?P<bare>FINDINGS|IMPRESSION|CONCLUSION|OPINION|REPORT|SUMMARY|ADDENDUM|INDICATION"
    r"|HISTORY|CLINICAL HISTORY|COMPARISON|TECHNIQUE) (?=[A-Z][a-z]+(?:[ .]|$))"
    # an addendum with its date
    rf"|^{_DECORATION}{{0,8}}(?P<added>ADDENDUM|Addendum)[ #\d/:.,()-]*(?:[AaPp]\.?[Mm])?[ *=_-]*$"
    # who signed, to the end of the line
    r"|^ *(?P<signed>(?:(?:[Ee]lectronically|[Dd]igitally) )?(?:[Ss]igned|[Dd]ictated|[Rr]eported"
    r"|[Vv]erified|[Tt]ranscribed|[Aa]pproved|[Ii]nterpreted|[Aa]uthenticated)(?: and \w+)? by)"
    r"(?= [A-Z])"
    # at the beginning of a line, before a sign
    rf"|^{_DECORATION}{{0,8}}(?:\(?\d{{1,2}}[.)] {{0,3}})?{_DECORATION}{{0,3}}"
    r"(?P<line>[A-Za-z](?:[A-Za-z0-9 ()/,&'+#-]|\.(?!\s+[A-Z][a-z])){0,60}?)[*_#\]> ]{0,6}"
    r"(?P<sign>:+(?!\d)(?:-(?=\s))?[*_#]{0,3}|;|=+(?=\s|$)|[-\u2013\u2014]+(?=\s)"
    r"|(?<=[\]>]) (?=\S)|(?=[*_#\]=]*[ ]*$)|(?=[ ]{2,}\S))"
    r"[*_#\]=]{0,3}"
    # within a line
    r"|(?<=[\s.;])(?P<within>Findings?|Impression|Conclusion|Opinion|Addendum"
    r"|FINDINGS?|IMPRESSION|CONCLUSIONS?|OPINION|ADDENDUM|INDICATION"
    r"|COMPARISON|TECHNIQUE|HISTORY|CLINICAL HISTORY|REPORT|SUMMARY|RECOMMENDATIONS?|EXAMINATION"
    r"|EXAM) ?:"
    r"|(?<=[.!?;\]]\s)(?P<behind>[A-Z][a-z]+(?: [a-z]+)?)(?: ?:|-)(?=\s)"
)
_HEADING = re.compile(_PATTERN, re.MULTILINE)
# A title in small letters without a sign ("Findings Clear lungs") may begin a sentence: it is a
# heading where several lines begin so.
_TITLE = re.compile(_TITLED, re.MULTILINE)
_TITLE_OR_HEADING = re.compile(f"{_TITLED}|{_PATTERN}", re.MULTILINE)
_KINDS = ("line", "bare", "added", "signed", "titled", "within", "behind")
_ASIDES = ("within", "behind", "signed")
_SEVERAL = 2  # different titles
_UNKNOWN = re.compile(r"[A-Z][A-Z ()/,&-]{2,60}")  # of which nobody knows the name
_ENDS_ASIDE = re.compile(r"[.!?](?=\s|$)|\n")
_LINE_END = re.compile(r"\n")
_SHORT = 45  # characters: a shorter line is hardly wrapped
_LOOK = 200  # characters of the line before a heading that tell whether it goes on
_OPEN = frozenset((*ALWAYS_READ, UNHEADED))


class _Heading(NamedTuple):
    name: str
    start: int
    end: int  # where its text begins


def find_headed_sections(report: str) -> tuple[Section, ...]:
    """Return the sections of a report in its order, blanks around them and empty ones left out.

    Text before the first heading is `preamble`. In a report without a heading of findings, what it
    states before other headings, and behind a title, a technique or a history, is `findings`.
    Without a heading the whole report is one section, `full report`.
    """
    flat = flatten(report)
    headings = list(_find_headings(flat))
    if not headings:
        return tuple(_filled(flat, [Section("full report", 0, len(flat))]))
    ends = [heading.start for heading in headings[1:]] + [len(flat)]
    found = [Section("preamble", 0, headings[0].start)] + [
        Section(heading.name, heading.end, end) for heading, end in zip(headings, ends, strict=True)
    ]
    found = _filled(flat, found)
    if any(section.name == "findings" for section in found):
        return tuple(found)
    parted = [part for section in found for part in _part(flat, section)]
    if all(section.name in NEVER_READ or section.name == "preamble" for section in parted):
        parted = [part for section in found for part in find_leftover(flat, section, is_last=True)]
    return tuple(_filled(flat, [_head(section) for section in parted]))


def _find_headings(flat: str) -> Iterator[_Heading]:
    """Yield the headings that begin a section, and those to which an aside within a line leads."""
    current, aside_end, before = "", -1, ""
    has_titles = len({title["titled"] for title in _TITLE.finditer(flat)}) >= _SEVERAL
    for match in (_TITLE_OR_HEADING if has_titles else _HEADING).finditer(flat):
        groups = match.groupdict()
        kind = next(name for name in _KINDS if groups.get(name) is not None)
        text = groups[kind]
        if 0 <= aside_end <= match.start():
            yield _Heading(before, aside_end, aside_end)
            current, aside_end = before, -1
        name, start = _name(flat, match, kind, text, current), match.start()
        if name is None:
            continue
        is_whole = kind == "signed" or find_name(text) is not None
        begin = match.end() if is_whole else match.start()  # "LUNGS: Clear" says both
        if kind in _ASIDES and name in NEVER_READ and current in ALWAYS_READ:
            stop = (_LINE_END if kind == "signed" else _ENDS_ASIDE).search(flat, match.end())
            before, aside_end = current, stop.end() if stop else -1
        else:
            aside_end = -1
        current = name
        yield _Heading(name, start, begin)
    if aside_end >= 0:
        yield _Heading(before, aside_end, aside_end)


def _name(flat: str, match: re.Match[str], kind: str, text: str, current: str) -> str | None:
    """Return the name of the section that a heading begins; None where it begins none."""
    if kind == "signed":
        return None if _runs_on(flat, match.start()) else "formalities"
    name = find_name(text)
    if kind != "line":
        return name
    sign = match["sign"]
    if not sign.startswith(":"):
        if not is_name(text) or (not sign and not _stands_alone(flat, match, text)):
            return None
        is_doubtful = text.islower() or (not sign and name in NEVER_READ)
        return None if is_doubtful and (sign or _runs_on(flat, match.start())) else name
    if text.islower() and _runs_on(flat, match.start()):
        return None
    if name is not None:
        is_view = name == "findings" and "finding" not in text.lower() and current in _OPEN
        return None if is_view and text.lower() not in ("report", "result", "results") else name
    if current in _OPEN or not current:
        return None
    line = match.start("line")
    is_place = find_place_heading(flat, line, match.end() + 1) > line
    return UNHEADED if is_place or _UNKNOWN.fullmatch(text) else None


def _stands_alone(flat: str, match: re.Match[str], text: str) -> bool:
    """Return whether a heading without a sign is alone in its line, or in capitals."""
    rest = flat[match.end() : match.end() + 3]
    return not rest.strip(" ") or rest.lstrip(" ")[:1] == "\n" or text.isupper()


def _head(section: Section) -> Section:
    """Return a section, named findings where it has no heading: it is what the report states."""
    return replace(section, name="findings") if section.name == UNHEADED else section


def _runs_on(flat: str, start: int) -> bool:
    """Return whether the line before one that begins at `start` may go on in that line."""
    before = flat[max(0, start - _LOOK) : start]
    line = before.removesuffix("\n").rpartition("\n")[2].rstrip(" ")
    return len(line) > _SHORT and line[-1] not in ".!?:;"


def _part(flat: str, section: Section) -> list[Section]:
    if section.name == "preamble":
        return find_statements(flat, section)
    return find_leftover(flat, section, is_last=False)


def _filled(flat: str, sections: list[Section]) -> list[Section]:
    """Return the sections that hold text, without the blanks around it."""
    return [strip_section(flat, s) for s in sections if has_text(flat, s)]
