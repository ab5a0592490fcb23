"""From codes to a plan: findings with their details, and what goes without saying beside them."""

import json

from radkg.gold.codes import parse_gold
from radkg.reporter.oracle import make_codes_of_gold
from radkg.reporter.planning import (
    PlannerConfig,
    Template,
    UsualClaim,
    choose_template,
    list_possible,
    make_plan,
    plan_findings,
)
from radkg.schema.codes import Codes
from radkg.schema.drafts import Claim

NO_PNEUMOTHORAX = Claim("pneumothorax", "absent")
NORMAL_HEART = Claim("normal", "present", "heart")
CLEAR = Claim("normal", "present", "lung")
CONFIG = PlannerConfig(
    usual=(
        UsualClaim(NO_PNEUMOTHORAX, ("tube",)),
        UsualClaim(NORMAL_HEART, ()),
        UsualClaim(CLEAR, ("opacity",)),
    ),
    templates=(
        Template((0, 1, 2), ("a", "b")),
        Template((0, 2), ("c",)),
        Template((2,), ("d",)),
        Template((0,), ("e",)),
    ),
)


def codes(*findings: str, triplets: tuple[tuple[str, str, str], ...] = (), sure: float = 0.5):
    return Codes(tuple((f, sure) for f in findings), tuple((t, sure) for t in triplets))


def sure(threshold: float) -> PlannerConfig:
    return PlannerConfig(
        detail_threshold=threshold, sited={"opacity": "lung"}, sided=("base", "apex")
    )


def test_a_finding_that_is_filed_with_a_site_has_its_likeliest_one():
    triplets = (("opacity", "located_at", "base"), ("left", "modify", "base"))
    (claim,) = plan_findings(codes("opacity", triplets=triplets), sure(0.9), {})
    assert (claim.site, claim.side) == ("base", "left")
    (claim,) = plan_findings(codes("opacity"), sure(0.9), {})
    assert (claim.site, claim.side) == ("lung", None)


def test_a_study_without_findings_has_the_usual_claims_alone():
    assert make_plan(codes(), CONFIG) == (NO_PNEUMOTHORAX, NORMAL_HEART, CLEAR)


def test_a_usual_claim_is_left_out_where_a_finding_speaks_against_it():
    found = make_plan(codes("cardiomegaly", "tube"), CONFIG)
    assert {claim.finding for claim in found} == {"cardiomegaly", "tube", "normal"}
    assert NORMAL_HEART not in found  # it contradicts the plan
    assert NO_PNEUMOTHORAX not in found  # it is not said beside a tube


def test_the_template_that_says_most_of_what_is_possible_is_taken():
    assert choose_template(frozenset({0, 1, 2}), CONFIG.templates).sentences == ("a", "b")
    assert choose_template(frozenset({0, 2}), CONFIG.templates).sentences == ("c",)
    assert choose_template(frozenset({0, 1}), CONFIG.templates).sentences == ("e",)
    assert choose_template(frozenset({1}), CONFIG.templates).sentences == ()
    assert list_possible((Claim("opacity", "present", "lung"),), CONFIG.usual) == {0, 1}


def test_details_are_planned_where_they_are_sure_enough():
    triplets = (
        ("effusion", "located_at", "pleura"),
        ("left", "modify", "pleura"),
        ("small", "modify", "effusion"),
    )
    found = plan_findings(codes("effusion", triplets=triplets), sure(0.4), {})
    assert found == (Claim("effusion", "present", "pleura", "left", "small", 0.5),)
    bare = plan_findings(codes("effusion", triplets=triplets), sure(0.6), {})
    assert bare == (Claim("effusion", "present", "pleura", None, None, 0.5),)  # always pleural


def test_a_finding_at_two_sites_makes_two_claims():
    triplets = (
        ("opacity", "located_at", "base"),
        ("opacity", "located_at", "apex"),
        ("left", "modify", "base"),
        ("right", "modify", "base"),
        ("right", "modify", "apex"),
    )
    found = plan_findings(codes("opacity", triplets=triplets), sure(0), {})
    assert {(c.site, c.side) for c in found} == {("base", "bilateral"), ("apex", "right")}


def test_a_finding_at_a_side_alone_has_a_side():
    triplets = (("catheter", "located_at", "right"),)
    (claim,) = plan_findings(codes("catheter", triplets=triplets), sure(0), {})
    assert (claim.site, claim.side) == (None, "right")


def test_the_image_that_shows_a_finding_stands_in_its_claim():
    where = {"mass": ("i1", (0.0, 0.0, 0.5, 0.5))}
    mass, other = plan_findings(codes("mass", "tube"), sure(0), where)
    assert (mass.image_id, mass.box) == where["mass"]
    assert (other.image_id, other.box) == (None, None)


def test_the_coders_codes_are_a_plan():
    gold = parse_gold(["Pleural Effusion/left/small", "Cardiomegaly/mild"])
    found = make_plan(make_codes_of_gold(gold), CONFIG)
    assert Claim("effusion", "present", "pleura", "left", "small") in found
    assert Claim("cardiomegaly", "present", None, None, "mild") in found
    assert NORMAL_HEART not in found


def test_settings_come_back_from_json():
    assert PlannerConfig.from_mapping(json.loads(CONFIG.to_json())) == CONFIG
