"""Signs that stand for a word: an empty box is a "no", and so is "= 0" behind a question.

Readers learn words. A sign is given to them as the word that it stands for, with the sign's place.
"""

from __future__ import annotations

import re

from radkg.schema.boxes import OPTIONS
from radkg.schema.synonyms import Word, replace_words

_EMPTY = r"(?:\[[ _]?\]|\( ?\)|\u2610)"
_TICKED = r"(?:\[[xX+*]\]|\([xX]\)|[\u2611\u2612\u2713\u2714])"
_BOXED = re.compile(r"[\[(\u2610-\u2612\u2713\u2714]")
_OPTION = rf"(?:{OPTIONS})\b"
_CHOICES = (  # "( ) yes (x) no", "yes [ ] no [x]"
    re.compile(rf"(?:(?P<ticked>{_TICKED})|{_EMPTY}) *{_OPTION}", re.IGNORECASE),
    re.compile(rf"\b{_OPTION} *(?:(?P<ticked>{_TICKED})|{_EMPTY})", re.IGNORECASE),
)
_UNBOXED = r"[^\[\]()\u2610-\u2612\u2713\u2714:]"
_BEFORE = re.compile(  # "[ ] Effusion"
    rf"(?:[-*\u2022\u00b7] |\d{{1,2}}[.)] )?({_EMPTY})(?! *{_OPTION})", re.IGNORECASE
)
_BEHIND = re.compile(  # "Effusion [x]", "Effusion: [ ]"
    rf"{_UNBOXED}*(?!\s){_UNBOXED}\s*:?\s*(?:(?P<no>{_EMPTY})|(?P<yes>{_TICKED}))\s*\Z"
)
_NO, _YES = "N|n|false|False|FALSE|0", "Y|y|true|True|TRUE|1|[Pp]os|POS"
_END = r"(?=\s*[,;.]?\s*\Z)"
_WITHIN = re.compile(  # begins with a set of signs, which a search finds quickest
    r"[:=(?,+\u00d8\u00f8\u2205-](?:"
    rf"(?<=[:=]) ?(?:(?P<no>{_NO})|(?P<yes>{_YES})){_END}"
    r"|(?<=[\u00d8\u00f8\u2205])(?<![^\s(,;/].)(?P<none>)(?=\s)"
    r"|(?<=\()\?\)(?P<doubt>)|(?<=\w\?)(?P<asked>)(?=\s*\Z)"
    r"|(?<=-)(?<!\w-) ?[vV][eE]\b(?P<negative>)|(?<=\+)(?<!\w\+) ?[vV][eE]\b(?P<positive>)"
    r"|(?<=[?,])(?P<colon>)(?=\s*(?:[Yy]es|YES|[Nn]o(?:ne)?|NO(?:NE)?|[Nn]il)\s*\.?\s*\Z)"
    r")"
)
# "Effusion 0", but not "grade 0".
_NAUGHT = re.compile(
    r"\W*(?!.*\b(?:grade|stage|score|type|level|zone|day|rads|category|class|number|series|image"
    r"|view)\b)[A-Za-z][A-Za-z /-]+ (0)\W*\Z",
    re.IGNORECASE,
)
_WORDS = {"none": "no", "doubt": "possible", "asked": "possible", "colon": ":"}
_WHOLE = ("none", "doubt", "asked", "colon", "negative", "positive")  # else the group is the sign


def read_signs(flat: str, words: list[Word]) -> list[Word]:
    """Return the words of a sentence, with the words that its signs stand for.

    Args:
        flat: the sentence, as `flatten` gives a text.
        words: its words in order.
    """
    found = [_name(sign) for sign in _WITHIN.finditer(flat)]
    if "0" in flat and (naught := _NAUGHT.match(flat)):
        found.append(("no", *naught.span(1)))
    if _BOXED.search(flat):
        if chosen := _choose(flat):
            return [w for w in words if not any(w[1] < b and a < w[2] for a, b in chosen)]
        if before := _BEFORE.match(flat):
            found.append(("no", *before.span(1)))
        elif behind := _BEHIND.match(flat):
            found.append(_name(behind))
    return replace_words(words, found)


def _name(sign: re.Match[str]) -> Word:
    """Return the word of a sign and its place."""
    kind = str(sign.lastgroup)
    return _WORDS.get(kind, kind), *(sign.span() if kind in _WHOLE else sign.span(kind))


def _choose(flat: str) -> list[tuple[int, int]]:
    """Return the places of the options that are not ticked, and of all boxes of a choice."""
    for choice in _CHOICES:
        options = list(choice.finditer(flat))
        ticked = [option for option in options if option["ticked"]]
        if len(options) > 1 and ticked:
            left = [option.span() for option in options if not option["ticked"]]
            return [*left, *(option.span("ticked") for option in ticked)]
    return []
