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
        (first(label="OBS"), "label 'OBS'"),
        (first(text="large"), "not the report's text"),
        (first(start=7), "not a span"),
        (first(start=None), "not a span"),
        (first(start=0, end=6, text="small "), "without blanks around"),
        (first(concept=""), "needs a concept"),
        (first(confidence=1.5), "confidence 1.5"),
        (first(confidence=float("nan")), "confidence nan"),
        (first(source="guess"), "source 'guess'"),
        (first(concept=7), "concept 7 is no text"),
        (first(section=7), "section 7 is no text"),
        (first(start=0.0), "not a span"),
        (first(confidence="high"), "confidence 'high'"),
        ({"subject_id": None}, "subject_id None is no text"),
        ({"study_date": "2020-01-01"}, "is no date"),
        ({"age": 91}, "age 91 is no number of years from 0 to 90"),
        ({"age": 54.0}, "age 54.0 is no"),
        ({"sex": "F"}, "sex 'F' is none of"),
        ({"view_positions": ("PA", "AP")}, "not each there once, sorted"),
        ({"view_positions": ("PA", "PA")}, "not each there once, sorted"),
        ({"view_positions": (7,)}, "view_position 7 is no text"),
        ({"condition": "guess"}, "condition 'guess'"),
        ({"radkg_version": "\udce9"}, "cannot be written as UTF-8"),
        ({"relations": (Relation(0, True, "modify"),)}, "does not join"),
        (first(source="image"), "no offsets"),
        ({"relations": (Relation(0, 4, "modify"),)}, "does not join two of 4"),
        ({"relations": (Relation(-1, 2, "modify"),)}, "does not join"),
        ({"relations": (Relation(1, 1, "modify"),)}, "does not join"),
        ({"relations": (Relation(0, 1, "causes"),)}, "relation 'causes'"),
        ({"relations": (Relation(0, 1, "modify", 2.0),)}, "confidence 2.0"),
        ({"status": "done"}, "status 'done'"),
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
