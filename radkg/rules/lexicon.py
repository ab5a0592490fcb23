"""The word lists in memory: one trie that finds the longest phrase of entities and cues alike.

The lists are `data/*.csv`: lexicon (phrases of findings and sites), cues (phrases that set polarity
or join), contexts (concepts that two entities name together).
"""

from __future__ import annotations

import csv
from functools import cache
from pathlib import Path
from typing import Any, Literal, NamedTuple, get_args

from radkg.errors import SchemaError
from radkg.rules.measurements import find_measurement
from radkg.rules.spelling import Spelling
from radkg.schema.synonyms import Word

DATA = Path(__file__).with_name("data")

EntityKind = Literal[
    "finding",
    "quality",
    "modifier",
    "adverb",
    "amount",
    "change",
    "normal",
    "site",
    "naming",
    "side",
    "measure",
]
ENTITY_KINDS: frozenset[str] = frozenset(get_args(EntityKind))
ANATOMY_KINDS = frozenset({"site", "naming", "side", "measure"})
POLARITY_CUES = frozenset(
    {"negated", "negated_before", "resolved", "unresolved", "uncertain", "uncertain_before"}
    | {"hypothetical_before"}
    | {"hedge", "suggests", "means", "hypothetical", "release", "stop"}
)
JOINTS = frozenset(
    {
        "preposition",
        "of",
        "verb",
        "present",
        "colon",
        "but",
        "and",
        "or",
        "versus",
        "slash",
        "comma",
        "with",
    }
)
_NEXT = ""  # key of a trie node under which the entries that end there stand


class Item(NamedTuple):
    """A phrase found in a sentence: an entity (its kind and concept) or a cue (kind alone)."""

    kind: str
    concept: str
    start: int
    end: int
    word: int  # index of the first word
    word_end: int
    phrase: str = ""  # as the lists have it: typing errors mended


class Lexicon:
    """All word lists; build it once a process with `load_lexicon`."""

    def __init__(self) -> None:
        self._trie: dict[str, Any] = {}
        self._phrases: set[str] = set()
        self.kinds: dict[str, set[str]] = {}  # concept -> kinds it is listed under
        runs = [row["phrase"] for row in _rows("runs.csv")]
        self.runs = {*runs, *map(_plural, runs)}  # phrases that are one entity
        entities = _rows("lexicon.csv")
        for row in entities:
            phrase, kind, concept = row["phrase"], row["kind"], row["concept"]
            if kind == "device":
                kind = "finding"
                self.runs |= {phrase, _plural(phrase)}
            if kind not in ENTITY_KINDS | {"skip"}:
                raise SchemaError(f"lexicon.csv: {phrase!r} is of unknown kind {kind!r}")
            self.kinds.setdefault(concept, set()).add(kind)
            self._add(phrase, kind, concept)
        for row in _rows("cues.csv"):
            if row["cue"] not in POLARITY_CUES | JOINTS:
                raise SchemaError(f"cues.csv: {row['phrase']!r} is of unknown cue {row['cue']!r}")
            self._add(row["phrase"], row["cue"], "")
        for row in entities:  # last, so that a phrase that is listed wins over a formed plural
            if row["kind"] in ("finding", "device", "site"):
                kind = "site" if row["kind"] == "site" else "finding"
                self._add_plural(row["phrase"], kind, row["concept"])
        words = {word for phrase in self._phrases for word in phrase.split()}
        self.spelling = Spelling(words, (row["word"] for row in _rows("plain.csv")))
        self.contexts = {(r["concept"], r["with"]): r["becomes"] for r in _rows("contexts.csv")}

    def find(self, sentence: list[Word]) -> list[Item]:
        """Return the longest phrases from left to right; none overlap."""
        found: list[Item] = []
        known, mend = self.spelling.known, self.spelling.mend
        texts = [word if word in known else mend(word) for word, _, _ in sentence]
        trie, n, i = self._trie, len(sentence), 0
        while i < n:
            node = trie.get(texts[i])
            j = i
            entries: tuple[tuple[str, str], ...] = ()
            last = i
            while node is not None:
                j += 1
                if _NEXT in node:
                    entries, last = node[_NEXT], j
                node = node.get(texts[j]) if j < n else None
            if not entries:
                end = find_measurement(sentence, i) if texts[i][0].isdigit() else i
                if end > i:
                    a, b = sentence[i][1], sentence[end - 1][2]
                    amount = " ".join(texts[i:end])
                    found.append(Item("amount", amount, a, b, i, end))
                i = max(end, i + 1)
                continue
            start, end = sentence[i][1], sentence[last - 1][2]
            phrase = " ".join(texts[i:last]) if last > i + 1 else texts[i]
            for kind, concept in entries:
                if kind != "skip":
                    found.append(Item(kind, concept, start, end, i, last, phrase))
            i = last
        return found

    def _add(self, phrase: str, kind: str, concept: str) -> None:
        node = self._node(phrase)
        entry, old = (kind, concept), node.get(_NEXT, ())
        if old and kind not in ANATOMY_KINDS and old[0][0] not in ANATOMY_KINDS:
            raise SchemaError(f"{phrase!r} is listed as {old[0]} and as {entry}")
        node[_NEXT] = (*old, entry)

    def _add_plural(self, phrase: str, kind: str, concept: str) -> None:
        self._node(_plural(phrase)).setdefault(_NEXT, ((kind, concept),))

    def _node(self, phrase: str) -> dict[str, Any]:
        self._phrases.add(phrase)
        node = self._trie
        for word in phrase.split():
            node = node.setdefault(word, {})
        return node


@cache
def load_lexicon() -> Lexicon:
    """Return the lexicon, read once a process.

    Raises:
        SchemaError: a list names an unknown kind, or one phrase twice.
    """
    return Lexicon()


def _rows(name: str) -> list[dict[str, str]]:
    with (DATA / name).open(encoding="ascii", newline="") as file:
        return list(csv.DictReader(line for line in file if not line.startswith("#")))


def _plural(phrase: str) -> str:
    if phrase.endswith(("s", "x", "ch", "sh")):
        return phrase + "es"
    if phrase.endswith("y") and phrase[-2:-1] not in "aeiou":
        return phrase[:-1] + "ies"
    return phrase + "s"
