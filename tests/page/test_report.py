from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from radkg.page.report import mark_text, write_report
from radkg.schema.records import Entity, Section
from tests.page.invented import entity_in, study_of
from tests.page.reading import Element, read_html


def text_of(root: Element, entity: int) -> str:
    """Return what all marks of one entity cover together."""
    marks = [m for m in root.all("mark") if m.attributes["data-entity"] == f"p-entity-{entity}"]
    return "".join(mark.text for mark in marks)


def test_marks_carry_label_and_what_a_person_asks_for() -> None:
    study = study_of(("findings", "Small effusion."))
    root = read_html(write_report(study, (entity_in(study.report, "effusion", "OBS-U"),), "p"))
    (mark,) = root.all("mark")
    assert mark.text == "effusion"
    assert mark.has_class("obs-u")
    assert mark.attributes["id"] == mark.attributes["data-entity"] == "p-entity-0"
    assert mark.attributes["tabindex"] == "0"
    assert mark.attributes["title"] == ("effusion\nuncertain\nconfidence 0.90\ncharacters 16 to 24")


def test_nested_entities_nest() -> None:
    study = study_of(("findings", "left pleural effusion"))
    outer = entity_in(study.report, "left pleural effusion")
    inner = entity_in(study.report, "pleural", "ANAT-DP")
    root = read_html(write_report(study, (inner, outer), "p"))
    (first,) = root.all("p")[0].children
    assert first.text == "left pleural effusion"
    assert [child.text for child in first.children] == ["pleural"]


def test_overlapping_entities_are_both_whole_and_have_one_id_each() -> None:
    study = study_of(("findings", "left pleural effusion"))
    entities = (
        entity_in(study.report, "left pleural"),
        entity_in(study.report, "pleural effusion"),
    )
    root = read_html(write_report(study, entities, "p"))
    assert text_of(root, 0) == "left pleural"
    assert text_of(root, 1) == "pleural effusion"
    ids = [mark.attributes["id"] for mark in root.all("mark") if "id" in mark.attributes]
    assert sorted(ids) == ["p-entity-0", "p-entity-1"]


def test_equal_spans_are_both_marked() -> None:
    study = study_of(("findings", "effusion"))
    entities = (entity_in(study.report, "effusion"), entity_in(study.report, "effusion", "OBS-U"))
    root = read_html(write_report(study, entities, "p"))
    assert text_of(root, 0) == text_of(root, 1) == "effusion"


@given(
    text=st.text(alphabet='ab <&"\n', min_size=1, max_size=30),
    spans=st.lists(st.tuples(st.integers(0, 29), st.integers(1, 30)), max_size=8),
)
def test_any_spans_leave_the_text_whole(text: str, spans: list[tuple[int, int]]) -> None:
    entities = [
        Entity(text[a:b], "OBS-DP", "c", a, b, None) for a, b in spans if a < b <= len(text)
    ]
    root = read_html(mark_text(text, 0, len(text), entities, "p", set()))
    assert root.text == text
    for index, entity in enumerate(entities):
        assert text_of(root, index) == entity.text
        assert sum(m.attributes.get("id") == f"p-entity-{index}" for m in root.all("mark")) == 1


def test_headings_are_the_report_s_own_and_text_outside_sections_stays() -> None:
    report = "FINAL REPORT\n\nEXAMINATION: chest. \n\nFINDINGS AND MORE:\n Clear. \n\n Signed."
    start = report.index("Clear")
    sections = (Section("findings", start - 1, start + 8),)
    study = replace(study_of(), report=report, sections=sections)
    root = read_html(write_report(study, (entity_in(report, "chest", "ANAT-DP"),), "p"))
    assert [h.text for h in root.all("h4")] == ["FINDINGS AND MORE"]
    assert [p.text for p in root.all("p")] == [
        "FINAL REPORT\n\nEXAMINATION: chest.",
        "Clear.",
        "Signed.",
    ]
    assert [p.has_class("outside") for p in root.all("p")] == [True, False, True]
    assert text_of(root, 0) == "chest"


def test_a_section_without_heading_is_named() -> None:
    study = replace(study_of(), report="Clear.", sections=(Section("impression", 0, 6),))
    root = read_html(write_report(study, (), "p"))
    assert [h.text for h in root.all("h4")] == ["impression"]


def test_an_entity_in_a_heading_or_across_sections_is_not_lost() -> None:
    report = "CHEST: clear lungs seen"
    sections = (Section("a", 7, 12), Section("b", 12, len(report)))
    study = replace(study_of(), report=report, sections=sections)
    entities = (entity_in(report, "CHEST", "ANAT-DP"), entity_in(report, "clear lungs"))
    root = read_html(write_report(study, entities, "p"))
    assert text_of(root, 0) == "CHEST"
    assert text_of(root, 1) == "clearlungs"
