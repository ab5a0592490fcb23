"""Which entities of a sentence belong together, in RadGraph's directions.

Inside a chunk adjectives point to the finding and the finding to its site; from chunk to chunk the
joint decides. The type of a relation follows from its ends: observation to anatomy is located_at,
all else modify; only "may represent" and its kin make a suggestive_of.
"""

from __future__ import annotations

from radkg.rules.chunks import MAX_CHUNK, Chunk, chunks
from radkg.rules.lexicon import ANATOMY_KINDS, Item
from radkg.schema.records import RelationType

Link = tuple[int, int, RelationType]  # indices of head and tail item

_OF_OR_IN = ("of", "preposition")
_NEW_STATEMENT = ("stop", "with", "and", "or", "comma")
_LISTING = ("and", "or", "slash", "comma")
_DEGREES = frozenset({"modifier", "change"})
_CHANGE = frozenset({"stable", "increased", "decreased", "improved", "persistent", "new"})


def relations(items: list[Item]) -> tuple[list[Link], list[tuple[int, int]]]:
    """Return the relations of a sentence, and the pairs of findings it offers as alternatives."""
    reader = _Reader(items)
    found = chunks(items)
    for chunk, following in zip(found, [*found[1:], None], strict=True):
        reader.read(chunk, following)
    return list(reader.links), reader.alternatives


class _Reader:
    """Reads chunks from left to right and remembers what the next one can refer to."""

    def __init__(self, items: list[Item]) -> None:
        self.items = items
        self.links: dict[Link, None] = {}
        self.alternatives: list[tuple[int, int]] = []
        self.places: dict[int, list[int]] = {}  # where an observation is, by what was read so far
        self.mode = "start"  # what the last chunk was: subject, finding, place, predicate
        self.subject: list[int] = []  # what a verb speaks of: sites or findings
        self.group: list[int] = []  # observations that a following place belongs to
        self.group_is_bare = True  # the group has no site of its own yet
        self.waiting: list[int] = []  # adjectives before an "and": streaky and patchy opacities
        self.fronted: list[int] = []  # the place that opens the sentence: in the left base, ...
        self.suggesters: list[int] = []  # observations that the findings to come explain

    def read(self, chunk: Chunk, following: Chunk | None) -> None:
        """Link the chunk inside itself and to what stands before it."""
        joint = chunk.joint
        if joint in ("means", "suggests"):
            self.suggesters, joint = self.group, "with"
        elif joint in ("stop", "with"):
            self.suggesters = []
        if joint in ("stop", "with"):
            self.subject, self.waiting, self.mode = [], [], "start"
            self.group = [] if joint == "stop" else self.group
        if self._shares_finding(chunk, following):
            self._link_sides(chunk)
            self.subject, self.waiting, self.mode = chunk.sites, chunk.words, "subject"
            return
        if self._read_measure(chunk):
            return
        on_places, free = self._link_inside(chunk)
        if chunk.is_place or (joint in _OF_OR_IN and self._is_place_by_degree(chunk)):
            self._read_place(chunk, joint)
        elif chunk.findings:
            self._read_findings(chunk, joint)
        elif on_places:
            self._read_described_place(chunk, joint, on_places)
        else:
            self._read_words(chunk, joint, free)

    def _read_measure(self, chunk: Chunk) -> bool:
        """Read "the heart is normal in SIZE": words and measure belong to the subject."""
        if not chunk.measures or chunk.heads or chunk.findings or chunk.joint in _NEW_STATEMENT:
            return False
        if not self.subject or self.items[self.subject[0]].kind not in ANATOMY_KINDS:
            return False
        for organ in self.subject:
            for item in (*chunk.measures, *chunk.words):
                self._link(item, organ)
        return True

    def _read_place(self, chunk: Chunk, joint: str) -> None:
        is_joined = joint in _OF_OR_IN or (joint == "verb" and self.mode == "finding")
        if self.group and (is_joined or (self.mode == "place" and joint in _LISTING)):
            for observation in self.group:
                for place in chunk.places:
                    self._link(observation, place)
            self.mode = "place"
        elif self.mode == "subject" and joint in _LISTING:
            self.subject = (self.subject + chunk.places)[-MAX_CHUNK:]
        elif joint in _OF_OR_IN and self.mode in ("subject", "predicate"):
            pass  # "tip in the vena cava": nothing that could be placed
        else:
            self.subject, self.group, self.mode = chunk.places, [], "subject"
            self.fronted = chunk.places if chunk.is_fronted else []

    def _read_findings(self, chunk: Chunk, joint: str) -> None:
        findings, is_listed = chunk.findings, joint in _LISTING
        is_bare = not chunk.sites and not chunk.sides
        if self.mode == "subject" and (
            is_listed or joint == "gap" or (joint == "verb" and not chunk.sites)
        ):
            self._place(findings, self.subject)  # right basilar and left apical opacities
        if self.fronted and is_bare:
            self._place(findings, self.fronted)
        for word in self.waiting if is_listed else []:
            self._link(word, findings[0])
        if joint in ("or", "slash") and self.mode in ("finding", "place", "predicate"):
            if joint == "or":
                self.alternatives += [(a, b) for a in self.group for b in findings]
            if is_bare and self.group:  # left basilar scarring or atelectasis: both are there
                places = self.places.get(self.group[0], [])
                self._place(
                    findings, [p for p in places if not self._is_part_of_name(p)]
                )
                is_bare = self.group_is_bare
        for suggester in self.suggesters:
            for finding in findings:
                if suggester != finding:
                    self.links[suggester, finding, "suggestive_of"] = None
        shares = joint in ("and", "or", "slash") and self.mode == "finding" and self.group_is_bare
        self.group = (self.group + findings)[-MAX_CHUNK:] if shares else findings
        self.group_is_bare = is_bare
        self.subject, self.waiting, self.fronted, self.mode = findings, [], [], "finding"

    def _read_described_place(self, chunk: Chunk, joint: str, on_places: list[int]) -> None:
        """Read "enlarged heart": linked inside; further places may follow."""
        if joint in _LISTING:
            if self.mode == "subject":
                self._place(on_places, self.subject)
            self._place(self.waiting, chunk.places)  # tortuous, calcified aorta
        self.subject, self.group, self.mode = chunk.places, on_places, "place"
        self.waiting, self.group_is_bare = [], False

    def _read_words(self, chunk: Chunk, joint: str, free: list[int]) -> None:
        """Read adjectives alone: a predicate, or the first part of a list of adjectives."""
        is_predicate = joint == "verb" or (self.mode != "start" and joint != "with")
        qualities = [word for word in chunk.words if self.items[word].kind == "quality"]
        if is_predicate and self.subject:
            for word in free:
                for subject in self.subject:
                    self._link(word, subject)
            self.group, self.mode = qualities or self.group, "predicate"
        else:
            self.waiting, self.group, self.subject = free, qualities, qualities
            self.group_is_bare, self.mode = True, "start"

    def _link_inside(self, chunk: Chunk) -> tuple[list[int], list[int]]:
        """Link the chunk's own entities; return its words that stand on places, and free ones."""
        findings, words = chunk.findings, chunk.words
        self._place(findings, chunk.heads)
        self._link_parts(chunk)
        self._link_sides(chunk)
        on_places: list[int] = []
        free: list[int] = []
        for word in words:
            targets = [finding for finding in findings if finding > word][:1]
            if not targets and self.items[word].kind in _DEGREES:  # mildly enlarged heart
                targets = [w for w in words if w > word and self.items[w].kind not in _DEGREES][:1]
            targets = targets or findings[-1:]
            if targets:
                self._link(word, targets[0])
            elif chunk.places:
                on_places.append(word)
                self._place([word], chunk.places)
            else:
                free.append(word)
        return on_places, free

    def _link_sides(self, chunk: Chunk) -> None:
        """Link each side to the site behind it, else to the site before it, else to the finding."""
        for side in chunk.sides:
            behind = [site for site in chunk.sites if site > side]
            for target in self._heads_of(behind[:1], chunk) or chunk.heads[-1:] or chunk.findings:
                self._link(side, target)

    def _heads_of(self, sites: list[int], chunk: Chunk) -> list[int]:
        return [next(head for head in chunk.heads if head >= site) for site in sites]

    def _link_parts(self, chunk: Chunk) -> None:
        """Link a site to the one that it describes (lung base), and measures to their organ."""
        for site in chunk.sites:
            if site not in chunk.heads:
                self._link(site, next(head for head in chunk.heads if head > site))
        for measure in chunk.measures:
            before = [head for head in chunk.heads if head < measure]
            for organ in before[-1:] or chunk.heads[:1]:
                self._link(measure, organ)

    def _shares_finding(self, chunk: Chunk, following: Chunk | None) -> bool:
        """Tell whether the next chunk's finding is here too: patchy apical and basal opacity."""
        return (
            following is not None
            and following.joint in ("and", "or")
            and bool(following.findings and following.sites)
            and chunk.is_described_place
            and self._is_place_by_degree(chunk)
            and _CHANGE.isdisjoint(self.items[word].concept for word in chunk.words)
        )

    def _is_place_by_degree(self, chunk: Chunk) -> bool:
        """Tell whether the chunk is a place with words of degree only: in the central lung."""
        return chunk.is_described_place and all(
            self.items[word].kind in _DEGREES for word in chunk.words
        )

    def _is_part_of_name(self, place: int) -> bool:
        """Tell whether a site belongs to a finding's name: no pleural effusion or consolidation."""
        return self.items[place].kind == "naming" or self.items[place].concept == "lung"

    def _place(self, observations: list[int], places: list[int]) -> None:
        for observation in observations:
            for place in places:
                self._link(observation, place)

    def _link(self, a: int, b: int) -> None:
        """Join two items; the type follows from what they are, anatomy is the tail."""
        a_place = self.items[a].kind in ANATOMY_KINDS
        b_place = self.items[b].kind in ANATOMY_KINDS
        if a == b:
            return
        if a_place == b_place:
            self.links[a, b, "modify"] = None
        else:
            observation, place = (a, b) if b_place else (b, a)
            self.links[observation, place, "located_at"] = None
            self.places.setdefault(observation, []).append(place)
