import pickle
from pathlib import Path

import pytest

from radkg.archive import open_archive
from radkg.archive.images.pixels import read_image
from radkg.errors import ExtractorError, RadkgError
from radkg.extractor import extract_rows, find_preprocessing, load_extractor
from tests.extractor.models import study, write_image
from tests.support.archives.openi import make_xml, write_tar
from tests.support.runs import EXTRACTORS, IMAGES


@pytest.fixture
def items(tmp_path):
    members = {
        "1.xml": make_xml(1, findings="effusion"),
        "2.xml": make_xml(2, findings="RAISE"),
        "3.xml": b"<broken",
        "4.xml": make_xml(4, findings="BROKEN effusion"),
        "5.xml": make_xml(5, findings="", impression=""),
        "6.xml": make_xml(6, findings="effusion"),
    }
    archive = open_archive(str(write_tar(tmp_path / "a.tgz", members)))
    return list(archive.read(archive.index().to_pylist()))


def test_one_row_out_for_one_study_in(items):
    rows = extract_rows(load_extractor("tests.support.runs.extractors:words"), items)
    assert [row.study_id for row in rows] == [f"CXR{n}" for n in range(1, 7)]
    assert [row.status for row in rows] == ["ok", "failed", "failed", "failed", "empty", "ok"]
    assert [row.reason and row.reason.partition(":")[0].partition(" in ")[0] for row in rows] == [
        None,
        "ZeroDivisionError",
        "not well-formed XML",
        "invalid extraction",
        None,
        None,
    ]


def test_a_study_of_which_most_is_not_read_says_so_in_its_row(tmp_path):
    table = tmp_path / "mine.csv"
    table.write_text("study_id,report\na,INDICATION: effusion or so? FINDINGS: Yes.\nb,Effusion\n")
    archive = open_archive(str(table))
    studies = list(archive.read(archive.index().to_pylist()))
    rows = extract_rows(load_extractor("rules"), studies)
    assert [(row.status, row.reason) for row in rows] == [
        ("empty", "more than half of the report is not read: indication"),
        ("ok", None),
    ]


def test_what_the_archive_tells_is_in_every_row_whoever_reads(tmp_path):
    table = "study_id,report,age,sex,images,view_position\n"
    for n, words in enumerate(("effusion", "RAISE", "BROKEN effusion", "")):
        table += f"{n},{words},54,M,b.png;a.png,PA;LATERAL\n"
    (tmp_path / "a.csv").write_text(table + "4,effusion,old,M,a.png,PA\n")
    archive = open_archive(str(tmp_path / "a.csv"))
    items = list(archive.read(archive.index().to_pylist()))
    rows = extract_rows(load_extractor("tests.support.runs.extractors:words"), items)
    assert [row.status for row in rows] == ["ok", "failed", "failed", "empty", "failed"]
    told = [(row.age, row.sex, row.view_positions) for row in rows]
    assert told == [(54, "male", ("LATERAL", "PA"))] * 4 + [(None, "male", ("PA",))]


def test_images_prepared_elsewhere_are_an_argument(tmp_path):
    locations = [str(write_image(tmp_path / f"{n}.png", n)) for n in range(2)]
    found = [study("effusion", Path(p), study_id=f"S{n}") for n, p in enumerate(locations)]
    alone, beside = (load_extractor(f"{IMAGES}:{n}") for n in ("preparing", "only_prepared"))
    preprocessing = find_preprocessing(beside)
    assert preprocessing is not None
    images = {p: preprocessing.make_square(read_image(p)).numpy() for p in locations}
    expected = extract_rows(alone, found)
    assert len({row.entities[0].confidence for row in expected}) == 2
    assert extract_rows(beside, found, images) == expected
    one, two = extract_rows(beside, found, images | {locations[1]: "it is damaged"})
    assert (one, two.reason) == (expected[0], "ArchiveError: it is damaged")
    assert {row.status for row in extract_rows(beside, found)} == {"failed"}


def test_images_for_an_extractor_that_sees_none_are_refused():
    words = load_extractor(f"{EXTRACTORS}:words")
    assert find_preprocessing(words) is None
    with pytest.raises(ExtractorError, match="words sees no images"):
        extract_rows(words, [study()], {})


@pytest.mark.parametrize("name", ["nonsense", "no.such.module:make", f"{EXTRACTORS}:missing"])
def test_an_unknown_extractor_is_named(name):
    with pytest.raises(ExtractorError, match=name):
        load_extractor(name)


def test_errors_cross_processes():
    error = pickle.loads(pickle.dumps(ExtractorError("what failed")))
    assert isinstance(error, RadkgError)
    assert str(error) == "what failed"


def test_the_rules_know_what_they_are():
    one, two = load_extractor("rules"), load_extractor("rules")
    assert one.name == "rules"
    assert one.model_id == two.model_id
