"""What the graph stores of a study, and that its canonical form notices every change."""

import copy
from datetime import date
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from radkg.errors import GraphError
from radkg.graph.rows.nested import (
    MAX_KEY_BYTES,
    BatchSizes,
    add_digests,
    batch_rows,
    count_contents,
    encode_canonically,
)
from radkg.schema.arrow import to_table
from radkg.schema.records import Entity, Extraction, Relation
from tests.support.runs.rows import row as extraction


def stored(extraction: Extraction) -> dict[str, Any]:
    ((row,),) = batch_rows([to_table([extraction])])
    return row


def test_row_of_a_study() -> None:
    row = stored(extraction("7", subject_id="a"))
    assert row["patient"] == {"key": "test/a", "subject_id": "a", "archive": "test"}
    assert row["study"] == {
        "key": "test/7",
        "study_id": "7",
        "archive": "test",
        "study_date": date(2024, 2, 29),
    }
    told = stored(extraction("7", view_positions=("LATERAL", "PA"), age=0, sex="female"))["study"]
    assert told == row["study"] | {"view_positions": ["LATERAL", "PA"], "age": 0, "sex": "female"}
    assert row["extraction"]["key"] == "test/7|rules"
    assert "reason" not in row["extraction"]  # a null property does not exist
    digest = add_digests(to_table([extraction("7", subject_id="a")]))["digest"]
    assert [row["extraction"]["digest"]] == digest.to_pylist()
    assert [mention["concept"] for mention in row["mentions"]] == [
        "observation:small",
        "anatomy:left",
        "observation:effusion",
        "observation:pneumothorax",
    ]
    assert row["relations"][1] == {"type": "LOCATED_AT", "head": 2, "tail": 1, "confidence": 0.25}


def test_a_modifier_is_no_finding() -> None:
    findings = {finding["concept"]: finding for finding in stored(extraction("7"))["findings"]}
    assert set(findings) == {"observation:effusion", "observation:pneumothorax"}
    assert findings["observation:effusion"] == {
        "concept": "observation:effusion",
        "label": "OBS-DP",
        "mentions": 1,
        "present": 1,
        "absent": 0,
        "by_report": "OBS-DP",
        "sections": ["findings"],
        "modifiers": ["small"],
        "sites": ["left"],
        "confidence": 0.5,
        "extractor": "rules",
    }


@pytest.mark.parametrize(
    ("labels", "strongest", "confidence"),
    [
        ([("OBS-DA", 0.9), ("OBS-U", 0.2), ("OBS-U", 0.3)], "OBS-U", 0.3),
        ([("OBS-DA", 0.9), ("OBS-DP", 0.1)], "OBS-DP", 0.1),
        ([("OBS-DA", 0.9), ("OBS-DA", 0.4)], "OBS-DA", 0.9),
    ],
)
def test_a_finding_takes_the_strongest_label(
    labels: list[tuple[Any, float]], strongest: str, confidence: float
) -> None:
    entities = tuple(
        Entity("edema", label, "edema", 0, 5, None, confidence=value) for label, value in labels
    )
    (finding,) = stored(extraction("7", entities=entities, relations=()))["findings"]
    assert finding["label"] == strongest
    assert finding["mentions"] == len(labels)
    assert finding["confidence"] == confidence


def test_an_entity_of_the_image_has_no_offsets() -> None:
    entity = Entity("edema", "OBS-DP", "edema", None, None, None, "image", 0.5)
    (mention,) = stored(extraction("7", entities=(entity,), relations=()))["mentions"]
    assert mention == {
        "ordinal": 0,
        "text": "edema",
        "label": "OBS-DP",
        "source": "image",
        "confidence": 0.5,
        "concept": "observation:edema",
    }


def test_a_key_that_no_index_takes_is_refused() -> None:
    with pytest.raises(GraphError, match="extract or import again"):
        stored(extraction("7" * (MAX_KEY_BYTES + 1)))
    stored(
        extraction(
            "7", entities=(Entity("x" * 10**6, "OBS-DP", "x", 0, 10**6, None),)[:1], relations=()
        )
    )


def test_order_of_lists_is_not_part_of_the_canonical_form() -> None:
    row = stored(extraction("7"))
    turned = {**row, **{name: row[name][::-1] for name in ("mentions", "relations", "findings")}}
    assert encode_canonically(turned) == encode_canonically(row)


def leaves(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    if isinstance(value, dict):
        return [leaf for name in value for leaf in leaves(value[name], (*path, name))]
    if isinstance(value, list):
        return [leaf for i, item in enumerate(value) for leaf in leaves(item, (*path, i))]
    return [path]


ROW = stored(extraction("7"))
LEAVES = leaves(ROW)
VALUES = st.one_of(
    st.text(max_size=5),
    st.integers(-(2**63), 2**63 - 1),  # as a graph has them
    st.booleans(),
    st.floats(0, 1),
    st.none(),
    st.sampled_from([1.0, True, "2024-02-29", date(2024, 2, 29)]),
)


@settings(deadline=None)
@given(st.sampled_from(LEAVES), VALUES)
def test_every_change_of_a_value_is_noticed(leaf: tuple[Any, ...], value: Any) -> None:
    changed = copy.deepcopy(ROW)
    *path, last = leaf
    parent: Any = changed
    for step in path:
        parent = parent[step]
    same = type(parent[last]) is type(value) and parent[last] == value
    parent[last] = value
    assert (encode_canonically(changed) == encode_canonically(ROW)) == same


@settings(deadline=None)
@given(st.sampled_from(["mentions", "relations", "findings"]), st.integers(0, 1), st.booleans())
def test_an_item_more_or_less_is_noticed(name: str, index: int, more: bool) -> None:
    changed = copy.deepcopy(ROW)
    if more:
        changed[name].append(changed[name][index])
    else:
        del changed[name][index]
    assert encode_canonically(changed) != encode_canonically(ROW)


@settings(deadline=None)
@given(st.sampled_from(LEAVES))
def test_a_property_less_is_noticed(leaf: tuple[Any, ...]) -> None:
    changed = copy.deepcopy(ROW)
    *path, last = leaf
    parent: Any = changed
    for step in path:
        parent = parent[step]
    del parent[last]
    assert encode_canonically(changed) != encode_canonically(ROW)


@settings(max_examples=20, deadline=None)
@given(st.lists(st.integers(0, 3), max_size=30), st.integers(1, 4), st.integers(1, 6))
def test_batches_hold_every_row_once(sizes: list[int], studies: int, mentions: int) -> None:
    entity = Entity("edema", "OBS-DP", "edema", 0, 5, None)
    rows = [
        extraction(f"{i:03}", entities=(entity,) * size, relations=())
        for i, size in enumerate(sizes)
    ]
    sizes = BatchSizes(studies=studies, mentions=mentions)
    found = list(batch_rows([to_table(rows[:7]), to_table(rows[7:])], sizes))
    assert [row for batch in found for row in batch] == [stored(row) for row in rows]
    for batch in found:
        assert len(batch) <= studies
        assert len(batch) == 1 or count_contents(batch)["num_mentions"] <= mentions


def test_totals() -> None:
    assert count_contents([ROW, ROW]) == {
        "num_studies": 2,
        "num_mentions": 8,
        "num_relations": 4,
        "num_findings": 4,
    }


def test_relations_between_the_same_mentions_are_kept() -> None:
    twice = (Relation(0, 2, "modify", 0.5), Relation(0, 2, "modify", 0.5))
    row = stored(extraction("7", relations=twice))
    assert len(row["relations"]) == 2
    once = stored(extraction("7", relations=twice[:1]))
    assert row["extraction"]["digest"] != once["extraction"]["digest"]
