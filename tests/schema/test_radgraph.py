import json
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from radkg.errors import SchemaError
from radkg.schema.radgraph import from_document, to_document
from radkg.schema.records import LABELS, RELATIONS, Entity, Extraction, Relation

REPORT = "FINDINGS: Small right-sided effusion.No pneumothorax, 5 mm nodule."


def extraction(entities, relations=(), **changes) -> Extraction:
    fields = {
        "study_id": "s1",
        "subject_id": "p1",
        "archive": "test",
        "study_date": date(2020, 2, 29),
        "status": "ok" if entities else "empty",
        "reason": None,
        "extractor": "rules",
        "model_id": "m",
        "condition": "report",
        "study_fingerprint": "f",
        "radkg_version": "0",
    }
    return Extraction(**fields | changes, entities=tuple(entities), relations=tuple(relations))


def entity(words: str, label: str, report: str = REPORT, **more) -> Entity:
    start = report.index(words)
    return Entity(words, label, more.pop("concept", words), start, start + len(words), "findings")


ENTITIES = [
    entity("Small", "OBS-DP"),
    entity("right", "ANAT-DP"),
    entity("effusion", "OBS-DP"),
    entity("pneumothorax", "OBS-DA"),
    entity("5 mm", "OBS-DP", concept="measurement"),
    Entity("nodule", "OBS-U", "nodule", None, None, None, "image", 0.25),
]
RELATIONS_FOUND = [
    Relation(4, 5, "modify", 0.5),
    Relation(0, 2, "modify"),
    Relation(2, 1, "located_at", 0.75),
]


@pytest.mark.parametrize("spelling", ["v1", "xl"])
def test_our_rows_come_back_whole(spelling):
    row = extraction(ENTITIES, RELATIONS_FOUND)
    text = json.dumps(to_document(row, REPORT, spelling, {"data_split": "train"}))
    back = from_document("s1", json.loads(text))
    assert (back.extraction, back.report) == (row, REPORT)
    assert back.extra == {"data_split": "train"}


def test_tokens_and_offsets_agree_with_the_text():
    document = to_document(extraction(ENTITIES, RELATIONS_FOUND), REPORT)
    words = document["text"].split()
    for found in document["entities"].values():
        if found["source"] == "report":
            assert document["text"][found["start"] : found["end"]] == found["tokens"]
            run = words[found["start_ix"] : found["end_ix"] + 1]
            assert " ".join(run) == found["tokens"]
    assert "right -sided" in document["text"]
    assert document["entities"]["1"]["relations"] == [["modify", "3"]]
    assert document["entities"]["6"]["start_ix"] == -1


def test_long_spelling():
    document = to_document(extraction(ENTITIES), REPORT, "xl")
    labels = [found["label"] for found in document["entities"].values()]
    assert labels[1] == "Anatomy::definitely present"
    assert labels[3] == "Observation::definitely absent"
    assert labels[4] == "Observation::measurement::definitely present"
    assert labels[5] == "Observation::uncertain"


# The published form: pre-tokenised text, no extra keys.
FOREIGN = {
    "text": "mild left effusion . no focal consolidation",
    "entities": {
        "1": {
            "tokens": "mild",
            "label": "OBS-DP",
            "start_ix": 0,
            "end_ix": 0,
            "relations": [["modify", "3"]],
        },
        "2": {"tokens": "left", "label": "ANAT-DP", "start_ix": 1, "end_ix": 1, "relations": []},
        "3": {
            "tokens": "effusion",
            "label": "OBS-DP",
            "start_ix": 2,
            "end_ix": 2,
            "relations": [["located_at", "2"]],
        },
        "4": {
            "tokens": "focal consolidation",
            "label": "OBS-DA",
            "start_ix": 5,
            "end_ix": 6,
            "relations": [],
        },
    },
    "data_source": "elsewhere",
    "data_split": "test",
}


def test_a_published_document_is_read_and_written_without_loss():
    read = from_document("a.txt", FOREIGN)
    assert read.report == FOREIGN["text"]
    assert read.extraction.list_triplets() == [
        ("mild", "modify", "effusion"),
        ("effusion", "located_at", "left"),
    ]
    assert [e.start for e in read.extraction.entities] == [0, 5, 10, 24]
    again = to_document(read.extraction, read.report, extra=read.extra)
    for key, found in FOREIGN["entities"].items():
        assert {name: again["entities"][key][name] for name in found} == found
    assert {name: again[name] for name in FOREIGN if name != "entities"} == {
        name: value for name, value in FOREIGN.items() if name != "entities"
    }


def test_an_edited_export_is_read_as_edited():
    document = to_document(extraction(ENTITIES, RELATIONS_FOUND), REPORT)
    document["entities"]["1"]["relations"] = []
    triplets = from_document("s1", document).extraction.list_triplets()
    assert triplets == [("5 mm", "modify", "nodule"), ("effusion", "located_at", "right")]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"label": "Disease"}, "unknown label"),
        ({"end_ix": 99}, "not RadGraph JSON"),
        ({"end_ix": -1}, "end_ix before start_ix"),
        ({"tokens": "severe"}, "is not the tokens of an entity"),
        ({"tokens": ["mild"]}, "not RadGraph JSON"),
        ({"tokens": None}, "not RadGraph JSON"),
        ({"label": None}, "not RadGraph JSON"),
        ({"confidence": "high"}, "confidence of entity 0 is outside"),
        ({"concept": 7}, "concept of entity 0 is no text"),
        ({"relations": [["modify", "77"]]}, "not RadGraph JSON"),
        ({"relations": [["causes", "2"]]}, "a relation is none of"),
    ],
)
def test_a_broken_document_is_refused(change, message):
    entities = {**FOREIGN["entities"], "1": FOREIGN["entities"]["1"] | change}
    with pytest.raises(SchemaError, match=message):
        from_document("broken", {**FOREIGN, "entities": entities})


@pytest.mark.parametrize("broken", [[], {"text": "a"}, {"text": "a", "entities": []}, None])
def test_what_is_no_document_is_refused(broken):
    with pytest.raises(SchemaError, match="document 'x' is not RadGraph JSON"):
        from_document("x", broken)


@st.composite
def rows(draw):
    report = draw(st.text(alphabet="ab.,-/ \n\t\u00e9\u2028", min_size=1, max_size=60))
    entities = []
    for _ in range(draw(st.integers(0, 6))):
        a = draw(st.integers(0, len(report) - 1))
        b = draw(st.integers(a + 1, len(report)))
        words = report[a:b]
        if words == words.strip() and words:
            label = draw(st.sampled_from(LABELS))
            entities.append(Entity(words, label, "c", a, b, None, "report", draw(st.floats(0, 1))))
    relations = []
    if len(entities) > 1:
        for _ in range(draw(st.integers(0, 5))):
            head, tail = draw(
                st.lists(st.integers(0, len(entities) - 1), min_size=2, max_size=2, unique=True)
            )
            relations.append(Relation(head, tail, draw(st.sampled_from(RELATIONS)), 0.5))
    return report, extraction(entities, relations)


@given(rows(), st.sampled_from(["v1", "xl"]))
def test_any_valid_row_round_trips(pair, spelling):
    report, row = pair
    document = json.loads(json.dumps(to_document(row, report, spelling)))
    back = from_document(row.study_id, document)
    assert back.report == report
    assert back.extraction == row
    words = document["text"].split()
    for found in document["entities"].values():
        assert " ".join(words[found["start_ix"] : found["end_ix"] + 1]) == found["tokens"]
