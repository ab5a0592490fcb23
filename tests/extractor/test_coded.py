"""Codes that a model wrote: merged over a study, limited by confidence, as entities."""

import math

import pytest

from radkg.extractor.coded import (
    describe_unsure,
    limit_codes,
    make_image_entities,
    merge_outputs,
)
from radkg.model.generate.decode import Generation
from radkg.schema.codes import Codes

EFFUSION = ("effusion", "located_at", "pleura")
LEFT = ("left", "modify", "pleura")
SMALL = ("small", "modify", "effusion")


def written(text, *confidences):
    """Return an output of one token per item, each as sure as given."""
    logprobs = tuple(math.log(c) for c in confidences)
    numbers = tuple(range(len(confidences)))
    return Generation(text, numbers, logprobs, True, numbers)


def rounded(codes):
    return (
        {name: round(c, 6) for name, c in codes.findings},
        {triplet: round(c, 6) for triplet, c in codes.triplets},
    )


def test_each_code_has_the_best_confidence_it_has_anywhere():
    codes = merge_outputs(
        [
            written("effusion located_at pleura ; cardiomegaly", 0.5, 0.9),
            written(""),
            written("effusion located_at pleura", 0.8),
            written("cardiomegaly ; left modify pleura", 0.25, 0.75),
        ]
    )
    assert rounded(codes) == (
        {"cardiomegaly": 0.9, "effusion": 0.8},
        {EFFUSION: 0.8, LEFT: 0.75},
    )


def test_a_finding_that_is_modified_is_said_and_its_site_is_none():
    codes = merge_outputs(
        [written("small modify effusion ; effusion located_at pleura", 0.5, 0.25)]
    )
    assert rounded(codes)[0] == {"effusion": 0.5}
    assert merge_outputs([]) == merge_outputs([written("")]) == Codes((), ())


CODES = Codes((("cardiomegaly", 0.2), ("effusion", 0.6)), ((EFFUSION, 0.6), (LEFT, 0.9)))


@pytest.mark.parametrize(
    ("threshold", "normal", "names", "triplets"),
    [
        (0.0, 0.0, ["cardiomegaly", "effusion"], [EFFUSION, LEFT]),
        (0.6, 0.0, ["effusion"], [EFFUSION, LEFT]),  # at least
        (0.7, 0.0, [], [LEFT]),
        (0.0, 0.9, ["cardiomegaly", "effusion"], [EFFUSION, LEFT]),
        (0.0, 0.95, [], []),
        (1.0, 0.0, [], []),
    ],
)
def test_thresholds(threshold, normal, names, triplets):
    codes = limit_codes(CODES, threshold, normal)
    assert [name for name, _ in codes.findings] == names
    assert [triplet for triplet, _ in codes.triplets] == triplets
    assert limit_codes(Codes((), ()), threshold, normal) == Codes((), ())


def test_entities_of_an_image_have_no_offsets():
    entities, relations = make_image_entities(CODES, 3, 0.0)
    assert [(e.text, e.label, e.confidence) for e in entities] == [
        ("cardiomegaly", "OBS-DP", 0.2),
        ("effusion", "OBS-DP", 0.6),
        ("left", "ANAT-DP", 0.9),
        ("pleura", "ANAT-DP", 0.9),
    ]
    assert {(e.source, e.start, e.end, e.section) for e in entities} == {
        ("image", None, None, None)
    }
    assert all(e.concept == e.text for e in entities)
    assert [(r.head, r.relation, r.tail, r.confidence) for r in relations] == [
        (4, "located_at", 6, 0.6),
        (5, "modify", 6, 0.9),
    ]


def test_what_is_not_sure_is_left_out_and_still_tells_a_site():
    entities, relations = make_image_entities(CODES, 0, 0.7)
    assert [(e.text, e.label) for e in entities] == [("left", "ANAT-DP"), ("pleura", "ANAT-DP")]
    assert len(relations) == 1
    assert make_image_entities(CODES, 0, 1.0) == ((), ())


def test_an_image_that_says_nothing_says_why():
    assert describe_unsure(Codes((), ()), 0.9) == "the model sees no finding in the image"
    reason = describe_unsure(Codes((("cardiomegaly", 0.2),), ((EFFUSION, 0.6),)), 0.9)
    assert reason.endswith("reaches confidence 0.90: the surest is effusion, 0.60")
