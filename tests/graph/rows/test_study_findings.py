"""What HAS_FINDING says of a finding: a summary of its mentions."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import pytest

from radkg.graph.rows.study_findings import study_findings
from radkg.schema.arrow import to_table
from radkg.schema.findings import STRENGTH, findings, mentioned
from radkg.schema.records import Extraction
from tests.support.graph.facts import study
from tests.support.runs.extractions import invent


def summarised(record: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the findings of a study, mention by mention."""
    entities = record["entities"]
    labels = [entity["label"] for entity in entities]
    names = [entity["concept"] for entity in entities]
    into: defaultdict[int, list[int]] = defaultdict(list)  # what modifies an entity
    out: dict[str, defaultdict[int, list[int]]] = {
        kind: defaultdict(list) for kind in ("located_at", "suggestive_of")
    }
    for relation in record["relations"]:
        head, tail, kind = relation["head"], relation["tail"], relation["relation"]
        if kind == "modify":
            into[tail].append(head)
        else:
            out[kind][head].append(tail)

    def modifying(indices: Iterable[int]) -> Iterable[int]:
        return (
            head
            for index in indices
            for head in into.get(index, ())
            if labels[head] in (labels[index], "ANAT-DP")
        )

    def named(indices: Iterable[int]) -> list[str] | None:
        return sorted({names[index] for index in indices}) or None

    by_concept = mentioned(record)
    found = []
    for finding in findings(record):
        indices = by_concept[finding.concept]
        label = labels[finding.strongest]
        own = [index for index in indices if labels[index] == label]
        sites = [tail for index in own for tail in out["located_at"].get(index, ())]
        suggested = (tail for index in own for tail in out["suggestive_of"].get(index, ()))
        of_image = [labels[i] for i in indices if entities[i]["source"] == "image"]
        of_report = [labels[i] for i in indices if entities[i]["source"] == "report"]
        properties = {
            "concept": f"observation:{finding.concept}",
            "label": label,
            "confidence": entities[finding.strongest]["confidence"],
            "mentions": finding.mentions,
            "present": sum(labels[index] == "OBS-DP" for index in indices),
            "absent": sum(labels[index] == "OBS-DA" for index in indices),
            "by_image": strongest(of_image),
            "by_report": strongest(of_report),
            "sections": sorted({entities[i]["section"] or "none" for i in indices}),
            "modifiers": named(modifying(own)),
            "sites": named(sites),
            "site_modifiers": named(modifying(sites)),
            "suggests": named(suggested),
            "extractor": record["extractor"],
        }
        found.append({name: value for name, value in properties.items() if value is not None})
    return found


def strongest(labels: Sequence[str]) -> str | None:
    return max(labels, key=STRENGTH.index, default=None)  # type: ignore[arg-type]


def computed(extractions: Sequence[Extraction], size: int = 1000) -> list[list[dict[str, Any]]]:
    """Return the findings of studies, from columns of that many at a time, without nulls."""
    return [
        [{name: value for name, value in found.items() if value is not None} for found in of_study]
        for rows in to_table(extractions).to_batches(max_chunksize=size)
        for of_study in study_findings(rows).to_pylist()
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
    ]
    expected = [summarised(record) for record in to_table(extractions).to_pylist()]
    assert computed(extractions, size) == expected
    for name in ("modifiers", "sites", "site_modifiers", "suggests"):
        assert any(name in found for of_study in expected for found in of_study)


def test_findings_of_nothing() -> None:
    assert computed([]) == []
    assert computed([study(1, 1, None)]) == [[]]
