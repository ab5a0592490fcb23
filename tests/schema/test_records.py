import dataclasses

import pytest

from radkg.errors import SchemaError
from radkg.schema.records import Entity, Relation, check_extraction
from tests.support.runs.rows import REPORT, row


def test_a_valid_row_passes():
    assert check_extraction(row("s1"), REPORT) == row("s1")
    assert row("s1").list_triplets() == [
        ("small", "modify", "effusion"),
        ("effusion", "located_at", "left"),
    ]


def first(**changes):
    entity = dataclasses.replace(row("s1").entities[0], **changes)
    return {"entities": (entity, *row("s1").entities[1:])}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (first(label="OBS"), "label of entity 0 is none of"),
        (first(text="large"), "is not the report's at 0:5"),
        (first(start=7), "not a span"),
        (first(start=None), "not a span"),
        (first(start=0, end=6, text="small "), "without blanks around"),
        (first(concept=""), "needs a concept"),
        (first(confidence=1.5), "confidence of entity 0 is outside"),
        (first(confidence=float("nan")), "confidence of entity 0 is outside"),
        (first(source="guess"), "source of entity 0 is none"),
        (first(concept=7), "concept of entity 0 is no text"),
        (first(section=7), "section of entity 0 is no text"),
        (first(start=0.0), "not a span"),
        (first(confidence="high"), "confidence of entity 0 is outside"),
        ({"subject_id": None}, "subject_id is no text"),
        ({"study_date": "2020-01-01"}, "is no date"),
        ({"age": 91}, "age is no number of years from 0 to 90"),
        ({"age": 54.0}, "age is no"),
        ({"sex": "F"}, "sex is none of"),
        ({"view_positions": ("PA", "AP")}, "not each there once, sorted"),
        ({"view_positions": ("PA", "PA")}, "not each there once, sorted"),
        ({"view_positions": (7,)}, "view_position is no text"),
        ({"condition": "guess"}, "condition is none of"),
        ({"radkg_version": "\udce9"}, "cannot be written as UTF-8"),
        ({"relations": (Relation(0, True, "modify"),)}, "does not join"),
        (first(source="image"), "read from the image and has offsets"),
        ({"relations": (Relation(0, 4, "modify"),)}, "does not join two of 4"),
        ({"relations": (Relation(-1, 2, "modify"),)}, "does not join"),
        ({"relations": (Relation(1, 1, "modify"),)}, "does not join"),
        ({"relations": (Relation(0, 1, "causes"),)}, "a relation is none of"),
        ({"relations": (Relation(0, 1, "modify", 2.0),)}, "confidence of a relation is outside"),
        ({"status": "done"}, "status is none of"),
        ({"status": "empty"}, "with entities"),
        ({"status": "failed", "entities": (), "relations": ()}, "without a reason"),
    ],
)
def test_what_breaks_the_schema_is_refused(changes, message):
    with pytest.raises(SchemaError, match=message):
        check_extraction(row("s1", **changes), REPORT)


def test_an_entity_from_the_image_has_no_offsets():
    seen = Entity("effusion", "OBS-DP", "effusion", None, None, None, "image", 0.5)
    check_extraction(row("s1", entities=(seen,), relations=()), REPORT)
