"""Report text to sentences and words, with exact character offsets.

A sentence is the unit of everything that follows: no rule looks across its borders.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from radkg.schema.fold import ACCENTS, WIDTHLESS, fold_word
from radkg.schema.layout import flatten
from radkg.schema.lines import ITEM, Layout
from radkg.schema.records import Section, Study

MAX_SENTENCE = 2000  # characters; longer ones are cut, so that no text costs more than linear time

# A full stop ends a sentence before a blank, at the end, before a capital ("apex.There") and after
# two small letters ("seen.no"), but neither inside a number nor after "vs" and "Dr". A semicolon
# does, and a number in the line where one follows the other ("1. Clear 2. No effusion"). Of ends of
# lines the layout decides.
_END = re.compile(  # begins with a set of signs, which a search finds quickest
    r"[.!?;\n(0-9](?:"
    r"(?<=[.!?])(?=\s|$|[A-Z<(\"'])(?<!\bvs\.)(?<!\b[DM]r\.)(?<!\bSt\.)(?<!\bapprox\.)(?<!\b[ei]\.[ge]\.)"
    r"|(?<=[a-z][a-z]\.)(?=[a-z])|(?<=;)(?=\s|$)|(?<=\n)\s*"
    r"|(?<=\s\()\d{1,2}\)(?=\s*[A-Z]|\s+[a-z])|(?<=\s\d)\d?[.)](?=\s*[A-Z]|\s+[a-z])"
    r")"
)
_NUMBER = re.compile(r"\(?(\d{1,2})[.)]")
# The heading of a line that names where one looks; what the line says begins behind it.
_PLACE = (
    r"(?:(?:upper|bony|soft|osseous|chest|visuali[sz]ed|imaged|support|thoracic|lower|pulmonary) )*"
    r"(?:lungs?|pleura|pleural (?:spaces?|cavit(?:y|ies))|heart|cardiac|cardiovascular"
    r"|(?:cardio-?)?mediastin(?:um|al)|hil(?:a|i|um|ar)|aorta|vasculature|vessels|trachea|airways?"
    r"|bones?|skeleton|ribs|spine|thorax|wall|musculoskeletal|msk|tissues?|(?:hemi)?diaphragms?"
    r"|abdomen|lines?|tubes?|devices?|hardware|catheters?|parenchyma|fields|zones|silhouette"
    r"|shadow|contours?|angles|costophrenic|structures|others?|miscellaneous|thymus|neck|pelvis|cv)"
)
_PLACES = rf"{_PLACE}(?: ?(?:,|/|&|\band\b) ?(?:and )?{_PLACE}){{0,3}}"
_PLACE_HEADING = re.compile(
    rf"[ ]*[*_#]{{0,3}}[ ]?(?=[A-Z])(?i:{_PLACES})[*_]{{0,3}}[ ]{{0,3}}:[*_]{{0,3}}(?=\s)[ ]*\n?"
)
# A sign that decides what a sentence says is a word of its own: "?PTX", "R > L", "rib #", "(-)".
_SIGN = r"#s?(?!\w)|[,;:()/&?<>+%#]|(?<=\()-(?=\))"
_WORD = re.compile(rf"\w+(?:\.\d+)?%?|{_SIGN}")
# The same where signs without a width may stand in a word.
_WIDE_WORD = re.compile(rf"\w[\w{ACCENTS}{WIDTHLESS}]*(?:\.\d+)?%?|{_SIGN}")
_PUNCTUATION = frozenset(",;:()/&?+-")

_READ_FIRST = frozenset({"findings", "impression"})
_NEVER_READ = frozenset({"indication", "comparison", "history", "technique", "examination"})

_REMOVED = "xxxx"  # Open-i's mark of a word that de-identification removed; MIMIC writes ___

# What decides on sentences and words: hashed into the id of every model.
READING_FILES = tuple(
    Path(__file__).with_name(name) for name in ("fold.py", "layout.py", "lines.py", "sentences.py")
)

Word = tuple[str, int, int]  # lower-cased, start, end


def sections_read(study: Study) -> list[Section]:
    """Return findings and impression; failing both, all but the history; failing that, all."""
    wanted = [section for section in study.sections if section.name in _READ_FIRST]
    if not wanted:
        wanted = [section for section in study.sections if section.name not in _NEVER_READ]
    if not wanted and not study.sections:
        wanted = [Section("report", 0, len(study.report))]
    return wanted


def study_sentences(study: Study) -> Iterator[tuple[str, int, int]]:
    """Yield section name, start and end of each sentence that is read of a study's report."""
    for section in sections_read(study):
        for start, end in sentences(study.report, section.start, section.end):
            yield section.name, start, end


def sentences(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    """Yield (start, end) of each sentence of `text[start:end]`, blank ones left out."""
    flat = flatten(text)
    layout: Layout | None = None
    number = 0  # the last one of a list
    begin, body = _open_line(flat, start, end)
    if body > begin:
        number = _read_number(flat, begin)
    for match in _END.finditer(flat, start, end):
        at = match.start()
        if at < body:  # "1." and "a)" belong to their item
            continue
        sign = flat[at]
        if sign == "\n":
            after = match.end()
            if begin < at and not flat[begin:at].isspace():
                if after < end:
                    layout = layout or Layout(flat, start, end)
                    if not layout.is_border(begin, at, after):
                        continue
                yield from _pieces(flat, begin, at)
            begin, body = _open_line(flat, after, end)
            if body > begin:
                number = _read_number(flat, begin)
        elif sign == "(" or sign.isdecimal():
            if (found := _read_number(flat, at)) == number + 1 and (number or begin == start):
                yield from _pieces(flat, begin, at)
                begin, number = match.end(), found
        else:
            is_kept = sign == ";"
            yield from _pieces(flat, begin, match.end() if is_kept else at)
            begin = body = _skip_heading(flat, match.end(), end)
    yield from _pieces(flat, begin, end)


def words(sentence: str) -> list[Word]:
    """Return the words, signs and punctuation of a sentence; hyphens and all else only separate.

    A word is folded, its offsets are those of the sentence as it is.
    """
    flat = flatten(sentence)
    if not flat.isascii():
        return [
            (fold_word(m[0]) if m[0][0] != "_" else _REMOVED, m.start(), m.end())
            for m in _WIDE_WORD.finditer(flat)
        ]
    return [
        (m[0].lower() if m[0][0] != "_" else _REMOVED, m.start(), m.end())
        for m in _WORD.finditer(flat)
    ]


def is_entity_word(word: str) -> bool:
    """Tell whether an entity may begin or end with this word of `words`: not for punctuation."""
    return word not in _PUNCTUATION


def _open_line(flat: str, start: int, end: int) -> tuple[int, int]:
    """Return where the sentence of a line begins, and where what its item says does."""
    begin = _skip_heading(flat, start, end)
    while begin < end and flat[begin].isspace():
        begin += 1
    item = ITEM.match(flat, begin, end)
    return begin, item.end() if item else begin


def _skip_heading(flat: str, start: int, end: int) -> int:
    """Return where the text behind the heading of a line begins; `start` without a heading."""
    heading = _PLACE_HEADING.match(flat, start, end)
    return heading.end() if heading else start


def _read_number(flat: str, start: int) -> int:
    found = _NUMBER.match(flat, start)
    return int(found[1]) if found else 0


def _pieces(flat: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    while start < end and flat[start].isspace():
        start += 1
    while end > start and flat[end - 1].isspace():
        end -= 1
    while end - start > MAX_SENTENCE:
        cut = flat.rfind(" ", start + 1, start + MAX_SENTENCE)
        cut = cut if cut > 0 else start + MAX_SENTENCE
        yield start, cut
        start = cut
    if start < end:
        yield start, end
