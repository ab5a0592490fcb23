"""What a text claims, and what of it was not planned."""

from dataclasses import replace

import pytest

from radkg.errors import SchemaError
from radkg.extractor import load_extractor
from radkg.reporter.claims import (
    check_plan,
    compare_claims,
    describe_claim,
    is_contradiction,
    is_planned_by,
    read_claims,
)
from radkg.reporter.reading import ClaimReader, make_text_study
from radkg.schema.drafts import Claim

EFFUSION = Claim("effusion", "present", "pleura", "left", "small")
NO_EFFUSION = Claim("effusion", "absent", "pleura")
LARGE_HEART = Claim("cardiomegaly", "present")
NORMAL_HEART = Claim("normal", "present", "heart")


@pytest.fixture(scope="module")
def rules():
    return load_extractor("rules")


@pytest.mark.parametrize(
    ("text", "claims"),
    [
        ("Small left pleural effusion.", {EFFUSION}),
        ("No pleural effusion or pneumothorax.", {NO_EFFUSION, Claim("pneumothorax", "absent")}),
        ("The heart is normal in size.", {NORMAL_HEART}),
        ("Mild cardiomegaly.", {replace(LARGE_HEART, degree="mild")}),
        ("Possible right lower lobe pneumonia.", {
            Claim("pneumonia", "uncertain", "lower lobe", "right"),
        }),
        ("Bibasilar atelectasis.", {Claim("atelectasis", "present", "base", "bilateral")}),
        (
            "Bibasilar airspace disease.",
            {Claim("airspace disease", "present", "base", "bilateral")},
        ),
        ("Pacemaker.", {Claim("implanted device", "present")}),
    ],
)  # fmt: skip
def test_a_text_is_read_as_claims(rules, text, claims):
    (row,) = rules([make_text_study(text)])
    assert set(read_claims(row)) == claims


@pytest.mark.parametrize(
    ("said", "planned", "fits"),
    [
        (EFFUSION, EFFUSION, True),
        (replace(EFFUSION, degree=None), EFFUSION, True),
        (replace(EFFUSION, side=None, degree=None), EFFUSION, True),
        (EFFUSION, replace(EFFUSION, degree=None), False),
        (EFFUSION, replace(EFFUSION, side=None), False),
        (replace(EFFUSION, side="right"), EFFUSION, False),
        (replace(EFFUSION, side="bilateral"), EFFUSION, False),
        (replace(EFFUSION, polarity="uncertain"), EFFUSION, False),
        (replace(LARGE_HEART, site="heart"), LARGE_HEART, True),
        (replace(LARGE_HEART, site="thorax"), LARGE_HEART, False),
        (replace(NO_EFFUSION, degree="large"), NO_EFFUSION, True),
        (replace(NO_EFFUSION, side="left"), NO_EFFUSION, True),
        (Claim("opacity", "absent", "base"), Claim("opacity", "absent", "lung"), True),
        (Claim("opacity", "absent", "lung"), Claim("opacity", "absent", "base"), False),
        (Claim("opacity", "present", "base"), Claim("opacity", "present", "lung"), False),
        (Claim("normal", "present", "lung"), NORMAL_HEART, False),
    ],
)
def test_what_is_said_is_planned_or_is_not(said, planned, fits):
    assert is_planned_by(said, planned) is fits


@pytest.mark.parametrize(
    ("one", "other", "contradict"),
    [
        (EFFUSION, NO_EFFUSION, True),
        (EFFUSION, replace(NO_EFFUSION, side="right"), False),
        (EFFUSION, replace(NO_EFFUSION, side="left"), True),
        (EFFUSION, replace(EFFUSION, degree="large"), False),
        (LARGE_HEART, NORMAL_HEART, True),
        (EFFUSION, NORMAL_HEART, False),
        (Claim("opacity", "uncertain", "base", "left"), Claim("normal", "present", "lung"), True),
        (Claim("pneumonia", "present"), Claim("normal", "present", "lung"), True),
        (Claim("opacity", "absent", "lung"), Claim("normal", "present", "lung"), False),
        (EFFUSION, Claim("normal", "present", None), True),
        (Claim("intact", "present", "bones"), Claim("normal", "present", None), False),
    ],
)
def test_two_claims_can_both_hold_or_cannot(one, other, contradict):
    assert is_contradiction(one, other) is contradict
    assert is_contradiction(other, one) is contradict


def test_a_plan_that_contradicts_itself_is_refused():
    check_plan([EFFUSION, NORMAL_HEART, replace(NO_EFFUSION, side="right")])
    with pytest.raises(SchemaError, match="small left effusion at the pleura and effusion at the"):
        check_plan([EFFUSION, NO_EFFUSION])


def test_a_difference_names_what_was_not_planned_what_is_denied_and_what_is_missing():
    mass = Claim("mass", "present", "lung")
    found = compare_claims([EFFUSION, NORMAL_HEART], [NO_EFFUSION, mass, NORMAL_HEART])
    assert (found.denied, found.unplanned, found.unsaid) == ((NO_EFFUSION,), (mass,), (EFFUSION,))
    assert not found.is_clean
    assert compare_claims([EFFUSION], [EFFUSION]).is_clean


def test_claims_are_described():
    assert describe_claim(EFFUSION) == "small left effusion at the pleura"
    assert describe_claim(NO_EFFUSION) == "effusion at the pleura (absent)"


def test_both_readers_read_every_text_once():
    reader = ClaimReader([load_extractor("rules"), load_extractor("onepass")])
    first = reader.read(["Mild cardiomegaly.", "No effusion.", "Mild cardiomegaly."])
    assert first[0] == first[2]
    assert [len(readings) for readings in first] == [2, 2, 2]
    assert first[1][0] == (NO_EFFUSION,) == first[1][1]
    assert reader.read([]) == []
