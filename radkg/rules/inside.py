"""The links inside a chunk, and the links of a sentence as they are found.

Adjectives point to the finding and the finding to its site, adverbs to the word behind them, parts
of a site to the whole, and what measures an organ (heart SIZE) to the organ.
"""

from __future__ import annotations

from radkg.rules.chunks import TIP, Chunk
from radkg.rules.lexicon import ANATOMY_KINDS, Item
from radkg.schema.records import RelationType

Link = tuple[int, int, RelationType]  # indices of head and tail item

DEGREES = frozenset({"modifier", "change", "adverb"})
_EDGES = frozenset({"border", "margin"})  # sites that point to the organ before them


class Links:
    """The links found so far, each once, in the order in which they were found."""

    def __init__(self, items: list[Item]) -> None:
        self.items = items
        self.found: dict[Link, None] = {}
        self.places: dict[int, list[int]] = {}  # where an observation is

    def add(self, a: int, b: int) -> None:
        """Join two items; the type follows from what they are, anatomy is the tail."""
        a_place = self.items[a].kind in ANATOMY_KINDS
        b_place = self.items[b].kind in ANATOMY_KINDS
        if a == b:
            return
        if a_place == b_place:
            self.found[a, b, "modify"] = None
        else:
            observation, place = (a, b) if b_place else (b, a)
            self.found[observation, place, "located_at"] = None
            self.places.setdefault(observation, []).append(place)

    def place(self, observations: list[int], places: list[int]) -> None:
        """Locate each observation at each place."""
        for observation in observations:
            for place in places:
                self.add(observation, place)

    def suggest(self, observation: int, cause: int) -> None:
        """Say that an observation suggests a finding."""
        if observation != cause:
            self.found[observation, cause, "suggestive_of"] = None


def link_inside(chunk: Chunk, items: list[Item], links: Links) -> tuple[list[int], list[int]]:
    """Link the chunk's own entities; return its words that stand on places, and free ones."""
    _link_parts(chunk, items, links)
    _link_findings(chunk, items, links)
    link_sides(chunk, links)
    on_places: list[int] = []
    free: list[int] = []
    for word in chunk.words:
        target = _find_described(word, chunk, items)
        if target is not None:
            links.add(word, target)
        elif chunk.places:
            on_places.append(word)
            links.place([word], chunk.places)
        else:
            free.append(word)
    return on_places, free


def link_sides(chunk: Chunk, links: Links) -> None:
    """Link each side to the site behind it, else to the site before it, else to the finding."""
    for side in chunk.sides:
        behind = [site for site in chunk.sites if site > side]
        heads = [next(head for head in chunk.heads if head >= site) for site in behind[:1]]
        for target in heads or chunk.heads[-1:] or chunk.measures[:1] or _placed(chunk, links):
            links.add(side, target)


def _placed(chunk: Chunk, links: Links) -> list[int]:
    """Return the finding that a side without a site belongs to; a tip lies at what follows."""
    return [f for f in chunk.findings if links.items[f].concept != TIP][:1]


def link_amounts(chunk: Chunk, group: list[int], links: Links) -> None:
    """Link each measurement to its finding: in its chunk, else the one just read."""
    for amount in chunk.amounts:
        before = [finding for finding in chunk.findings if finding < amount]
        for finding in before[-1:] or chunk.findings[:1] or group[-1:]:
            links.add(amount, finding)


def _find_described(word: int, chunk: Chunk, items: list[Item]) -> int | None:
    """Return the item that a word of description describes inside its chunk."""
    kind = items[word].kind
    behind = [w for w in chunk.words if w > word]
    if kind == "adverb" and word + 1 in behind:  # mildly enlarged, well expanded
        return word + 1
    if kind != "change":  # interval change
        nouns = [w for w in behind if items[w].kind == "change"]
        if nouns and not any(word < finding < nouns[0] for finding in chunk.findings):
            return nouns[0]
    findings = [f for f in chunk.findings if f > word and items[f].concept != TIP]
    if findings or chunk.findings:
        return findings[0] if findings else chunk.findings[-1]
    if kind in DEGREES:  # mild enlarged heart
        return next((w for w in behind if items[w].kind not in DEGREES), None)
    return None


def _link_findings(chunk: Chunk, items: list[Item], links: Links) -> None:
    """Locate the findings of a chunk at its sites, and its tip at its device."""
    if not chunk.findings:
        return
    tips = [f for f in chunk.findings if items[f].concept == TIP]
    devices = [f for f in chunk.findings if items[f].concept != TIP]
    for tip in tips:
        for device in devices[:1]:
            links.add(tip, device)
    for head in chunk.heads:  # right chest port TIP above the carina
        links.place([tip for tip in tips if tip < head] or devices, [head])
    for compound in chunk.compounds:
        links.add(compound, next(f for f in chunk.findings if f > compound))
    for measure in chunk.measures:
        if measure + 1 in chunk.findings:  # volume loss
            links.add(measure + 1, measure)


def _link_parts(chunk: Chunk, items: list[Item], links: Links) -> None:
    """Link a site to the one that it describes (lung base), and measures to their organ."""
    for site in chunk.sites:
        if site not in chunk.heads:
            head = next(head for head in chunk.heads if head > site)
            pair = (head, site) if items[head].concept in _EDGES else (site, head)
            links.add(*pair)
    for measure in chunk.measures:
        if measure + 1 in chunk.findings:
            continue
        before = [head for head in chunk.heads if head < measure]
        for organ in before[-1:] or chunk.heads[:1]:
            links.add(measure, organ)
