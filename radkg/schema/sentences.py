"""Report text to sentences and words, with exact character offsets.

A sentence is the unit of everything that follows: no rule looks across its borders.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from radkg.schema.denials import find_denied_end, read_denied_list
from radkg.schema.fold import ACCENTS, WIDTHLESS, fold_word
from radkg.schema.layout import blank_marks, flatten
from radkg.schema.lines import ITEM, Layout
from radkg.schema.places import find_place_heading
from radkg.schema.records import Section, Study
from radkg.schema.signs import read_signs
from radkg.schema.synonyms import Word, read_synonyms

MAX_SENTENCE = 2000  # characters; longer ones are cut, so that no text costs more than linear time

# A full stop ends a sentence before a blank, at the end, before a capital ("apex.There") and after
# two small letters ("seen.no"), but neither inside a number nor after "vs" and "Dr". A semicolon
# does, and a number in the line where one follows the other ("1. Clear 2. No effusion"). Of ends of
# lines the layout decides. A stop behind a shortened word ends nothing where small letters go on
# ("bilat. effusions"), unless they open a statement of their own ("bilat. no effusion").
_SHORTENED = "|".join(
    rf"(?<=\b{word}\.)"
    for word in (
        *("[Aa]nt", "[Bb]il", "[Bb]ilat", "[Dd]ecr", "[Ii]ncr", "[Ii]nf", "[Ll]at", "[Ll]t"),
        *("[Mm]ed", "[Mm]in", "[Mm]od", "[Pp]ost", "[Pp]ulm", "[Rr]t", "[Ss]up"),
    )
)
# What a comma behind a denial opens: "No effusion, small pneumothorax", but not "no effusion, small
# pneumothorax or mass".
_AFFIRMED = (
    r"(?:(?:small|tiny|trace|minimal|mild|moderate|severe|stable|persistent|unchanged|increased"
    r"|decreased|improved|worsening|positive for|but with)"
    r"\s+(?:(?!\b(?:or|nor)\b)[^,;.])+(?:[.;]|\Z))"
)
_DENIAL = re.compile(
    r"(?:[A-Za-z /]{1,30}: *)?(?:there (?:is|are|was) )?(?:no|without|neg(?:ative|\.)? for)\s",
    re.IGNORECASE,
)
_END = re.compile(  # begins with a set of signs, which a search finds quickest
    r"[.!?;:,\n(0-9\u2022-](?:"
    r"(?<=[.!])(?=\s|$|(?<!\b[A-Za-z]\.)(?<!\.\.\.)(?:[A-Z<(\"']|-[A-Z]))(?<!\bvs\.)(?<!\b[DM]r\.)(?<!\bSt\.)"
    r"(?!(?<=\b[Nn]eg\.|\b[Pp]os\.)\s+for\b)"
    r"(?<!\bapprox\.)(?<!\b[ei]\.[ge]\.)"
    rf"(?!(?:{_SHORTENED})[ ]+(?!(?:no|not|neg|nil|nad|there|the|lungs|heart)\b)[a-z])"
    r"|(?<=\S\?)(?=\s|$)(?! *(?:[Yy]es|YES|[Nn]o(?:ne)?|NO(?:NE)?)\b)"
    r"|(?<=[a-z][a-z]\.)(?=[a-z])|(?<=;)(?=\s|$)|(?<=\n)\s*"
    r"|(?<=\s\()(?:\d{1,2}|[b-h])\)(?=\s*[A-Z]|\s+[a-z])"
    r"|(?<=\s\d)\d?[.)](?=\s*[A-Za-z])"
    r"|(?<=\s-) (?=[A-Z])|(?<=\u2022)"
    rf"|(?<=,)(?=\s+{_AFFIRMED})"
    r"|(?<=:) ?(?:[Nn]o(?:ne)?|NO(?:NE)?|[Yy]es|YES|[Aa]bsent|[Pp]resent|[Nn]il),?\s+"
    r"(?=[A-Z][A-Za-z]+(?: [A-Za-z]+){0,2} ?:)"
    r")"
)
_LEAD = 200  # characters in front of a denied list, with its colon
_DOUBT = re.compile(r"\s*(?:\w+ ){0,2}\w+\Z")
_LETTER = re.compile(r"[^\W_]")
_INK = re.compile(r"\S")
_NUMBER = re.compile(r"\(?(?:(\d{1,2})[.)]|([a-h])\))")
# A sign that decides what a sentence says is a word of its own: "?PTX", "R > L", "rib #", "(-)".
_SIGN = r"#s?(?!\w)|[,;:()/&?<>+%#]|(?<=\()-(?=\))"
_WORD = re.compile(rf"\w+(?:\.\d+)?%?|{_SIGN}")
# The same where signs without a width may stand in a word.
_WIDE_WORD = re.compile(rf"\w[\w{ACCENTS}{WIDTHLESS}]*(?:\.\d+)?%?|{_SIGN}")
_PUNCTUATION = frozenset(",;:()/&?+-")

ALWAYS_READ = frozenset({"findings", "impression", "addendum", "wet read", "report"})
NEVER_READ = frozenset(
    {"indication", "comparison", "history", "technique", "examination", "recommendations"}
    | {"formalities"}
)

_REMOVED = "xxxx"  # Open-i's mark of a word that de-identification removed; MIMIC writes ___

# What decides on sentences and words: hashed into the id of every model.
READING_FILES = tuple(
    Path(__file__).with_name(name)
    for name in (
        *("boxes.py", "denials.py", "fold.py", "layout.py", "lines.py", "places.py"),
        *("sentences.py", "signs.py", "synonyms.py"),
    )
)


def select_sections(study: Study) -> list[Section]:
    """Return findings, impression and addenda; failing these, all but history and technique."""
    wanted = [section for section in study.sections if section.name in ALWAYS_READ]
    if not wanted:
        wanted = [section for section in study.sections if section.name not in NEVER_READ]
    if not wanted and not study.sections:
        wanted = [Section("report", 0, len(study.report))]
    return wanted


def describe_skipped(study: Study) -> str | None:
    """Return what is not read of a report of which more is skipped than read; else None."""
    read = select_sections(study)
    skipped = set(study.sections).difference(read)
    if _count_characters(skipped) <= _count_characters(read):
        return None
    names = {section.name if section.name in NEVER_READ else "other text" for section in skipped}
    return f"more than half of the report is not read: {', '.join(sorted(names))}"


def list_study_sentences(study: Study) -> Iterator[tuple[str, int, int]]:
    """Yield section name, start and end of each sentence that is read of a study's report."""
    flat = flatten(study.report)
    for section in select_sections(study):
        for start, end in cut_sentences(flat, section.start, section.end):
            yield section.name, start, end


def split_sentences(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    """Yield (start, end) of each sentence of `text[start:end]`, blank ones left out."""
    return cut_sentences(flatten(text), start, end)


def cut_sentences(flat: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    """Yield the sentences of a part of a text that `flatten` gave, as `split_sentences` does."""
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
        may_list = flat.find(":", begin, min(at, begin + _LEAD)) >= 0
        if may_list and at < find_denied_end(flat, begin, end):
            continue
        if sign == "\n":
            after = match.end()
            if _INK.search(flat, begin, at):
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
            elif flat[match.end() - 1] == "." and flat[match.end()].isspace():
                yield from _pieces(flat, begin, match.end() - 1)
                begin = body = find_place_heading(flat, match.end(), end)
        elif sign == ",":
            if _DENIAL.match(flat, max(begin, body)):
                yield from _pieces(flat, begin, at)
                begin = match.end()
        elif sign in "-\u2022":  # a list in one line
            if sign != "-" or flat[begin] == "-":
                yield from _pieces(flat, begin, at)
                begin = at
        else:
            # of a few words ("Small effusion?") the sign is all that says how sure they are
            is_kept = sign in ";:" or (sign == "?" and _DOUBT.match(flat, begin, at) is not None)
            yield from _pieces(flat, begin, match.end() if is_kept else at)
            begin = body = find_place_heading(flat, match.end(), end)
    yield from _pieces(flat, begin, end)


def find_words(sentence: str) -> list[Word]:
    """Return the words, signs and punctuation of a sentence; hyphens and all else only separate.

    A word is folded, its offsets are those of the sentence as it is.
    """
    flat = blank_marks(sentence)
    if flat.isascii():
        words = [
            (m[0] if m[0][0] != "_" else _REMOVED, m.start(), m.end())
            for m in _WORD.finditer(flat.lower())
        ]
    else:
        words = [
            (fold_word(m[0]) if m[0][0] != "_" else _REMOVED, m.start(), m.end())
            for m in _WIDE_WORD.finditer(flat)
        ]
    words = read_signs(flat, read_synonyms(flat, words))
    return read_denied_list(flat, words) if ":" in flat else words


def is_entity_word(word: str) -> bool:
    """Tell whether an entity may begin or end with this word: not for punctuation."""
    return word not in _PUNCTUATION


def _count_characters(sections: Iterable[Section]) -> int:
    return sum(section.end - section.start for section in sections)


def _open_line(flat: str, start: int, end: int) -> tuple[int, int]:
    """Return where the sentence of a line begins, and where what its item says does."""
    begin = find_place_heading(flat, start, end)
    while begin < end and flat[begin].isspace():
        begin += 1
    item = ITEM.match(flat, begin, end)
    return begin, item.end() if item else begin


def _read_number(flat: str, start: int) -> int:
    found = _NUMBER.match(flat, start)
    if not found:
        return 0
    return int(found[1]) if found[1] else ord(found[2]) - ord("a") + 1


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
    if _LETTER.search(flat, start, end):  # a ruled line says nothing
        yield start, end
