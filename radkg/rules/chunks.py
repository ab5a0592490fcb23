"""A sentence's entities in chunks, and the joints between them.

Entities that stand side by side form a chunk ("mild left basilar atelectasis"); what stands between
two chunks joins them: a preposition (opacity IN the base), a verb (the aorta IS tortuous), "and",
"may represent". What a joint means, relations.py says.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise

from radkg.rules.lexicon import ANATOMY_KINDS, ENTITY_KINDS, Item

TIP = "tip"
MAX_CHUNK = 16  # entities in a chunk: hostile text must stay linear
_MAX_GAP = 4  # words without meaning for the rules that may stand inside a chunk

_COORDINATES = ("and", "comma", "but")
_COMPARES = (">", "<")

# What counts when several joints stand between two chunks ("are seen in": the preposition).
_STRENGTH = {
    "gap": 0,
    "verb": 1,
    "comma": 2,
    "and": 3,
    "slash": 3,
    "or": 4,
    "versus": 4,
    "with": 5,
    "of": 6,
    "preposition": 6,
    "stop": 7,
    "but": 7,
    "means": 8,
    "suggests": 8,
}


_ROLES = {  # all other entities are words: qualities, modifiers, normality
    "finding": "findings",
    "site": "sites",
    "naming": "sites",
    "side": "sides",
    "measure": "measures",
    "amount": "amounts",
}


@dataclass(slots=True)
class Chunk:
    """Neighbouring entities, by role: indices into the items of the sentence."""

    joint: str  # what stands before it
    is_fronted: bool  # it opens the sentence, behind a preposition: in the left base, there is ...
    findings: list[int] = field(default_factory=list)
    words: list[int] = field(default_factory=list)  # qualities, modifiers, normality
    sites: list[int] = field(default_factory=list)
    sides: list[int] = field(default_factory=list)
    measures: list[int] = field(default_factory=list)  # size, silhouette, volumes
    compounds: list[int] = field(default_factory=list)  # MUCUS plugging: a finding before another
    amounts: list[int] = field(default_factory=list)  # 4 cm
    heads: list[int] = field(default_factory=list)  # sites that no other site of it follows

    @property
    def places(self) -> list[int]:
        """Return its sites, or its sides where it has no site, or what it measures."""
        return self.heads or self.sides or self.measures

    @property
    def is_place(self) -> bool:
        """Tell whether it names a place and nothing else."""
        return bool(self.places) and not self.findings and not self.words

    @property
    def is_described_place(self) -> bool:
        """Tell whether it names a place with adjectives: low lung volumes."""
        return bool(self.words and (self.sites or self.measures)) and not self.findings

    def add(self, i: int, item: Item) -> None:
        """Add the item of index `i` to its role."""
        getattr(self, _ROLES.get(item.kind, "words")).append(i)


def find_chunks(items: list[Item]) -> list[Chunk]:
    """Return the chunks of a sentence, from left to right."""
    found: list[Chunk] = []
    chunk: Chunk | None = None  # the open one
    joint, previous_end, size = "stop", 0, 0
    has_preposition = False
    for i, item in enumerate(items):
        if item.kind not in ENTITY_KINDS:
            new = _joint(item.kind, "gap" if chunk else joint)
            if new == "verb" and chunk is None and joint in _COORDINATES:
                joint = "verb"  # the lungs are large but ARE clear: of the same subject
            elif new is not None:
                if chunk or _STRENGTH[new] > _STRENGTH[joint]:
                    joint = new
                chunk = None
                has_preposition |= new in ("preposition", "of")
            continue
        if item.phrase in _COMPARES and not _is_between_sides(items, i):
            continue
        if chunk is not None and (
            item.word - previous_end > _MAX_GAP
            or size >= MAX_CHUNK
            # "low lung volumes mild atelectasis": a comma is missing
            or (
                item.kind in ("modifier", "adverb", "change", "normal") and chunk.is_described_place
            )
        ):
            chunk, joint = None, "gap"
        if chunk is None and _continues_side(found, joint, item):
            chunk, joint = found[-1], "gap"  # the lateral aspect of the left base: one place
        if chunk is None:
            chunk = Chunk(joint, is_fronted=not found and has_preposition)
            found.append(chunk)
            joint, size = "gap", 0
        size += 1
        chunk.add(i, item)
        previous_end = item.word_end
    for chunk in found:
        chunk.heads = _heads(chunk, items)
        chunk.compounds = _compounds(chunk.findings, items)
        chunk.findings = [i for i in chunk.findings if i not in chunk.compounds]
    return found


def _is_between_sides(items: list[Item], i: int) -> bool:
    return 0 < i < len(items) - 1 and items[i - 1].kind == items[i + 1].kind == "side"


def _heads(chunk: Chunk, items: list[Item]) -> list[int]:
    """Return the sites that stand for a place: of "vertebral body" the body.

    A site in the name of a finding stands for itself: basilar AIRSPACE disease.
    """
    sites = chunk.sites
    heads = []
    for site, after in zip(sites, [*sites[1:], -1][: len(sites)], strict=True):
        is_apart = after < 0 or items[after].word > items[site].word_end
        names = chunk.findings and "naming" in (items[site].kind, items[after].kind)
        if is_apart or names:
            heads.append(site)
    return heads


def _compounds(findings: list[int], items: list[Item]) -> list[int]:
    """Return the findings that describe the one behind them: ASPIRATION pneumonia."""
    return [
        one
        for one, after in pairwise(findings)
        if after == one + 1
        and items[after].word == items[one].word_end
        and not _is_tip(items[after])
    ]


def _is_tip(item: Item) -> bool:
    return item.concept == TIP


def _joint(cue: str, joint: str) -> str | None:
    """Return what a cue is as a joint after `joint`; None where it joins and parts nothing."""
    if cue == "hedge":  # opacity, likely atelectasis; but not: opacity and likely atelectasis
        return "suggests" if joint in ("gap", "comma", "verb") else joint
    if cue in ("colon", "present"):  # heart: normal
        return "verb"
    if cue in ("negated", "negated_before", "resolved", "hypothetical"):
        return "verb" if joint == "verb" else "with"  # lungs show no opacity; heart without edema
    return cue if cue in _STRENGTH else None


def _continues_side(found: list[Chunk], joint: str, item: Item) -> bool:
    last = found[-1] if found else None
    return (
        joint in ("preposition", "of")
        and item.kind in ANATOMY_KINDS
        and last is not None
        and last.is_place
        and not last.sites
        and len(last.sides) < MAX_CHUNK
    )
