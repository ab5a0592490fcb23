"""Which entities of a sentence belong together, in RadGraph's directions.

What a chunk holds is linked inside the chunk (inside.py); from chunk to chunk the joint decides.
Observation to anatomy is located_at, all else modify; only "may represent" and its kin make a
suggestive_of.
"""

from __future__ import annotations

from radkg.rules.chunks import MAX_CHUNK, TIP, Chunk, find_chunks
from radkg.rules.inside import DEGREES, Link, Links, link_amounts, link_inside, link_sides
from radkg.rules.lexicon import ANATOMY_KINDS, Item

_LISTING = ("and", "or", "versus", "slash", "comma")
_COORDINATES = ("and", "or", "versus", "slash")
_OF_OR_IN = ("of", "preposition")
_ALTERNATIVES = ("or", "versus", "slash")
_ENDS = ("stop", "but", "with")
_NEW_STATEMENT = ("stop", "but", "with", "and", "or", "comma")
_CHANGE = frozenset({"stable", "increased", "decreased", "improved", "persistent", "new"})
_COMPARES = frozenset({"greater", "more", "larger", "worse", ">", "<"})  # right worse than left


def find_relations(items: list[Item]) -> tuple[list[Link], list[tuple[int, int]]]:
    """Return the relations of a sentence, and the pairs of findings it offers as alternatives."""
    reader = _Reader(items)
    found = find_chunks(items)
    for chunk, following in zip(found, [*found[1:], None], strict=False):
        reader.read(chunk, following)
    return list(reader.links.found), reader.alternatives


class _Reader:
    """Reads chunks from left to right and remembers what the next one can refer to."""

    def __init__(self, items: list[Item]) -> None:
        self.items = items
        self.links = Links(items)
        self.alternatives: list[tuple[int, int]] = []
        self.mode = "start"  # what the last chunk was: subject, finding, place, predicate
        self.subject: list[int] = []  # what a verb speaks of: sites or findings
        self.group: list[int] = []  # observations that a following place belongs to
        self.group_is_bare = True  # the group has no site of its own yet
        self.waiting: list[int] = []  # adjectives before an "and": streaky and patchy opacities
        self.fronted: list[int] = []  # the place that opens the sentence: in the left base, ...
        self.suggesters: list[int] = []  # observations that the findings to come explain
        self.last_places: list[int] = []  # places of the last chunk that was a place
        self.changes: list[int] = []  # nouns of change whose finding is still to come
        self.unmeasured: list[int] = []  # places of a list that its last measure belongs to as well
        self.device: list[int] = []  # the last finding, whose tip may follow

    def read(self, chunk: Chunk, following: Chunk | None) -> None:
        """Link the chunk inside itself and to what stands before it."""
        joint = chunk.joint
        if joint in ("means", "suggests"):
            self.suggesters, joint = self.group, "with"
        elif joint in _ENDS:
            self.suggesters = []
        if joint == "comma" and following and following.joint == "versus" and chunk.findings:
            self.suggesters = self.group  # opacity, atelectasis versus pneumonia
        link_amounts(chunk, self.group or self.device, self.links)
        if self._read_comparison(chunk) or self._read_measure(chunk):
            return
        if self._read_sides(chunk):
            return
        if joint in _ENDS:
            self.subject, self.waiting, self.mode = [], [], "start"
            self.group = self.group if joint == "with" else []
        if self._shares_site(chunk, following) or self._shares_finding(chunk, following):
            return
        on_places, free = link_inside(chunk, self.items, self.links)
        self._share_measure(chunk, joint)
        if chunk.is_place or (joint in _OF_OR_IN and self._is_place_by_degree(chunk)):
            self._read_place(chunk, joint, following)
        elif chunk.findings:
            self._read_findings(chunk, joint)
        elif on_places:
            self._read_described_place(chunk, joint, on_places)
        elif chunk.words:
            self._read_words(chunk, joint, free)
        self._read_change(chunk, joint, following)

    def _read_comparison(self, chunk: Chunk) -> bool:
        """Read "right greater than left": the finding is on both sides, more on the first."""
        words = [word for word in chunk.words if self.items[word].phrase in _COMPARES]
        if len(chunk.sides) < 2 or not words or chunk.heads or chunk.findings or not self.group:
            return False
        for finding in self.group:
            sites = [
                place
                for place in self.links.places.get(finding, [])
                if self.items[place].kind == "site"
            ]
            for side in chunk.sides:
                for target in sites or [finding]:
                    self.links.add(side, target)
            for word in words:
                self.links.add(word, finding)
        self.links.place(words, chunk.sides[:1] if not sites else [])
        return True

    def _read_measure(self, chunk: Chunk) -> bool:
        """Read "the heart is normal in SIZE": words and measure belong to the subject."""
        if not chunk.measures or chunk.heads or chunk.findings or chunk.joint in _NEW_STATEMENT:
            return False
        if not self.subject or self.items[self.subject[0]].kind not in ANATOMY_KINDS:
            return False
        for organ in self.subject:
            for item in (*chunk.measures, *chunk.words):
                self.links.add(item, organ)
        self.mode = "predicate"
        return True

    def _share_measure(self, chunk: Chunk, joint: str) -> None:
        """Read "cardiac and mediastinal contours": the measure belongs to both."""
        if joint not in _LISTING:
            self.unmeasured = []
        for measure in chunk.measures if chunk.heads else []:
            for place in self.unmeasured:
                self.links.add(measure, place)
        is_open = not chunk.findings and not chunk.measures and bool(chunk.heads)
        self.unmeasured = [*self.unmeasured, *chunk.heads][-MAX_CHUNK:] if is_open else []

    def _read_sides(self, chunk: Chunk) -> bool:
        """Read "the lungs are clear BILATERALLY": the side describes the subject."""
        if not chunk.words or not chunk.sides or chunk.heads or chunk.findings or chunk.measures:
            return False
        if chunk.joint not in ("verb", "gap", "and") or self.mode not in ("subject", "predicate"):
            return False
        sites = [place for place in self.subject if self.items[place].kind in ("site", "naming")]
        for site in sites:
            for item in (*chunk.words, *chunk.sides):
                self.links.add(item, site)
        self.mode = "predicate" if sites else self.mode
        return bool(sites)

    def _read_change(self, chunk: Chunk, joint: str, following: Chunk | None) -> None:
        """Link a noun of change to the finding: no CHANGE in the opacity; opacity, no CHANGE."""
        if joint not in _OF_OR_IN:
            self.changes = []
        if chunk.findings or not chunk.is_place:
            for change in self.changes:
                for target in chunk.findings[:1] or chunk.places:
                    self.links.add(change, target)
        changes = [word for word in chunk.words if self.items[word].kind == "change"]
        if chunk.findings or chunk.heads:
            return
        self.changes = changes
        if following is None or following.joint not in _OF_OR_IN:
            for change in changes:
                for target in self.device:
                    self.links.add(change, target)

    def _read_place(self, chunk: Chunk, joint: str, following: Chunk | None) -> None:
        is_joined = joint in _OF_OR_IN or (joint == "verb" and self.mode == "finding")
        is_told = following is not None and following.joint == "verb" and not following.is_place
        places, self.last_places = self.last_places, chunk.places
        if joint == "of" and places and self.mode in ("place", "subject"):
            for part in places:  # the base of the lung
                for whole in chunk.places:
                    self.links.add(part, whole)
        elif self.group and (
            is_joined or (self.mode == "place" and joint in _LISTING and not is_told)
        ):
            self.links.place(self.group, chunk.places)
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
        tips = [finding for finding in findings if self.items[finding].concept == TIP]
        if tips and len(tips) == len(findings):
            for tip in tips:
                for device in self.device:
                    self.links.add(tip, device)
        if self.mode == "subject" and (
            is_listed or joint == "gap" or (joint == "verb" and not chunk.sites)
        ):
            self.links.place(findings, self.subject)  # right basilar and left apical opacities
        if self.fronted and is_bare:
            self.links.place(findings, self.fronted)
        for word in self.waiting if is_listed else []:
            self.links.add(word, findings[0])
        if joint in _ALTERNATIVES and self.mode in ("finding", "place", "predicate"):
            if joint != "slash":
                self.alternatives += [(a, b) for a in self.group for b in findings]
            if is_bare and self.group:  # left basilar scarring or atelectasis: both are there
                places = self.links.places.get(self.group[0], [])
                self.links.place(findings, [p for p in places if not self._is_part_of_name(p)])
                is_bare = self.group_is_bare
        for suggester in self.suggesters:
            for finding in findings:
                self.links.suggest(suggester, finding)
        shares = joint in _COORDINATES and self.mode == "finding" and self.group_is_bare
        named = tips or findings
        self.group = (self.group + named)[-MAX_CHUNK:] if shares else named
        self.device = [finding for finding in findings if finding not in tips] or self.device
        self.group_is_bare = is_bare
        listed = joint in _COORDINATES and self.mode in ("finding", "place")
        self.subject = (self.subject + findings)[-MAX_CHUNK:] if listed else findings
        self.waiting, self.fronted, self.mode = [], [], "finding"

    def _read_described_place(self, chunk: Chunk, joint: str, on_places: list[int]) -> None:
        """Read "enlarged heart": linked inside; further places may follow."""
        if joint in _LISTING:
            if self.mode == "subject":
                self.links.place(on_places, self.subject)
            self.links.place(self.waiting, chunk.places)  # tortuous, calcified aorta
        self.subject, self.group, self.mode = chunk.places, on_places, "place"
        self.waiting, self.group_is_bare, self.last_places = [], False, chunk.places

    def _read_words(self, chunk: Chunk, joint: str, free: list[int]) -> None:
        """Read adjectives alone: a predicate, or the first part of a list of adjectives."""
        is_predicate = joint == "verb" or (self.mode != "start" and joint != "with")
        qualities = [word for word in chunk.words if self.items[word].kind == "quality"]
        if is_predicate and self.subject:
            for word in free:
                is_change = self.items[word].concept in _CHANGE and joint == "comma"
                described = self.group if is_change and self.mode == "place" else []
                for subject in described or self.subject:  # tortuous aorta, unchanged
                    self.links.add(word, subject)
            self.group, self.mode = qualities or self.group, "predicate"
        else:
            self.waiting, self.group, self.subject = free, qualities, qualities
            self.group_is_bare, self.mode = True, "start"

    def _shares_site(self, chunk: Chunk, following: Chunk | None) -> bool:
        """Read "right upper and left lower lobes", "small left and large right effusions"."""
        if following is None or following.joint not in _COORDINATES or not following.sides:
            return False
        if not chunk.sides or chunk.heads or chunk.findings or chunk.measures:
            return False
        if any(self.items[word].kind not in DEGREES for word in chunk.words):
            return False
        if chunk.words and not following.findings:
            return False
        target = following.heads[:1] or following.findings[:1]
        for side in chunk.sides:
            for shared in target:
                self.links.add(side, shared)
        for word in chunk.words:
            self.links.add(word, following.findings[0])
        following.joint = chunk.joint
        return bool(target)

    def _shares_finding(self, chunk: Chunk, following: Chunk | None) -> bool:
        """Read "patchy apical and basal opacity": the next chunk's finding is here too."""
        if not (
            following is not None
            and following.joint in ("and", "or")
            and bool(following.findings and following.sites)
            and chunk.is_described_place
            and self._is_place_by_degree(chunk)
            and _CHANGE.isdisjoint(self.items[word].concept for word in chunk.words)
        ):
            return False
        link_sides(chunk, self.links)
        self.subject, self.waiting, self.mode = chunk.heads, chunk.words, "subject"
        return True

    def _is_place_by_degree(self, chunk: Chunk) -> bool:
        """Tell whether the chunk is a place with words of degree only: in the central lung."""
        return chunk.is_described_place and all(
            self.items[word].kind in DEGREES for word in chunk.words
        )

    def _is_part_of_name(self, place: int) -> bool:
        """Tell whether a site belongs to a finding's name: no pleural effusion or consolidation."""
        return self.items[place].kind == "naming" or self.items[place].concept == "lung"
