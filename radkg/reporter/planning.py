"""From codes to a plan: what a draft is to claim, and what goes without saying beside it.

A plan begins with the findings that the planner is sure of: the eye, the coders or a person. Behind
them stand the usual claims: what reports of the training part state or deny of nearly every study
("no pneumothorax", "the heart is normal"), each left out where it was not said beside one of the
findings.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any, Self

from radkg.config import Config
from radkg.gold.statements import SIDES
from radkg.model.report.plan_writer import PlanWriterConfig
from radkg.reporter.base import Plan
from radkg.reporter.claims import DEGREES, complete_site, is_contradiction, join_sides, name_site
from radkg.schema.codes import Codes
from radkg.schema.drafts import Claim

KIND = "planner"
Where = tuple[str, tuple[float, float, float, float]]
"""image id, and the box in that image"""


@dataclasses.dataclass(frozen=True)
class UsualClaim:
    """What goes without saying, unless a finding speaks against it."""

    claim: Claim
    beside: tuple[str, ...]
    """findings beside which reports do not say it"""


@dataclasses.dataclass(frozen=True)
class Template:
    """Sentences that together state some of the usual claims, as reports do."""

    claims: tuple[int, ...]
    """that they state, as places in the planner's usual claims"""
    sentences: tuple[str, ...]
    """ids in the bank, in the order of a report"""


@dataclasses.dataclass(frozen=True, kw_only=True)
class PlannerConfig(Config):
    """What a planner knows beside its eye; fitted on the training part."""

    kind: str = KIND
    eye: str = ""
    """directory of the eye inside this one; "": the eye of the shipped model"""
    writer: PlanWriterConfig | None = None
    """language model that writes what no sentence says; None: there is none"""
    archive: str = ""
    """whose training part the sentences are from"""
    detail_threshold: float = 0.0
    """a site, side or degree is planned only with at least this confidence [0, 1]"""
    sited: Mapping[str, str] = dataclasses.field(default_factory=dict)
    """findings that the coders file with a site, and the commonest one: the likeliest is planned"""
    sided: tuple[str, ...] = ()
    """sites that the coders file with a side: the likeliest one is planned"""
    usual: tuple[UsualClaim, ...] = ()
    templates: tuple[Template, ...] = ()
    """texts that state usual claims, the one for a study without findings first"""

    @classmethod
    def from_mapping(cls, values: Mapping[str, Any]) -> Self:
        """Build from a mapping, as JSON has it."""
        built = dict(values)
        built["usual"] = tuple(
            UsualClaim(Claim(**one["claim"]), tuple(one["beside"]))
            for one in built.get("usual", ())
        )
        if isinstance(built.get("writer"), Mapping):
            built["writer"] = PlanWriterConfig.from_mapping(built["writer"])
        built["sided"] = tuple(built.get("sided", ()))
        built["templates"] = tuple(
            Template(tuple(one["claims"]), tuple(one["sentences"]))
            for one in built.get("templates", ())
        )
        return super().from_mapping(built)


def make_plan(
    codes: Codes, config: PlannerConfig, where: Mapping[str, Where] | None = None
) -> Plan:
    """Return the plan of a study: its findings with their details, then the usual claims.

    Args:
        codes: findings, all of which are planned, and triplets.
        config: of the planner.
        where: for each finding, where an image shows it.
    """
    stated = plan_findings(codes, config, where or {})
    template = choose_template(list_possible(stated, config.usual), config.templates)
    return (*stated, *(config.usual[i].claim for i in template.claims))


def list_possible(stated: Plan, usual: Sequence[UsualClaim]) -> frozenset[int]:
    """Return the usual claims that nothing speaks against, as places in `usual`."""
    names = {claim.finding for claim in stated}
    return frozenset(
        i
        for i, one in enumerate(usual)
        if names.isdisjoint(one.beside) and not any(is_contradiction(one.claim, c) for c in stated)
    )


def choose_template(possible: frozenset[int], templates: Sequence[Template]) -> Template:
    """Return the template that states most of the possible claims, and no other; else an empty one.

    Of equals it is the first.
    """
    known = (one for one in templates if possible.issuperset(one.claims))
    return max(known, key=lambda one: len(one.claims), default=Template((), ()))


def plan_findings(codes: Codes, config: PlannerConfig, where: Mapping[str, Where]) -> Plan:
    """Return a claim for each finding at each of its sites, with side and degree.

    Args:
        codes: findings and triplets in the coders' names.
        config: from which confidence a triplet is a detail, and which findings have a site anyhow.
        where: for each finding, where an image shows it.
    """
    threshold = config.detail_threshold
    triplets = [triplet for triplet, confidence in codes.triplets if confidence >= threshold]
    claims: dict[Claim, None] = {}
    for finding, confidence in codes.findings:
        ends = [name_site(t) for h, r, t in triplets if h == finding and r == "located_at"]
        heads = [h for h, r, t in triplets if t == finding and r == "modify"]
        degree = next((word for word in heads if word in DEGREES), None)
        own = join_sides([name for name in ends if name in SIDES])
        image_id, box = where.get(finding, (None, None))
        sites: list[str | None] = [name for name in ends if name not in SIDES]
        if not sites and finding in config.sited:
            sites = [_find_likeliest_site(codes, finding) or config.sited[finding]]
        for site in sites or [None]:
            sides = [h for h, r, t in triplets if r == "modify" and site and name_site(t) == site]
            side = join_sides(sides) or own
            if site in config.sided and not side:
                side = _find_likeliest_side(codes, site)
            claim = Claim(finding, "present", site, side, degree, confidence, image_id, box)
            claims[complete_site(claim)] = None
    return tuple(claims)


def _find_likeliest_site(codes: Codes, finding: str) -> str | None:
    """Return the site of a finding of which the codes are surest; None: they name none."""
    known = [
        (confidence, name_site(tail))
        for (head, relation, tail), confidence in codes.triplets
        if head == finding and relation == "located_at" and tail not in SIDES
    ]
    return max(known)[1] if known else None


def _find_likeliest_side(codes: Codes, site: str) -> str | None:
    """Return the side of a site of which the codes are surest; None: they name none."""
    known = [
        (confidence, head)
        for (head, relation, tail), confidence in codes.triplets
        if head in ("left", "right", "bilateral")
        and relation == "modify"
        and name_site(tail) == site
    ]
    return max(known)[1] if known else None
