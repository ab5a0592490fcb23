"""Sentences of known meaning: turns of speech (data/frames.txt) around annotated findings.

The annotated texts hold few of these turns, and each turns a finding into its contrary when it is
misread. A finding comes with its describing words and its place from an annotated sentence; the
frame says whether the finding is there.
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from radkg.gold.annotated import cut_reading
from radkg.rules.lexicon import load_lexicon
from radkg.schema.linearize import Link, Span
from radkg.schema.records import Label
from radkg.schema.sentences import find_words
from radkg.train.labelled import LabelledSentence

_FRAMES = Path(__file__).with_name("data") / "frames.txt"
_SLOT = re.compile(r"\{([NPU-])\}|\[(\w+)/([NPU])\]")
_LABELS: dict[str, Label] = {"N": "OBS-DA", "P": "OBS-DP", "U": "OBS-U"}
_MAX_WORDS = 5  # of a finding with what belongs to it


class Phrase(NamedTuple):
    """A finding with its describing words and its place, as one run of words."""

    text: str
    spans: tuple[Span, ...]
    links: tuple[Link, ...]

    @property
    def head(self) -> int:
        """The span of the finding itself: the last one."""
        return len(self.spans) - 1


def frame_findings(
    annotated: Sequence[LabelledSentence], n: int, seed: int
) -> Iterator[LabelledSentence]:
    """Yield `n` sentences: frames in turn, each with findings of the annotated sentences."""
    phrases = list(list_phrases(annotated))
    frames = [
        line for line in _FRAMES.read_text().splitlines() if line and not line.startswith("#")
    ]
    rng = random.Random(seed)
    for number in range(n if phrases else 0):
        yield fill_frame(frames[number % len(frames)], phrases, rng)


def list_phrases(annotated: Iterable[LabelledSentence]) -> Iterator[Phrase]:
    """Yield the findings of sentences that stand in one run of words, at the end of the run."""
    lexicon = load_lexicon()
    for one in annotated:
        places = find_words(one.sentence)
        modifying = {head for head, _, relation in one.links if relation == "modify"}
        for head, (start, end, label) in enumerate(one.spans):
            items = lexicon.find(find_words(one.sentence[start:end]))
            if label == "ANAT-DP" or head in modifying or [i.kind for i in items] != ["finding"]:
                continue
            members = _list_members(one, head)
            first = min(one.spans[i][0] for i in members)
            run = [place for place in places if first <= place[1] and place[2] <= end]
            is_whole = all(
                any(one.spans[i][0] <= a and b <= one.spans[i][1] for i in members)
                for _, a, b in run
            )
            if len(run) <= _MAX_WORDS and is_whole:
                reading = cut_reading(one.spans, one.links, first, end)
                yield Phrase(one.sentence[first:end], reading.spans, reading.links)


def fill_frame(frame: str, phrases: Sequence[Phrase], rng: random.Random) -> LabelledSentence:
    """Return a frame with findings in its slots, labelled as the slots say."""
    text, done = "", 0
    spans: list[Span] = []
    links: list[Link] = []
    waiting: list[int] = []  # entities of the frame that describe the next finding
    for slot in _SLOT.finditer(frame):
        text += frame[done : slot.start()]
        done = slot.end()
        if slot[2]:
            waiting.append(len(spans))
            spans.append((len(text), len(text) + len(slot[2]), _LABELS[slot[3]]))
            text += slot[2]
            continue
        phrase = rng.choice(phrases)
        if slot[1] != "-":
            label, first = _LABELS[slot[1]], len(spans)
            for start, end, own in phrase.spans:
                shown = own if own == "ANAT-DP" else label
                spans.append((len(text) + start, len(text) + end, shown))
            links += [(first + h, first + t, kind) for h, t, kind in phrase.links]
            links += [(i, first + phrase.head, "modify") for i in waiting]
            waiting = []
        text += phrase.text
    return LabelledSentence(text + frame[done:], tuple(spans), tuple(links))


def _list_members(one: LabelledSentence, head: int) -> set[int]:
    """Return the finding, what describes it before it, and its place with what describes that."""
    members = {head}
    for _ in range(2):
        for h, t, relation in one.links:
            if relation == "modify" and t in members and one.spans[h] < one.spans[head]:
                members.add(h)
            elif relation == "located_at" and h == head and one.spans[t] < one.spans[head]:
                members.add(t)
    return members
