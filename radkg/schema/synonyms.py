"""Words and phrases that the annotated texts lack, as words that they have for them.

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
_VERBS = "is|are|was|were|does|do|did|has|have|had|could|would|should|ca|wo"
_CONTRACTED = re.compile(rf"\b(?:{_VERBS})(?P<no>n'?t)\b", re.IGNORECASE)
_STEMS = {"ca": "can", "wo": "will"}
_RARE = {  # a sentence without any of these has nothing to replace
    *_SAME,
    *("cannot", "can", "could", "unable", "fail", "fails", "failed", "nor", "any", "most", "re"),
    *("convinced", "doubt", "only", "also", "ruled", "concern"),
    *("improvement", "resolution", "clearing", "worsening"),
    *("t", *(f"{verb}nt" for verb in _VERBS.split("|"))),
}


def read_synonyms(flat: str, words: list[Word]) -> list[Word]:
    """Return the words of a sentence, with the words that others, phrases and "n't" stand for.

    Args:
        flat: the sentence, as `flatten` gives a text.
        words: its words in order.
    """
    if _RARE.isdisjoint([word for word, _, _ in words]):
        return words
    words = [(_SAME.get(word, word), start, end) for word, start, end in words]
    found = [(str(phrase.lastgroup), *phrase.span()) for phrase in _PHRASES.finditer(flat)]
    for contracted in _CONTRACTED.finditer(flat):
        start, middle, end = contracted.start(), contracted.start("no"), contracted.end()
        stem = flat[start:middle].lower()
        found += [(_STEMS.get(stem, stem), start, middle), ("not", middle, end)]
    return replace_words(words, found)


def replace_words(words: list[Word], found: list[Word]) -> list[Word]:
    """Return words in order, where those that `found` covers make way for them."""
    if not found:
        return words
    kept = [w for w in words if not any(w[1] < end and start < w[2] for _, start, end in found)]
    return sorted([*kept, *found], key=lambda word: word[1])
