"""A report as plain lines: what ends a line is one sign, what only marks up is blank.

Reports come through interfaces that end lines in a dozen ways and carry markup of HL7, HTML and
RTF. `flatten` gives a text of the same length in which every line ends with a line feed, so that
an offset into the flat text is an offset into the report.
"""

from __future__ import annotations

import re

from radkg.schema.boxes import break_items
from radkg.schema.fold import WIDTHLESS

# A text that flatten changes has one of these signs, or an entity of HTML or of Excel.
_ODD = re.compile(r"[^\x20-\x3b\x3d\x3f-\x5b\x5d-\x7d\n]")

_TAGS = (
    r"b|i|u|em|strong|span|font|a|h[1-6]|p|div|br|hr|li|ul|ol|tr|td|th|table|tbody|thead|pre|html"
    r"|body|head|sup|sub"
)
_LINE_TAGS = re.compile(r"</?(?:h[1-6]|p|div|br|hr|li|tr)\b", re.IGNORECASE)
_MARK = re.compile(
    rf"</?(?:{_TAGS})\b[^<>\n]{{0,80}}>"  # HTML
    # HL7: \.br\ and its kin, \X0D\, highlighting
    r"|\\\.(?:br|sp|ce)[+\-\d ]*\\|\\X0D\\\\X0A\\|\\(?:X(?:0[AD])+|(?-i:[HN]))\\"
    r"|\\(?:par|line|tab)(?![a-z])"  # RTF
    r"|\\r\\n|\\n(?!odul|ormal|egativ)|\\r(?![a-z])|\\t(?![a-z])"  # escapes that nobody undid
    r"|&(?:amp|lt|gt|quot);|_x000[DA]_|&#(?:1[03]|x[AaDd]);|&nbsp;|&#160;"
    # a tilde parts the repetitions of an HL7 field; before a number that is no item it means about
    r"|(?<=[\w.,;:)])~(?!\d+(?![.)]))|~(?=\d{1,2}[.)] )|(?<=\n)~(?!\d)"
    rf"|\r{{1,3}}\n|\r|(?<!\w)[{WIDTHLESS}]|[{WIDTHLESS}](?!\w)",
    re.IGNORECASE,
)
_BLANK_MARKS = re.compile(rf"[{WIDTHLESS}]|\\(?-i:[HN])\\|\\t(?:ab)?$|&nbsp;|&#160;", re.IGNORECASE)

_LINE_FEED = re.compile(r" *\r?\n")
_ENTITIES = {"&amp;": "&", "&lt;": "<", "&gt;": ">", "&quot;": '"'}
_LINE_ENDS = "\x0b\x0c\x1c\x1d\x1e\x85\u2028\u2029"
_BLANKS = "\t\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u202f"
_SIGNS = {
    **dict.fromkeys(map(ord, _LINE_ENDS), "\n"),
    **dict.fromkeys(map(ord, _BLANKS + "\u205f\u3000\x00"), " "),
    **{code: chr(code - 0xFEE0) for code in range(0xFF01, 0xFF5F)},  # letters of full width
    **dict.fromkeys(map(ord, "\u2018\u2019\u02bc"), "'"),
    **dict.fromkeys(map(ord, "\u201c\u201d"), '"'),
    **dict.fromkeys(map(ord, "\u2010\u2011\u2212\ufe63"), "-"),
    **dict.fromkeys(map(ord, "\ufe55\ua789"), ":"),
    **dict.fromkeys(map(ord, "\u3002\uff61\u2026"), "."),
}


def flatten(report: str) -> str:
    """Return the report with line feeds for all ends of lines and blanks for markup.

    Items side by side in a line become lines. The answer has the length of the report.
    """
    return break_items(blank_marks(report))


def blank_marks(report: str) -> str:
    """Return the report as `flatten` does, with items side by side left in their line.

    What is flat already comes back as it is.
    """
    if not _ODD.search(report) and "&" not in report and "_x000" not in report:
        return report
    flat = report.translate(_SIGNS)
    return _MARK.sub(_blank, flat)


def _blank(mark: re.Match[str]) -> str:
    """Return blanks for a mark, with a line feed at the end where the mark ends a line.

    A mark in front of a line feed leaves the end of the line to that one ("text<br>" at a line's
    end).
    """
    text = mark[0]
    if sign := _ENTITIES.get(text.lower()):
        return sign.ljust(len(text))
    is_blank = text[0] == "<" or _BLANK_MARKS.match(text)
    if is_blank and not _LINE_TAGS.match(text):
        return " " * len(text)
    if text[0] != "\r" and _LINE_FEED.match(mark.string, mark.end()):
        return " " * len(text)
    return " " * (len(text) - 1) + "\n"
