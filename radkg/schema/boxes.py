"""Boxes, bullets and bars within a line: each begins a line of its own, or ends one.

Forms are printed with several items in a line: "[x] Effusion [ ] Pneumothorax". A reader that takes
them for one sentence reads the first sign for all.
"""

from __future__ import annotations

import re

OPTIONS = "yes|no|none|nil|present|absent|normal|abnormal|positive|negative|y|n"
"""words that stand beside the boxes of a choice; for regular expressions"""

_BOX_SIGNS = r"\u2610-\u2612\u2713\u2714\u2717\u2718"
_BULLETS = r"\u00b7\u2219\u25aa\u25cf\u25ba\u27a2\u2023"
_BOX = rf"(?:[\[(][ _xX+*-]?[\])]|[{_BOX_SIGNS}])"
_BOXES = re.compile(_BOX)
# A box of a choice ("Effusion: [ ] yes [x] no") belongs to its question.
_CHOICE = re.compile(
    rf":.*?{_BOX}|{_BOX} *(?:{OPTIONS}|left|right|bilateral|both|mild|moderate|severe|small|large"
    r"|unchanged|n/?a|unknown)\b",
    re.IGNORECASE,
)
_BEFORE = re.compile(rf"[\s\W\d]{{0,6}}?{_BOX} *[A-Za-z]")
_BEHIND = re.compile(rf"\W{{0,6}}[A-Za-z].*{_BOX} *$")
_BULLET = re.compile(rf"(?<=\S) (?= *[{_BULLETS}] +\S)")
_STAR = re.compile(r"(?<=\S) (?=\* +\S)")
# Statements side by side, one of which denies: "No effusion | Small nodule". A table of questions
# and answers has no such cell.
_PARTED = re.compile(r"(?<=\S) (?=\| |// | {2,}\S)")
_DENIED_CELL = re.compile(
    r"(?:^|\| |// | {3}) *(?:No|NO|Without|Negative for) [A-Za-z]+[^|]*?(?:\||//| {3}|$)"
)
# Findings side by side, each with its sign: "Effusion 0, edema (-), nodule 1".
_CELL = (
    r"[A-Za-z][A-Za-z /-]{2,40}?(?: ?:)? ?"
    r"(?:\([-+]\)|(?<=[ :])(?:[01]|[-+](?:ve)?|neg|pos|nil|none))"
)
_CELLS = re.compile(rf" *{_CELL}(?:[,;] {_CELL})+ *\.? *$", re.IGNORECASE)
_COMMA = re.compile(r"[,;](?= )")
_SIGNED = re.compile(  # begins with a set of signs, which a search finds quickest
    r"[ (:+-](?:(?<=[ (:])[01+-]\)?|(?<=[+-])[vV][eE]|(?<=[ :])(?:[nN]eg|[pP]os|[nN]il|[nN]one))"
    r"[,;] "
)
_WIDEST = 2000  # characters: no form has such a line, and a search over it would cost too much
_INLINE = re.compile(rf"[\[({_BOX_SIGNS}{_BULLETS}|*]")


def break_items(flat: str) -> str:
    """Return a text of the same length in which each item of a line begins a line of its own.

    Args:
        flat: a text whose lines end with line feeds.
    """
    if not _may_have_items(flat):
        return flat
    return "\n".join(map(_break_line, flat.split("\n")))


def _break_line(line: str) -> str:
    if len(line) > _WIDEST or not _may_have_items(line):
        return line
    line = _BULLET.sub("\n", line)
    if _CELLS.match(line):
        return _COMMA.sub("\n", line)
    first = line.lstrip()[:1]
    if first == "*":
        line = _STAR.sub("\n", line)
    if first != "|" and _PARTED.search(line) and _DENIED_CELL.search(line):
        line = _PARTED.sub("\n", line)
    places = [box.span() for box in _BOXES.finditer(line)]
    if len(places) < 2 or _CHOICE.search(line):
        return line
    if _BEFORE.match(line):
        ends = [start - 1 for start, _ in places[1:]]
    elif _BEHIND.match(line):
        ends = [end for _, end in places[:-1]]
    else:
        return line
    signs = list(line)
    for at in ends:
        if signs[at] == " ":
            signs[at] = "\n"
    return "".join(signs)


def _may_have_items(text: str) -> bool:
    has_signs = _INLINE.search(text) is not None or _SIGNED.search(text) is not None
    return has_signs or "//" in text or "   " in text
