"""How severe a finding is and on which side, by the words that describe it and its sites.

As the named queries `severity` and `laterality` say it; a test holds their words and these equal.
"""

from __future__ import annotations

from typing import Literal, get_args

Severity = Literal["unstated", "mild", "moderate", "severe"]
SEVERITIES: tuple[Severity, ...] = get_args(Severity)
"""rising: a finding counts with its strongest word"""
SEVERITY_WORDS: dict[Severity, tuple[str, ...]] = {
    "mild": ("mild", "small", "minimal", "trace", "tiny", "slight", "borderline"),
    "moderate": ("moderate", "medium"),
    "severe": ("severe", "large", "marked", "massive", "extensive", "gross"),
}

Side = Literal["unstated", "left", "right", "both"]
SIDES: tuple[Side, ...] = get_args(Side)
"""sums of bits: left is 1, right is 2"""
SIDE_WORDS: dict[Side, tuple[str, ...]] = {
    "left": ("left", "bilateral"),
    "right": ("right", "bilateral"),
}


SEVERITY_OF: dict[str, int] = {
    word: SEVERITIES.index(severity) for severity, words in SEVERITY_WORDS.items() for word in words
}
"""place in SEVERITIES of what a word says; another word says nothing, 0"""
SIDES_OF: dict[str, int] = {
    word: sum(SIDES.index(side) for side, words in SIDE_WORDS.items() if word in words)
    for words in SIDE_WORDS.values()
    for word in words
}
"""place in SIDES of what a word says; another word says nothing, 0"""
