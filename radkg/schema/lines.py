"""Whether the end of a line ends a sentence: a wrapped line goes on, a new item begins anew.

The text's own layout decides: what the next line begins with, what this line ends with, and whether
the next word would still have stood in this line. In doubt a border stands, for a negation that
reaches the next item turns a finding into its contrary.
"""

from __future__ import annotations

import re

# What begins an item: a bullet, a number or letter with a sign, a check box, a row of a table.
ITEM = re.compile(
    r"[-*+\u2022\u2023\u25aa\u25ab\u25cf\u25cb\u25e6\u25a0\u25a1\u2043\u2219\u2013\u2014\u00b7\uf0b7"
    r"\u27a2\u2192>#|=o\u2610\u2611\u2612\u2713\u2714\u2717\u2718]{1,3}[ ]+(?=\S)"
    r"|[-*\u2022\u25cf\u00b7\u2013\u2014>|\u2610\u2611\u2612](?=[A-Za-z(])"
    r"|\(?\d{1,2}(?:[.)]|[.)]?:|/)(?=[ A-Za-z])|\(?[A-Za-z]\)[ ]*(?=\S)|[A-H]/[ ]"
    r"|[A-HJ-Z]\.[ ]+(?=[A-Z])"
    r"|\(?(?:[ivx]{1,4}|[IVX]{1,4})[.)][ ]+(?=\S)|[\[(][ xX\u2713*+-]?[\])]"
)
# "Pneumothorax: No", "Pneumothorax - none", "PTX = no", "Effusion [yes]", "PTX    ( ) yes (x) no"
_ANSWERED = re.compile(
    r"[A-Za-z][A-Za-z0-9 /&,()'-]{0,60}?"
    r"(?:[ ]*:(?!\d)|[ ]*=|[ ]+[-\u2013\u2014][ ]+|[ ]*[\[(][^\])]{0,8}[\])]"
    r"|(?:[ ]{3,}|[ ]*\|)(?=\S))"
)
_SHORT_ANSWER = re.compile(
    r"(?:\b(?:no|none|nil|yes|absent|present|negative|neg|positive|pos|normal|clear|stable|unchanged"
    r"|nad|nl|wnl|intact)|\([-+]\)|[\])]|(?<=[a-z] )(?:[01]|[-+](?:ve)?))$",
    re.IGNORECASE,
)
# "There is no", "1. No": no answer, but the beginning of a sentence.
_ASKED = re.compile(
    r"(?:^|\d[.)]|[*\u2022;-]|,\s|\b(?:is|are|was|were|with|and|but|or|shows?|there|has|have))\s*no$",
    re.IGNORECASE,
)
_ASKING = re.compile(r"\W*[A-Za-z]+(?:[ /-][A-Za-z]+){0,2} ?:$")  # a line that is a question
_WORDS = re.compile(r"\w+")
# Words after which no sentence ends, however its line does.
_GOES_ON = re.compile(
    r"(?:[,(&]|[a-z]/|\b(?<!/)(?:a|an|and|are|as|at|be|been|between|but|by|compared|consistent|for"
    r"|from|has|have|in|into|is|may|more|of|on|or|over|per|represents?|should|suggest|suggesting"
    r"|than|that|the|this|these|to|versus|vs\.?|was|were|which|with|w/|without|within|there|approximately"
    r"|about|measuring|measures|could|might|will|would|can|cannot|not|due|if|when|while|since|no))$",
    re.IGNORECASE,
)
# Words that mostly describe what follows, but may end an item too ("Effusion - possible").
_DESCRIBING = (
    r"(?:likely|possibly|probabl[ey]|possible|mild|mildly|moderate|severe|small|sm|mod|large|tiny"
    r"|new|minimal|evidence|acute|focal|right|left|bilateral|upper|lower|mid|middle|pleural|lung"
    r"|pulmonary|apical|basal|basilar|interstitial|cardiac|cardiomediastinal|mediastinal|hilar"
    r"|increased|decreased|low|chronic|patchy|radiographic|metastatic|definite|rt|lt|r|l)"
)
_DESCRIBES = re.compile(rf"\b{_DESCRIBING}$", re.IGNORECASE)
_NO_SUCH = re.compile(rf"\b(?:no|without)(?: {_DESCRIBING}){{1,2}}$", re.IGNORECASE)
_CARRIES_ON = re.compile(
    r"(?:and|or|nor|with|without|of|in|at|to|from|for|which|that|than|versus|vs|is|are|was|were|has"
    r"|have|may|but|as|by|on|due|consistent|likely|suggesting|suggestive|representing|secondary)\b",
    re.IGNORECASE,
)
_OPENS = re.compile(
    r"(?:no|the|there|small|mild|moderate|large|tiny|new|stable|unchanged|left|right|bilateral|heart"
    r"|lungs?|cardiac|pleural|mediastin\w+|trachea|bones?|increased|increasing|improved|worsening"
    r"|interval|minimal|trace|possible|probable|old|status|s/p)\b",
    re.IGNORECASE,
)
_ABBREVIATION = re.compile(
    r"[A-Z][A-Z0-9]+(?![A-Za-z])|(?:Swan|Kerley|Port|Dobb?hoff|Foley|Bochdalek)"
)

_NEGATION = re.compile(r"(?:no|without|neg|negative|not|nil|none|denies|absent)\b", re.IGNORECASE)
_STOP = re.compile(r"[A-Za-z)][.!?](?=\s|$)")

_LOOK = 80  # characters of a line that tell how it begins or ends
_HEADING = 200  # characters that may stand before a part in its first line
_WIDE = 45  # characters: a narrower text is hardly wrapped
_RAGGED = 8  # characters by which a line wrapped by hand is shorter than the widest
_LONG = 0.6  # of the width: a shorter line was ended on purpose
_SHORT = 30  # characters of a line that answers one question


class Layout:
    """How the lines of a part of a text were written.

    Args:
        flat: a text as `flatten` gives it.
        start: where the part begins; its first line counts from its own beginning.
        end: where the part ends.
    """

    def __init__(self, flat: str, start: int, end: int) -> None:
        before = max(0, start - _HEADING)
        lines = flat[max(before, flat.rfind("\n", before, start) + 1) : end].split("\n")
        self._flat = flat
        self._width = max(len(line.rstrip()) for line in lines)
        # Lines without a single stop are items; where sentences have stops, lines may be wrapped.
        self._is_wrapped = self._width >= _WIDE and _STOP.search(flat, start, end) is not None

    def is_border(self, begin: int, at: int, after: int) -> bool:
        """Return whether the line feeds between two lines with text are a border of sentences.

        Args:
            begin: where the sentence began.
            at: where the line feeds begin.
            after: where the next line with text begins.
        """
        flat = self._flat
        line_start = flat.rfind("\n", 0, at) + 1
        end = line_start + len(flat[line_start:at].rstrip())  # CRLF leaves a blank
        tail = flat[max(line_start, end - _LOOK) : end]
        head = flat[after : after + _LOOK].partition("\n")[0]
        if not tail or ITEM.match(head):
            return True
        if flat.find("\n", at + 1, after) >= 0:
            return not _is_torn(tail, head)
        if tail[-1] == ":" and _ASKING.match(tail) and not head.rstrip().endswith(":"):
            return _ANSWERED.match(head) is not None  # "Effusion:" above "Small left"
        if tail[-1] in ";:" or _is_ruled(head) or _is_ruled(tail):
            return True
        line = flat[line_start : line_start + _LOOK].partition("\n")[0].lstrip()
        said = flat[max(begin, end - _LOOK) : end]
        length = end - line_start
        is_answer = length <= _SHORT and len(_WORDS.findall(said)) > 1
        if is_answer and _SHORT_ANSWER.search(tail) and not _ASKED.search(said):
            return not (head[0].islower() and _CARRIES_ON.match(head))
        goes_on = bool(_GOES_ON.search(tail) or _NO_SUCH.search(tail))
        if _ANSWERED.match(head) and (not goes_on or _ANSWERED.match(line)):
            return True
        if goes_on:
            return False
        opening = flat[begin : begin + _LOOK].lstrip(" \n-*\u2022([")[:1]
        if flat[max(0, begin - 3) : begin + 1].find(";") >= 0:
            opening = ";"  # behind a semicolon nobody writes a capital
        said = flat[max(begin, line_start) : end]
        reaches = length + 1 + len(head.split(None, 1)[0]) > self._width - _RAGGED
        if not self._is_wrapped:
            return not _is_carried_on(tail, head, said, opening, is_full=False, is_long=False)
        is_long = length > self._width * _LONG
        return not _is_carried_on(tail, head, said, opening, is_full=reaches, is_long=is_long)


def _is_carried_on(
    tail: str, head: str, said: str, opening: str, *, is_full: bool, is_long: bool
) -> bool:
    """Return whether the next line goes on, by how the two are written."""
    has_capitals = head.split(None, 1)[0].isupper() and tail.split()[-1].isupper()
    if _CARRIES_ON.match(head) and (has_capitals or not head[0].isupper()):
        return True
    if head[0].islower() and not opening.islower():
        if is_full or is_long or _DESCRIBES.search(tail):
            return True
        return not _NEGATION.match(head) and not _NEGATION.search(said)
    if head[0].isupper() and not _ABBREVIATION.match(head):
        return False
    # Written without capitals, or in capitals alone: the width tells, if no new item is opened.
    return is_full and (not _OPENS.match(head) or _DESCRIBES.search(tail) is not None)


def _is_ruled(line: str) -> bool:
    return line[:3] in ("___", "---", "===", "***") or line.startswith("|")


def _is_torn(tail: str, head: str) -> bool:
    """Return whether an empty line stands within a sentence that was torn apart."""
    if not head[0].islower() or tail[-1] in ".!?:;":
        return False
    return bool(_GOES_ON.search(tail) or _DESCRIBES.search(tail) or _CARRIES_ON.match(head))
