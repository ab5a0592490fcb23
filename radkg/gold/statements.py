"""Every triplet that Open-i's coders could file for an extraction, and how it stands in the report.

These are the coders' written conventions: which sites have a code, what a part of the lung is
filed under, where a suggested finding lies. filing.py counts which of them they do file.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from radkg.gold.codes import (
    GoldTriplet,
    get_anatomies,
    get_compound_sites,
    get_parents,
    get_qualifiers,
)
from radkg.schema.records import Entity, Extraction
from radkg.schema.sides import read_side

SAME_SITE = {  # one name per anatomy: the codes use adjective or noun, by the kind of head
    "pleural": "pleura",
    "pulmonary": "lung",
    "pulmonary vasculature": "lung",
    "spinal": "spine",
    "thoracic": "thorax",
    "aortic": "aorta",
    "diaphragmatic": "diaphragm",
    "hiatal": "diaphragm",
    "pericardial": "heart",
}
SIDES = frozenset({"left", "right", "bilateral", "anterior", "posterior"})
NORMALITY = frozenset({"normal", "upper normal", "clear"})  # intact clips are clips all the same

# How a triplet stands in the report: in words, in words of doubt, by a plural ("granulomas":
# multiple), by a site that goes without saying, or at the site of what suggests it.
Evidence = Literal["certain", "doubted", "plural", "implied", "inherited"]
Statement = tuple[GoldTriplet, Evidence]
_STATED: dict[str, Evidence] = {"OBS-DP": "certain", "OBS-U": "doubted"}


@dataclass(frozen=True)
class Site:
    """A coded site of a finding, with its sides."""

    name: str
    sides: tuple[str, ...]
    evidence: Evidence
    is_plural: bool = False


@dataclass(frozen=True)
class Mention:
    """One stated observation with what belongs to it, in the coders' terms."""

    concept: str
    evidence: Evidence
    is_plural: bool
    sites: tuple[Site, ...]
    sides: tuple[str, ...]  # sides of the finding itself
    modifiers: tuple[str, ...]


def list_mentions(extraction: Extraction) -> Iterator[Mention]:
    """Yield the observations that the report states and does not call normal."""
    links = _Links(extraction)
    entities = extraction.entities
    for i, entity in enumerate(entities):
        modifiers = [entities[j].concept for j in links.modified[i]]
        if entity.label not in _STATED or not NORMALITY.isdisjoint((entity.concept, *modifiers)):
            continue
        evidence = _STATED[entity.label]
        sites, sides = _list_sites(links, links.located[i], evidence)
        if not sites:  # what is suggested, or calcified, is where its noun is
            inherited, own_sides = _list_sites(links, links.inherited[i], "inherited")
            sites, sides = inherited, sides + own_sides
        for j in links.located[i]:  # an interstitial opacity: a place that is coded as a quality
            if entities[j].concept in get_qualifiers():
                modifiers.append(entities[j].concept)
        is_plural = entity.text.lower().endswith("s")
        sides += _list_implied_sides(entity)
        yield Mention(
            entity.concept, evidence, is_plural, tuple(sites), tuple(sides), tuple(modifiers)
        )


class _Links:
    """The relations of an extraction, by what they lead from."""

    def __init__(self, extraction: Extraction) -> None:
        self.entities = entities = extraction.entities
        self.located: defaultdict[int, list[int]] = defaultdict(list)
        """where a mention is located"""
        self.modified: defaultdict[int, list[int]] = defaultdict(list)
        """what modifies a mention"""
        self.modifies: defaultdict[int, list[int]] = defaultdict(list)
        """what a mention modifies"""
        self.inherited: defaultdict[int, list[int]] = defaultdict(list)
        """where what suggests a mention is located, or what a mention is a quality of"""
        for relation in extraction.relations:
            if relation.relation == "located_at":
                self.located[relation.head].append(relation.tail)
            elif relation.relation == "modify":
                self.modified[relation.tail].append(relation.head)
                self.modifies[relation.head].append(relation.tail)
        for relation in extraction.relations:
            if relation.head in self.located and relation.relation == "suggestive_of":
                self.inherited[relation.tail] = self.located[relation.head]
            elif (
                relation.tail in self.located
                and relation.relation == "modify"
                and entities[relation.head].concept not in get_qualifiers()
            ):
                self.inherited[relation.head] = self.located[relation.tail]

    def list_sides(self, site: int) -> list[str]:
        """Return the sides of a site: its own, or those of the whole that it is a part of."""
        own = [self.entities[k].concept for k in self.modified[site]]
        own = [name for name in own if name in SIDES] + _list_implied_sides(self.entities[site])
        wholes = (k for whole in self.modifies[site] for k in self.modified[whole])
        return own or [name for k in wholes if (name := self.entities[k].concept) in SIDES]


def _list_sites(
    links: _Links, places: Sequence[int], evidence: Evidence
) -> tuple[list[Site], list[str]]:
    """Return the coded sites among some places, and the sides of places without a code."""
    sites: list[Site] = []
    sides: list[str] = []
    for j in places:
        own_sides = links.list_sides(j)
        text, name = links.entities[j].text, links.entities[j].concept
        name = SAME_SITE.get(name, name)
        if name == "mid lung":  # there is no left middle lobe
            name, own_sides = (
                ("lingula", []) if own_sides == ["left"] else ("middle lobe", own_sides)
            )
        if name in get_anatomies():
            sites.append(Site(name, tuple(own_sides), evidence, text.lower().endswith("s")))
        else:  # a side, or a site without a code: only its side can be filed
            sides += own_sides + ([name] if name in SIDES else [])
        for k in links.modified[j]:  # hilar lymph nodes are filed under the hilum too
            part = SAME_SITE.get(links.entities[k].concept, links.entities[k].concept)
            if part in get_anatomies() and part not in SIDES and part != name:
                sites.append(Site(part, tuple(links.list_sides(k)), evidence))
    return sites, sides


def list_stated_findings(extraction: Extraction) -> set[tuple[str, Evidence]]:
    """Return the stated observations and how, without those that only modify another one."""
    modifying = {r.head for r in extraction.relations if r.relation == "modify"}
    standing = {e.concept for i, e in enumerate(extraction.entities) if i not in modifying}
    return {
        ("cardiomegaly" if _is_borderline_heart(mention) else mention.concept, mention.evidence)
        for mention in list_mentions(extraction)
        if mention.concept in standing or mention.concept not in get_qualifiers()
    }


def list_statements(
    extraction: Extraction, implied_sites: Mapping[str, tuple[str, ...]]
) -> frozenset[Statement]:
    """Return every triplet that the coders could file for the extraction, and its evidence."""
    stated = list(list_mentions(extraction))
    sited = {mention.concept for mention in stated if mention.sites}
    found: set[Statement] = set()
    for mention in stated:
        concept, evidence = mention.concept, mention.evidence
        found.update(((m, "modify", concept), evidence) for m in mention.modifiers)
        if mention.is_plural:
            found.add((("multiple", "modify", concept), "plural"))
        organs = {get_parents().get(site.name) for site in mention.sites}
        sites = [site for site in mention.sites if site.name not in organs]
        compound = _compound(concept)  # an effusion is pleural, wherever it lies
        if compound and not any(site.name in compound for site in sites):
            sites.append(Site(compound[0], () if sites else mention.sides, "implied"))
        elif concept not in sited:
            implied = implied_sites.get(concept, ())
            sites = [Site(name, mention.sides, "implied") for name in implied]
        if _is_borderline_heart(mention):
            found.add((("borderline", "modify", "cardiomegaly"), evidence))
        for site in sites:
            found.update(_at(concept, site, site.sides or mention.sides))
        if not sites:
            found.update(((concept, "located_at", side), evidence) for side in mention.sides)
    for (side, relation, name), evidence in list(found):
        if side == "left" and ((("right", relation, name), evidence)) in found:
            found.add((("bilateral", relation, name), evidence))
    return frozenset(found)


def _at(concept: str, site: Site, sides: Sequence[str]) -> Iterator[Statement]:
    """Yield what can be filed for a finding at one site."""
    yield (concept, "located_at", site.name), site.evidence
    for side in sides:
        yield (side, "modify", site.name), site.evidence
        if site.name == "thorax":  # a pacemaker of the left chest is filed as one on the left
            yield (concept, "located_at", side), site.evidence
    if site.is_plural:  # flattened diaphragms
        yield ("bilateral", "modify", site.name), "plural"
    if (
        get_parents().get(site.name) == "lung" and concept in get_qualifiers()
    ):  # the head of the code
        yield (site.name, "modify", "lung"), site.evidence
        yield (concept, "located_at", "lung"), site.evidence


def _is_borderline_heart(mention: Mention) -> bool:
    """Tell whether a mention is "borderline heart size", filed as borderline cardiomegaly."""
    return mention.concept == "borderline" and any(s.name == "heart" for s in mention.sites)


def _list_implied_sides(entity: Entity) -> list[str]:
    """Return the side that a mention's own word says: "RLL", "bibasilar", "dextroscoliosis"."""
    side = read_side(entity.text)
    return [side] if side else []


def _compound(concept: str) -> tuple[str, ...]:
    return tuple(SAME_SITE.get(site, site) for site in get_compound_sites().get(concept, ()))
