"""What a text claims, read back from its extraction; and how a text differs from its plan.

A claim is (finding, polarity, site, side, degree). To compare findings alone is blind to what a
draft adds to them: a denial of a planned finding, or a side that nobody planned.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache

from radkg.errors import SchemaError
from radkg.gold.codes import get_compound_sites, get_parents
from radkg.gold.statements import NORMALITY, SAME_SITE, SIDES
from radkg.schema.drafts import Claim, Polarity
from radkg.schema.records import Extraction, Label
from radkg.schema.sides import read_side

NORMAL = "normal"
"""the finding of a claim that a site is as it should be"""
DEGREES = frozenset(
    {"borderline", "minimal", "mild", "small", "moderate", "large", "severe", "massive"}
)
NO_DISEASE = frozenset({"intact", "midline", "expanded"})
"""what a text states of a site that is as it should be"""
_WHOLE = frozenset({"thorax", "cardiopulmonary"})
_FINDINGS_OF = {  # where a finding lies that a text names without a site
    "heart": {"cardiomegaly"},
    "lung": {"opacity", "atelectasis", "airspace disease", "consolidation", "infiltrate"}
    | {"pneumonia", "nodule", "mass", "emphysema", "fibrosis", "copd", "markings", "granuloma"}
    | {"calcified granuloma", "granulomatous disease", "hyperdistention", "hypoinflation"}
    | {"density", "lucency"},
    "pleura": {"pneumothorax"},
    "bones": {"fracture", "osteopenia"},
}
_POLARITY: dict[Label, Polarity] = {
    "OBS-DP": "present",
    "OBS-U": "uncertain",
    "OBS-DA": "absent",
}


def read_claims(extraction: Extraction) -> tuple[Claim, ...]:
    """Return what a text claims, each claim once, in the order of the text.

    A finding at two sites makes two claims. A mention that modifies another one makes none.
    """
    entities = extraction.entities
    modifiers: defaultdict[int, list[int]] = defaultdict(list)
    places: defaultdict[int, list[int]] = defaultdict(list)
    modifying: set[int] = set()
    for relation in extraction.relations:
        if relation.relation == "modify":
            modifiers[relation.tail].append(relation.head)
            modifying.add(relation.head)
        elif relation.relation == "located_at":
            places[relation.head].append(relation.tail)

    def list_sides(mention: int) -> list[str]:
        words = [entities[i].concept for i in modifiers[mention]]
        implied = read_side(entities[mention].text)
        return [word for word in words if word in SIDES] + ([implied] if implied else [])

    found: dict[Claim, None] = {}
    for i, entity in enumerate(entities):
        if entity.label not in _POLARITY or i in modifying:
            continue
        words = [entities[j].concept for j in modifiers[i]]
        polarity = _POLARITY[entity.label]
        name: str = entity.concept
        if not NORMALITY.isdisjoint((name, *words)):
            if polarity != "present":  # "not normal" says that something is there, and not what
                name, polarity = "abnormality", "uncertain"
            else:
                name = NORMAL
        degree = next((word for word in words if word in DEGREES), None)
        own_sides = list_sides(i)
        where: list[tuple[str | None, str | None]] = []
        for j in places[i]:
            site = name_site(entities[j].concept)
            sides = list_sides(j) or own_sides
            where.append((None, join_sides([site])) if site in SIDES else (site, join_sides(sides)))
        for place, side in where or [(None, join_sides(own_sides))]:
            found[complete_site(Claim(name, polarity, place, side, degree))] = None
    return tuple(claim for claim in found if not _is_said_finer(claim, found))


def name_site(name: str) -> str:
    """Return the one name of an anatomy: the codes use adjective or noun."""
    return SAME_SITE.get(name, name)


def complete_site(claim: Claim) -> Claim:
    """Return a claim with the site that its finding implies: an effusion is pleural."""
    if claim.site is not None or claim.finding not in get_compound_sites():
        return claim
    return replace(claim, site=name_site(get_compound_sites()[claim.finding][0]))


@dataclass(frozen=True)
class Difference:
    """How a text differs from a plan; a text without any difference is verified."""

    unplanned: tuple[Claim, ...]
    """what the text claims and the plan does not"""
    denied: tuple[Claim, ...]
    """claims of the text that deny what the plan states, or state what it denies"""
    unsaid: tuple[Claim, ...]
    """claims of the plan that the text does not make"""

    @property
    def is_clean(self) -> bool:
        """Whether the text says nothing beside the plan; it may say less."""
        return not self.unplanned and not self.denied


def compare_claims(plan: Sequence[Claim], read: Iterable[Claim]) -> Difference:
    """Return how what was read differs from the plan."""
    unplanned, denied = [], []
    said: set[int] = set()
    for claim in read:
        matching = [i for i, planned in enumerate(plan) if is_planned_by(claim, planned)]
        said.update(matching)
        if any(is_contradiction(planned, claim) for planned in plan):
            denied.append(claim)
        elif not matching:
            unplanned.append(claim)
    unsaid = tuple(claim for i, claim in enumerate(plan) if i not in said)
    return Difference(tuple(unplanned), tuple(denied), unsaid)


def is_planned_by(claim: Claim, planned: Claim) -> bool:
    """Tell whether a claim says what was planned, and no detail that was not.

    A denial may leave out details, and may name what it denies more closely ("no large effusion").
    What is planned without a site may be said of any site only where it is denied, and else of the
    site that goes without saying ("cardiomegaly of the heart").
    """
    if (planned.finding, planned.polarity) != (claim.finding, claim.polarity):
        return False
    if planned.polarity == "absent":
        return planned.site is None or claim.site is None or is_within(claim.site, planned.site)
    known = {None, planned.site} | (set() if planned.site else _usual_sites(claim.finding))
    if claim.site not in known:
        return False
    if planned.finding == NORMAL:
        return claim.site == planned.site
    return claim.side in (None, planned.side) and claim.degree in (None, planned.degree)


def is_contradiction(one: Claim, other: Claim) -> bool:
    """Tell whether two claims cannot both hold: of one finding, or of a site that is normal."""
    if one.finding == other.finding:
        opposite = (one.polarity == "absent") != (other.polarity == "absent")
        return opposite and _meet(one, other)
    for normal, finding in ((one, other), (other, one)):
        if normal.finding == NORMAL and finding.polarity != "absent":
            return _is_normal_there(normal.site, finding)
    return False


def check_plan(plan: Sequence[Claim]) -> None:
    """Check that a plan can be true as a whole.

    Raises:
        SchemaError: two of its claims contradict each other.
    """
    for i, one in enumerate(plan):
        for other in plan[:i]:
            if is_contradiction(one, other):
                raise SchemaError(
                    f"the plan contradicts itself: {describe_claim(other)} and "
                    f"{describe_claim(one)}: take one of them out"
                )


def describe_claim(claim: Claim) -> str:
    """Return a claim in words: "small left effusion at the pleura (absent)"."""
    words = [word for word in (claim.degree, claim.side, claim.finding) if word]
    place = [f"at the {claim.site}"] if claim.site else []
    polarity = [] if claim.polarity == "present" else [f"({claim.polarity})"]
    return " ".join([*words, *place, *polarity])


def is_within(part: str, whole: str) -> bool:
    """Tell whether one anatomy is the other one, or a part of it."""
    parents: Mapping[str, str] = get_parents()
    here: str | None = part
    while here is not None:
        if here == whole:
            return True
        here = parents.get(here)
    return False


def _meet(one: Claim, other: Claim) -> bool:
    """Tell whether two claims may be of one place."""
    if one.side and other.side and {one.side, other.side} == {"left", "right"}:
        return False
    if one.site is None or other.site is None:
        return True
    return is_within(one.site, other.site) or is_within(other.site, one.site)


def _is_normal_there(site: str | None, finding: Claim) -> bool:
    if finding.finding in (NORMAL, *NO_DISEASE):
        return False
    if site is None or site in _WHOLE:
        return True
    places = {finding.site} if finding.site else _usual_sites(finding.finding)
    return any(is_within(place, site) or is_within(site, place) for place in places if place)


@cache
def _usual_sites(finding: str) -> frozenset[str]:
    """Return the sites that a finding without one is of."""
    named = {name_site(site) for site in get_compound_sites().get(finding, ())}
    own = next((site for site, findings in _FINDINGS_OF.items() if finding in findings), None)
    return frozenset(named | ({own} if own else set()))


def _is_said_finer(claim: Claim, found: Iterable[Claim]) -> bool:
    """Tell whether another claim names a part of the site that goes without saying.

    "Bibasilar airspace disease" is of the bases; that airspaces are of the lung adds nothing.
    """
    if claim.site not in _usual_sites(claim.finding):
        return False
    return any(
        (other.finding, other.polarity) == (claim.finding, claim.polarity)
        and other.site not in (None, claim.site)
        and is_within(other.site, claim.site)
        for other in found
    )


def join_sides(sides: Sequence[str]) -> str | None:
    """Return one side of several names: left and right together are bilateral."""
    own = set(sides)
    if {"left", "right"} <= own or "bilateral" in own:
        return "bilateral"
    return next((side for side in sides if side in ("left", "right")), None)
