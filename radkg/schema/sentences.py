"""Report text to sentences and words, with exact character offsets.

A sentence is the unit of everything that follows: no rule looks across its borders.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from radkg.schema.records import Section, Study

MAX_SENTENCE = 2000  # characters; longer ones are cut, so that no text costs more than linear time

# A full stop ends a sentence before a blank, at the end, before a capital ("apex.There") and after
# two small letters ("seen.no"), but neither inside a number nor after "vs" and "Dr".
_END = re.compile(
    r"(?<!\bvs)(?<!\bDr)[.!?](?=\s|$|[A-Z<(\"'])|(?<=[a-z][a-z])\.(?=[a-z])"
    r"|\n[ \t]*\n|\n(?=[ \t]*(?:[-*]|\d{1,2}[.)])[ \t])|<BR>"
)
# A sign that decides what a sentence says is a word of its own: "?PTX", "R > L", "rib #", "(-)".
_WORD = re.compile(r"\w+(?:\.\d+)?%?|#s?(?!\w)|[,;:()/&?<>+%#]|(?<=\()-(?=\))")
_PUNCTUATION = frozenset(",;:()/&?+-")

_READ_FIRST = frozenset({"findings", "impression"})
_NEVER_READ = frozenset({"indication", "comparison", "history", "technique", "examination"})

_REMOVED = "xxxx"  # Open-i's mark of a word that de-identification removed; MIMIC writes ___

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
    begin = start
    for match in _END.finditer(text, start, end):
        yield from _pieces(text, begin, match.start())
        begin = match.end()
    yield from _pieces(text, begin, end)


def words(sentence: str) -> list[Word]:
    """Return the words, signs and punctuation of a sentence; hyphens and all else only separate."""
    return [
        (m[0].lower() if m[0][0] != "_" else _REMOVED, m.start(), m.end())
        for m in _WORD.finditer(sentence)
    ]


def is_entity_word(word: str) -> bool:
    """Tell whether an entity may begin or end with this word of `words`: not for punctuation."""
    return word not in _PUNCTUATION


def _pieces(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    while end - start > MAX_SENTENCE:
        cut = text.rfind(" ", start + 1, start + MAX_SENTENCE)
        cut = cut if cut > 0 else start + MAX_SENTENCE
        yield start, cut
        start = cut
    if text[start:end].strip():
        yield start, end
