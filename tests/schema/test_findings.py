"""Findings and descriptions of mentions, in columns, against their definition by mentions."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from radkg.schema.arrow import to_table
from radkg.schema.findings import FINDING, describe_mentions, list_findings
from radkg.schema.records import Extraction
from tests.support.graph.facts import study
from tests.support.runs.extractions import invent
from tests.support.runs.findings import describe_findings


def computed(extractions: Sequence[Extraction], size: int = 1000) -> list[list[dict[str, Any]]]:
    """Return the findings of studies, from columns of that many at a time, without nulls."""
    return [
        [{name: value for name, value in found.items() if value is not None} for found in of_study]
        for rows in to_table(extractions).to_batches(max_chunksize=size)
        for of_study in list_findings(rows).to_pylist()
    ]


def described(*facts: str) -> dict[str, dict[str, Any]]:
    """Return what is said of each finding of a study, by concept."""
    (found,) = computed([study(1, 1, None, *facts)])
    return {each["concept"].removeprefix("observation:"): each for each in found}


def test_a_finding_is_described_by_the_mentions_that_have_its_label() -> None:
    found = described(
        *("+effusion", "small > effusion", "effusion @ base", "left > base", "effusion ! ?edema"),
        *("-effusion in impression", "-large > effusion", "effusion @ pleural"),
    )
    assert set(found) == {"effusion", "edema"}
    assert found["effusion"] == {
        "concept": "observation:effusion",
        "name": "effusion",
        "label": "OBS-DP",
        "confidence": 1.0,
        "mentions": 2,
        "present": 1,
        "absent": 1,
        "by_report": "OBS-DP",
        "sections": ["findings", "impression"],
        "modifiers": ["small"],
        "sites": ["base"],
        "site_modifiers": ["left"],
        "suggests": ["edema"],
        "extractor": "rules",
        "strongest": 0,
        "places": ["left base"],
    }


def test_what_modifies_has_the_label_too_or_is_anatomy() -> None:
    found = described("+effusion", "-large > effusion", "left > effusion", "?new > effusion")
    assert found["effusion"]["modifiers"] == ["left"]
    assert described("?edema", "?mild > edema", "+old > edema")["edema"]["modifiers"] == ["mild"]


def test_each_source_has_its_own_label() -> None:
    found = described("+effusion in image", "?effusion", "-effusion", "+edema in image")
    assert [found["effusion"][name] for name in ("by_image", "by_report")] == ["OBS-DP", "OBS-U"]
    assert found["effusion"]["sections"] == ["findings", "none"]
    assert "by_report" not in found["edema"]


@pytest.mark.parametrize("size", [1, 7, 100])
def test_columns_give_what_the_mentions_say(size: int) -> None:
    extractions = [
        *invent(60, entities=30, relations=40, vocabulary=12),
        study(61, 1, None),
        study(62, 1, None, reason="no text"),
        study(63, 1, None, "+effusion in image", "?effusion", "+edema in image", "left > effusion"),
        *invent(20, entities=2, relations=1, first=70),
        *invent(20, vocabulary=6, names=("rll", "right", "dextroscoliosis", "right rll"), first=90),
    ]
    expected = [describe_findings(record) for record in to_table(extractions).to_pylist()]
    assert computed(extractions, size) == expected
    for name in ("modifiers", "sites", "site_modifiers", "suggests", "places"):
        assert any(name in found for of_study in expected for found in of_study)


def test_only_the_columns_that_are_asked_for_come() -> None:
    (rows,) = to_table(invent(9, entities=9, relations=9, vocabulary=4)).to_batches()
    whole = list_findings(rows)
    assert whole.type.value_type == FINDING
    for name in FINDING.names:
        column = list_findings(rows, (name,))
        assert column.flatten().field(0).equals(whole.flatten().field(name)), name


def test_the_strongest_mention_is_the_first_of_the_surest() -> None:
    facts = ("-effusion", "+effusion", "?effusion", "+effusion", "+edema")
    found = described(*facts)
    assert found["effusion"]["strongest"] == 1
    assert found["edema"]["strongest"] == 4


def test_mentions_have_modifiers_and_places_in_the_order_of_mention() -> None:
    facts = ("+effusion", "small > effusion", "-large > effusion", "left > effusion")
    extraction = study(1, 1, None, *facts, "right > lung", "effusion @ lung", "effusion @ base")
    again = study(2, 2, None, "left > base", "bilateral > base", "+mass", "mass @ base")
    (rows,) = to_table([study(0, 0, None), extraction, again]).to_batches()
    none, of_effusion, of_mass = describe_mentions(rows).to_pylist()
    assert none == []
    assert of_effusion[0] == {"modifiers": ["small", "left"], "places": ["right lung", "base"]}
    assert of_effusion[1] == {"modifiers": [], "places": []}
    names = [entity.concept for entity in again.entities]
    assert of_mass[names.index("base")] == {"modifiers": ["left", "bilateral"], "places": []}
    assert of_mass[names.index("mass")] == {"modifiers": [], "places": ["left bilateral base"]}
    sliced = describe_mentions(rows.slice(1))
    assert sliced.to_pylist() == [of_effusion, of_mass]


def rename(extraction: Extraction, **words: tuple[str, str]) -> dict[str, dict[str, Any]]:
    """Return what is said of each finding once mentions have another text and another concept."""
    entities = tuple(
        replace(e, text=words[e.text][0], concept=words[e.text][1]) if e.text in words else e
        for e in extraction.entities
    )
    (found,) = computed([replace(extraction, entities=entities)])
    return {each["name"]: each for each in found}


def test_a_word_that_names_site_and_side_gives_both() -> None:
    extraction = study(1, 1, None, "+opacity", "opacity @ base")
    found = rename(extraction, base=("RLL", "lower lobe"))["opacity"]
    assert (found["sites"], found["site_modifiers"]) == (["lower lobe"], ["right"])
    assert found["places"] == ["right lower lobe"]
    curved = rename(study(1, 1, None, "+curved"), curved=("dextroscoliosis", "scoliosis"))
    assert curved["scoliosis"]["sites"] == ["right"]


def test_a_modifier_that_the_name_says_already_is_left_out() -> None:
    extraction = study(1, 1, None, "+opacity", "opacity @ base", "lower > base", "left > base")
    found = rename(extraction, base=("lobe", "lower lobe"))["opacity"]
    assert (found["site_modifiers"], found["places"]) == (["left"], ["left lower lobe"])


def test_findings_of_nothing() -> None:
    assert computed([]) == []
    assert computed([study(1, 1, None)]) == [[]]
