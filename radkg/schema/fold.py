"""Letters as a reader takes them: ligatures, accents and signs without a width are folded.

A folded word can be longer or shorter than the word in the report: the offsets of a word are always
those of the report.
"""

from __future__ import annotations

import re
import unicodedata

# Signs without a width of their own: soft hyphens, joiners, marks of direction, accents.
WIDTHLESS = "\xad\u034f\u061c\u180e\u200b-\u200f\u202a-\u202e\u2060-\u2064\ufe00-\ufe0f\ufeff"
ACCENTS = "\u0300-\u036f"
_WIDTHLESS = re.compile(f"[{WIDTHLESS}]")
_ACCENTS = re.compile(f"[{ACCENTS}]")
_SPELT = str.maketrans(
    {"æ": "ae", "Æ": "ae", "œ": "oe", "Œ": "oe", "ø": "o", "Ø": "o", "ß": "ss", "ł": "l"}
)


def fold_word(word: str) -> str:
    """Return a word in small letters, without accents, ligatures and signs without a width.

    A word of nothing else comes back in small letters as it is.
    """
    if word.isascii():
        return word.lower()
    spelt = unicodedata.normalize("NFKD", _WIDTHLESS.sub("", word).translate(_SPELT))
    return _ACCENTS.sub("", spelt).lower() or word.lower()


def normalise_letters(text: str) -> str:
    """Return a text with each accented letter as one sign, without ligatures and widthless signs.

    Offsets into the text do not hold for the answer.
    """
    return text if text.isascii() else unicodedata.normalize("NFKC", _WIDTHLESS.sub("", text))
