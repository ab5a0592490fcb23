"""Words and phrases that the annotated texts lack, as a word that they have for it.

Readers learn words: "failed to demonstrate" is a "no" to whoever reads it, and new to a model.
"""

from __future__ import annotations

import re

Word = tuple[str, int, int]  # lower-cased, start, end

_SAME = {"sans": "without", "devoid": "free", "pnx": "ptx"}
_SEE = r"(?:identify|detect|appreciate|see|visuali[sz]e)"
_PHRASES = re.compile(
    r"\b(?:"
    rf"(?P<no>(?:cannot|can not|could not|unable to) {_SEE}"
    r"|fail(?:s|ed)? to (?:show|demonstrate|reveal|identify)|ruled out for)"
    r"|(?P<unchanged>no (?:improvement|resolution|clearing|worsening) (?:of|in))"
    r"|(?P<redemonstration>re-demonstration)"
    r"|(?P<nor>nor (?:is|are|was|were) there)"
    r"|(?P<possible>if any(?= *(?:[,.;)]|is\b|are\b|\Z))|(?<=trace )if any"
    r"|at most(?= (?:an?|tiny|small|trace|minimal|mild|very)\b)|not convinced (?:of|by)"
    r"|(?<![\w ])(?:doubt(?= [a-z])|concern for))"
    r"|(?P<both>not only(?= .*\bbut also\b))|(?P<and>but also)"
    r")\b",
    re.IGNORECASE,
)
_RARE = {  # a sentence without any of these has none of the phrases
    *_SAME,
    *("cannot", "can", "could", "unable", "fail", "fails", "failed", "nor", "any", "most", "re"),
    *("convinced", "doubt", "only", "also", "ruled", "concern"),
    *("improvement", "resolution", "clearing", "worsening"),
}


def read_synonyms(flat: str, words: list[Word]) -> list[Word]:
    """Return the words of a sentence, with the words that other words and phrases stand for.

    Args:
        flat: the sentence, as `flatten` gives a text.
        words: its words in order.
    """
    if _RARE.isdisjoint([word for word, _, _ in words]):
        return words
    words = [(_SAME.get(word, word), start, end) for word, start, end in words]
    found = [(str(phrase.lastgroup), *phrase.span()) for phrase in _PHRASES.finditer(flat)]
    kept = [w for w in words if not any(w[1] < end and start < w[2] for _, start, end in found)]
    return sorted([*kept, *found], key=lambda word: word[1])
