"""Lists that are denied as a whole: "There is no evidence of: - effusion - pneumothorax".

The items belong to the denial in front of their colon: cut off from it, each of them would be
stated. So such a list is one sentence, and readers get the words that a person would write in one
line: "there is no evidence of effusion or pneumothorax".
"""

from __future__ import annotations

import itertools
import re

from radkg.schema.lines import ITEM
from radkg.schema.synonyms import Word

_LEAD = re.compile(
    r"(?:[-*\u2022] )?"
    r"(?:(?:there|is|are|was|were|has|have|been|the|following|findings?|specifically|pertinent"
    r"|important|relevant|chest|lungs?|film|study|x-?ray|shows?|demonstrates?|conditions?"
    r"|abnormalities|also|in|particular|with|can|be|all|we|i)[ ,]+){0,7}"
    r"(?:(?:no|without|neg(?:ative|\.)? for|free of|absence of|lack of|nil)"
    r"(?P<kind>(?: (?:evidence|signs?|features|of|for|acute|definite|radiographic|significant|new"
    r"|suggestion|to|suggest|interval|development)){0,6})"
    r"(?: (?:any|of|the|following|findings?|abnormalit(?:y|ies)|conditions?)){0,5}"
    r"|(?P<said>negatives?|neg|absent|excluded|denied|neither|none of the following"
    r"|(?:did|do|does|could|can) ?not (?:find|show|see|identify|demonstrate|detect)"
    r"(?: any(?: of)?(?: the following)?)?"
    r"|not (?:seen|present|identified|visuali[sz]ed|demonstrated|detected|evident|found"
    r"|appreciated|shown)))"
    r" ?:(?!\d)[ ]*(?P<feeds>[ \n]*)",
    re.IGNORECASE,
)
_PART = re.compile(rf"(?P<mark>{ITEM.pattern})?(?P<text>[^\n;.]*)(?P<stop>[.;]?)(?P<gap>[ \n]*)")
# What an item says by itself, so that it belongs to no list: "- lungs are clear", "- nodule: 5 mm".
_STATES = re.compile(
    r"[:=?]|\b(?:no|not|nil|none|without|is|are|was|were|has|have|there|yes|negative|absent"
    r"|present|positive|normal|clear|stable|unchanged|intact|seen|noted|enlarged|but|except)\b",
    re.IGNORECASE,
)
_JOINED = re.compile(r"(?:[,&/]|\b(?:and|or|nor))$", re.IGNORECASE)
_DASH = re.compile(r"(?<=[A-Za-z] )(-) (?=[A-Za-z])")
_WORDS = 8  # of an item
_LONGEST = 600  # characters of a list


def find_denied_end(flat: str, begin: int, end: int) -> int:
    """Return where the list ends that the sentence beginning at `begin` denies; `begin`: none.

    Args:
        flat: a text as `flatten` gives it.
        begin: where the sentence begins.
        end: where the text to look at ends.
    """
    lead = _LEAD.match(flat, begin, end)
    items = _list_items(flat, lead, min(end, begin + _LONGEST)) if lead else []
    return items[-1][1] if items else begin


def read_denied_list(flat: str, words: list[Word]) -> list[Word]:
    """Return the words of a sentence, without the signs and marks of a list that it denies.

    Args:
        flat: the sentence, as `flatten` gives a text.
        words: its words in order.
    """
    lead = _LEAD.match(flat)
    items = _list_items(flat, lead, len(flat)) if lead else []
    if lead is None or not items:
        return words
    shown: list[Word] = [("no", *lead.span("said"))] if lead["said"] else []
    for (start, end), (after, _) in itertools.pairwise(items):
        if not _JOINED.search(flat[start:end].rstrip()):
            shown.append((",", end, after))
    for start, end in items:  # "- Effusion - Edema" in one line
        shown += [(",", *dash.span(1)) for dash in _DASH.finditer(flat, start, end)]
    kept = [(0, max(0, lead.end("kind"))), *items]
    shown += [w for w in words if any(start <= w[1] and w[2] <= end for start, end in kept)]
    shown.sort(key=lambda word: word[1])
    commas = [i for i, (word, *_) in enumerate(shown) if word == ","]
    if commas and not {"and", "or", "nor"}.intersection(w for w, *_ in shown[commas[-1] :]):
        shown[commas[-1]] = ("or", *shown[commas[-1]][1:])
    return shown


def _list_items(flat: str, lead: re.Match[str], end: int) -> list[tuple[int, int]]:
    """Return where the texts of the items begin and end."""
    items: list[tuple[int, int]] = []
    has_own_lines = is_new_line = "\n" in lead["feeds"]
    at, first = lead.end(), None
    while at < end and (part := _PART.match(flat, at, end)) and _is_item(part["text"]):
        first = first or part
        if is_new_line and not _is_alike(part, first, has_own_lines):
            break
        start = part.start("text")
        items.append((start, start + len(part["text"].rstrip())))
        feeds = part["gap"].count("\n")
        if feeds > 1 or (feeds == 0 and part["stop"] != ";"):
            break
        at, is_new_line = part.end(), feeds == 1
    return items


def _is_item(text: str) -> bool:
    """Return whether a text names things, and states nothing by itself."""
    longest = max(len(named.split()) for named in text.split(","))
    return 0 < longest <= _WORDS and _STATES.search(text) is None


def _is_alike(part: re.Match[str], first: re.Match[str], has_own_lines: bool) -> bool:
    """Return whether a line is written as the first item was, so that it is one too."""
    if part["mark"] or first["mark"]:
        return bool(part["mark"] and first["mark"])
    alike = part["text"].lstrip()[0].isupper() == first["text"].lstrip()[0].isupper()
    return has_own_lines and alike
