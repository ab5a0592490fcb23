from dataclasses import replace

import pytest

from radkg.errors import SchemaError
from radkg.page.study import write_study
from radkg.schema.records import Relation
from tests.page.invented import crowded, entity_in, extraction_of, study_of
from tests.page.reading import read_html

PNG = b"\x89PNG\r\n\x1a\n and the rest"


def test_every_relation_is_a_row_and_its_ends_are_marked() -> None:
    study, extraction = crowded()
    root = read_html(write_study(study, extraction, {}, "study-0"))
    ids = {mark.attributes["id"] for mark in root.all("mark") if "id" in mark.attributes}
    rows = [row for row in root.all("tr") if "data-head" in row.attributes]
    assert len(ids) == len(extraction.entities)
    assert [row.attributes["data-relation"] for row in rows] == [
        relation.relation for relation in extraction.relations
    ]
    assert all({r.attributes["data-head"], r.attributes["data-tail"]} <= ids for r in rows)
    assert [cell.text for cell in rows[0].all("td")] == [
        "left pleural effusion present",
        "is at",
        "left pleural anatomy",
    ]


def test_entities_of_the_image_stand_in_their_own_line() -> None:
    root = read_html(write_study(*crowded(), {}, "study-0"))
    (line,) = root.all("p", "from-image")
    assert line.text == "cardiomegaly"
    assert "from the image" in line.children[0].attributes["title"]


def test_all_entities_are_listed_with_their_offsets() -> None:
    study, extraction = crowded()
    root = read_html(write_study(study, extraction, {}, "study-0"))
    rows = [[td.text for td in tr.all("td")] for tr in root.all("details")[0].all("tr")[1:]]
    assert len(rows) == len(extraction.entities)
    assert rows[1] == ["left pleural", "left pleural", "anatomy", "findings", "16\u201328", "0.90"]
    assert rows[-1] == ["cardiomegaly", "cardiomegaly", "present", "image", "", "0.70"]


def test_empty_and_failed_studies_say_so_and_show_the_report() -> None:
    study = study_of(("findings", "Clear."))
    empty = read_html(write_study(study, extraction_of(study), {}, "x"))
    assert "Empty: nothing was found" in empty.all("p", "status")[0].text
    failed = read_html(write_study(study, extraction_of(study, reason="<out of memory>"), {}, "x"))
    assert failed.all("p", "failed")[0].text == "Failed: <out of memory>"
    assert "Clear." in failed.text
    assert "Triplets" not in failed.text


def test_a_study_without_report_or_date() -> None:
    study = replace(study_of(), study_date=None)
    root = read_html(write_study(study, extraction_of(study), {}, "x"))
    assert "No report text." in root.text
    assert "date unknown" in root.text


def test_images_are_embedded_by_study_and_image() -> None:
    study, extraction = crowded()
    images = {("s1", "view"): PNG, ("s2", "view"): b"of another study"}
    root = read_html(write_study(study, extraction, images, "x"))
    (image,) = root.all("img")
    assert image.attributes["src"] == "data:image/png;base64,iVBORw0KGgogYW5kIHRoZSByZXN0"
    assert image.attributes["alt"] == "Chest X-ray PA view"
    with pytest.raises(ValueError, match="view is neither JPEG nor PNG"):
        write_study(study, extraction, {("s1", "view"): b"<svg>"}, "x")


def test_what_does_not_belong_together_is_refused() -> None:
    study, extraction = crowded()
    with pytest.raises(ValueError, match="study s2 with extraction of s1"):
        write_study(replace(study, study_id="s2"), extraction, {}, "x")
    with pytest.raises(SchemaError, match="is not the report's"):
        write_study(replace(study, report="x" * 900), extraction, {}, "x")
    outside = replace(extraction, relations=(Relation(0, 99, "modify"),))
    with pytest.raises(SchemaError, match="does not join"):
        write_study(study, outside, {}, "x")


def test_hostile_names_stay_text() -> None:
    nasty = '"><script>alert(1)</script>\x00'
    study = study_of(("findings", nasty), study_id=nasty)
    entity = replace(entity_in(study.report, "<script>"), concept=nasty)
    root = read_html(write_study(study, extraction_of(study, (entity,)), {}, "x"))
    assert not root.all("script")
    assert root.all("h3")[0].text == nasty.replace("\x00", "\ufffd")
    assert root.all("mark")[0].attributes["title"].startswith('"><script>')
