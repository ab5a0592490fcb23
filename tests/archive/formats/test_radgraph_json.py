import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from radkg.archive import open_archive
from radkg.archive.formats.radgraph_json import RadGraphReports
from radkg.errors import ArchiveError
from radkg.extractor import load_extractor
from radkg.schema.radgraph import to_document
from radkg.schema.records import Study
from tests.archive.formats.test_table import read, reasons

ENTITY = {"tokens": "effusion", "label": "OBS-DP", "start_ix": 1, "end_ix": 1, "relations": []}
LAYOUTS = {
    "one labeler": {"text": "Small effusion .", "entities": {"1": ENTITY}, "data_split": "train"},
    "two labelers": {"text": "Small effusion .", "labeler_1": {"entities": {"1": ENTITY}}},
    "another label": {"text": "Small effusion .", "entities": {"1": ENTITY | {"label": "X::y"}}},
    "no label": {"text": "Small effusion ."},
}


def write(path, documents, **options):
    path.write_text(json.dumps(documents, **options), "utf-8")
    return path


def test_only_the_text_of_a_document_is_read(tmp_path):
    found = read(write(tmp_path / "test.json", LAYOUTS))
    assert [study.study_id for study in found] == list(LAYOUTS)
    assert {study.report for study in found} == {"Small effusion ."}
    assert {study.archive for study in found} == {"radgraph"}
    assert [s.name for s in found[0].sections] == ["full report"]


def test_a_folder_and_a_list_of_objects(tmp_path):
    write(tmp_path / "a.json", {"p10/1.txt": {"text": "FINDINGS : Clear ."}})
    write(tmp_path / "b.json", [{"0": {"text": "One."}}, {"1": {"text": "é."}}, {}], indent=1)
    (tmp_path / "._a.json").write_bytes(b"of a Mac")
    (tmp_path / "notes.txt").write_text("no report")
    found = read(tmp_path)
    assert [(s.study_id, s.report) for s in found] == [
        ("p10/1.txt", "FINDINGS : Clear ."),
        ("0", "One."),
        ("1", "é."),
    ]
    assert [s.name for s in found[0].sections] == ["findings"]


def test_reports_that_radkg_exported_come_back_as_they_were(tmp_path):
    archive = open_archive("openi")
    studies = list(archive.read(archive.index().to_pylist()[:60]))
    documents = {
        row.study_id: to_document(row, study.report)
        for row, study in zip(load_extractor("rules")(studies), studies, strict=True)
    }
    assert any(d["radkg"]["inserted_blanks"] for d in documents.values())
    found = read(write(tmp_path / "radgraph.json", documents))
    assert {s.study_id: s.report for s in found} == {s.study_id: s.report for s in studies}


def test_one_wrong_document_is_one_failed_row(tmp_path):
    (tmp_path / "a.json").write_text(
        '{"a": {"text": "One."}, "a": {"text": "Two."}, "b": {"texts": "x"}, "c": [1],'
        ' "d": {"text": "\\ud800"}, "\\ud800": {"text": "x"}, "e": {"text": ""},'
        ' "f": {"text": "a b", "radkg": {"inserted_blanks": [0]}},'
        ' "g": {"text": "a b", "radkg": {"inserted_blanks": ["x"]}},'
        ' "h": {"text": "a b", "radkg": {"inserted_blanks": 1}}}'
    )
    found = read(tmp_path / "a.json")
    assert len(found) == 10
    assert [s.study_id for s in found if isinstance(s, Study)] == ["a", "e"]
    assert reasons(found) == {
        "a#2": "another report of the archive has the same id",
        "b": "the document has no text",
        "c": "the document has no text",
        "d": "its key or text is not UTF-8: export it again",
        "\\ud800": "its key or text is not UTF-8: export it again",
        "f": "its inserted_blanks are not those of its text",
        "g": "its inserted_blanks are not those of its text",
        "h": "its inserted_blanks are not those of its text",
    }


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b'{"a": {"text": "x"},\n "b": {"text', "line 2: Unterminated string"),
        (b'{"a": {"text": "x"}', "line 1: , is expected"),
        (b'{"a": {"text": "x"}\n 1', "line 2: , is expected"),
        (b'{"a": {"text": "x"}} x', "goes on behind its documents"),
        (b'{"a": {"text": "x"}, 1: 2}', "a key is expected"),
        (b'[{"a": {"text": "x"}}, 1]', "{ is expected"),
        (b'[{"a": {"text": "x"}}', ", is expected"),
        (b'{"a": {"text": "caf\xe9"}}', "not UTF-8 at byte 19"),
        (b'{"a": {"text": ' + b"[" * 100_000, "is no JSON: maximum recursion"),
        (b'{"a": {"text": "x", "n": ' + b"9" * 5_000 + b"}}", "is no JSON: Exceeds the limit"),
    ],
)
def test_a_damaged_file_is_an_error(tmp_path, data, message):
    (tmp_path / "a.json").write_bytes(data)
    with pytest.raises(ArchiveError, match=message):
        open_archive(str(tmp_path)).index()


@pytest.mark.parametrize(
    "data", [b"", b"[]", b"{}", b"[1]", b'{"a": 1}', b'"a"', b"null", b'{"a": {}}']
)
def test_other_json_is_not_taken_for_it(tmp_path, data):
    (tmp_path / "a.json").write_bytes(data)
    with pytest.raises(ArchiveError, match="does not begin with a document that has a text"):
        open_archive(str(tmp_path / "a.json"))


def test_a_file_that_changed_since_it_was_indexed(tmp_path):
    path = write(tmp_path / "a.json", LAYOUTS)
    archive = open_archive(str(path))
    assert isinstance(archive, RadGraphReports)
    records = archive.index().to_pylist()
    path.write_text(path.read_text().replace("Small", "Large"))
    with pytest.raises(ArchiveError, match="changed since it was indexed"):
        list(archive.read(records))


texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)


@settings(deadline=None, max_examples=50)
@given(
    st.dictionaries(texts, texts, min_size=1),
    st.sampled_from([None, 1]),
    st.booleans(),
    st.booleans(),
)
def test_what_was_written_is_read(tmp_path_factory, reports, indent, ascii_only, as_list):
    documents = {key: {"text": text, "entities": {}} for key, text in reports.items()}
    written = [{key: value} for key, value in documents.items()] if as_list else documents
    path = tmp_path_factory.mktemp("radgraph") / "a.json"
    found = read(write(path, written, indent=indent, ensure_ascii=ascii_only))
    assert {study.study_id: study.report for study in found} == reports
