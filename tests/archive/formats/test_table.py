import csv
import gzip
import io
import json
import pickle
from datetime import date

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from radkg.archive import open_archive
from radkg.archive.formats.folder import ReportFolder
from radkg.archive.formats.openi import OpenI
from radkg.archive.formats.section_names import is_text
from radkg.archive.formats.table import ReportTable
from radkg.errors import ArchiveError
from radkg.schema.arrow import INDEX_SCHEMA
from radkg.schema.records import Study, Unreadable
from tests.support.archives.openi import make_studies

REPORT = "FINDINGS: Small left effusion.\nHeart size is normal.\n\nIMPRESSION: Small effusion."
ROWS = [
    {"study_id": "s1", "report": REPORT, "subject_id": "p1", "study_date": "2020-01-31"}
    | {"split": "valid", "images": "a/1.png;a/2.png", "other": "x"},
    {"study_id": "s2", "report": 'He said "clear", twice.\r\nNo effusion.', "subject_id": "p1"}
    | {"study_date": "", "split": "", "images": "", "other": "x"},
    {"study_id": "s3", "report": "", "subject_id": "", "study_date": "20200201"}
    | {"split": "train", "images": "../secret.png", "other": ""},
]
KINDS = ("a.csv", "a.tsv", "a.csv.gz", "a.jsonl", "a.ndjson.gz", "a.parquet")


def write(path, rows):
    suffix = path.name.removesuffix(".gz").rpartition(".")[2]
    if suffix == "parquet":
        pq.write_table(pa.Table.from_pylist(rows), path, row_group_size=2)
        return path
    if suffix in ("jsonl", "ndjson"):
        text = "".join(json.dumps(row) + "\n" for row in rows)
    else:
        file = io.StringIO()
        table = csv.DictWriter(file, list(rows[0]), delimiter="\t" if suffix == "tsv" else ",")
        table.writeheader()
        table.writerows(rows)
        text = file.getvalue()
    data = text.encode()
    path.write_bytes(gzip.compress(data) if path.suffix == ".gz" else data)
    return path


def read(uri, images=None):
    archive = open_archive(str(uri), images and str(images))
    index = archive.index()
    assert index.schema.equals(INDEX_SCHEMA)
    return list(pickle.loads(pickle.dumps(archive)).read(index.to_pylist()))


def reasons(found):
    return {i.record["study_id"]: i.reason for i in found if isinstance(i, Unreadable)}


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_table_reads_the_same(tmp_path, kind):
    (tmp_path / "images/a").mkdir(parents=True)
    (tmp_path / "images/a/2.png").write_bytes(b"no image")
    (tmp_path / "secret.png").write_bytes(b"not below the images")
    first, second, third = read(write(tmp_path / kind, ROWS), tmp_path / "images")
    assert (first.study_id, first.subject_id, first.archive) == ("s1", "p1", "table")
    assert (first.study_date, first.split) == (date(2020, 1, 31), "validate")
    assert first.report == REPORT
    assert {s.name: REPORT[s.start : s.end] for s in first.sections} == {
        "findings": "Small left effusion.\nHeart size is normal.",
        "impression": "Small effusion.",
    }
    assert [(i.image_id, i.location) for i in first.images] == [
        ("a/1.png", None),
        ("a/2.png", str(tmp_path / "images/a/2.png")),
    ]
    assert (second.report, second.split) == (ROWS[1]["report"], None)
    assert [s.name for s in second.sections] == ["full report"]
    assert (third.subject_id, third.study_date) == ("s3", date(2020, 2, 1))
    assert third.sections == ()
    assert third.images[0].location is None


@pytest.mark.parametrize("kind", KINDS)
def test_age_sex_and_view_positions_are_read_where_they_are_given(tmp_path, kind):
    told = {"age": "93", "sex": "F", "images": "a.png; b.png", "view_position": "PA;LATERAL"}
    none = dict.fromkeys(told, "")
    rows = [{"study_id": f"s{i}", "report": REPORT} | none for i in range(5)]
    rows[0] |= told
    rows[1] |= {"age": "54", "sex": "not told"}
    rows[2] |= {"age": "fifty"}
    rows[3] |= told | {"view_position": "PA"}
    first, second, *_, last = found = read(write(tmp_path / kind, rows))
    assert (first.age, first.sex) == (90, "female")
    assert [(i.image_id, i.view_position) for i in first.images] == [
        *(("a.png", "PA"), ("b.png", "LATERAL"))
    ]
    assert (second.age, second.sex) == (54, None)
    assert (last.age, last.sex, last.view_positions) == (None, None, ())
    assert reasons(found) == {
        "s2": "age is no number of years such as 54",
        "s3": "1 view positions for 2 images: give one for each",
    }


def test_two_columns_are_enough_and_a_mark_of_byte_order_is_no_name(tmp_path):
    (tmp_path / "a.csv").write_bytes(b"\xef\xbb\xbfstudy_id, report\ns1,Clear lungs.\n\n")
    (study,) = read(tmp_path / "a.csv")
    assert (study.subject_id, study.report, study.images) == ("s1", "Clear lungs.", ())


def test_typed_values_of_parquet_and_json(tmp_path):
    row = {"study_id": 7, "report": "Clear.", "study_date": date(2020, 1, 2), "images": ["x", "y"]}
    (study,) = read(write(tmp_path / "a.parquet", [row]))
    assert (study.study_id, study.study_date) == ("7", date(2020, 1, 2))
    assert [i.image_id for i in study.images] == ["x", "y"]
    image = {"image": {"bytes": b"no image", "path": "x.png"}}
    (study,) = read(write(tmp_path / "b.parquet", [row | image | {"images": None}]))
    assert study.images == ()
    write(tmp_path / "c.parquet", [{"study_id": "1", "report": {"text": "Clear."}}])
    with pytest.raises(ArchiveError, match="the column report holds objects"):
        open_archive(str(tmp_path / "c.parquet"))
    (tmp_path / "a.jsonl").write_text(
        '{"study_id": 7, "report": {"x": 1}}\n{"study_id": 8}\n'
        '{"study_id": {"x": 9}, "report": "Clear."}\n'
    )
    found = read(tmp_path / "a.jsonl")
    assert reasons(found) == {
        "7": "its report is no text",
        "line 3": "study_id is an object and no text: give one value",
    }
    assert (found[1].study_id, found[1].report) == ("8", "")


@pytest.mark.parametrize("kind", KINDS)
def test_one_wrong_study_is_one_failed_row(tmp_path, kind):
    rows = [ROWS[0], ROWS[0] | {"subject_id": "p9"}, ROWS[1] | {"study_id": ""}]
    rows += [ROWS[2] | {"study_date": "last May"}, ROWS[0] | {"study_id": "s4"}]
    found = read(write(tmp_path / kind, rows))
    assert len(found) == 4
    said = reasons(found)
    assert said["s1"] == "its rows differ in subject_id: correct the table"
    assert said["s3"] == "study_date is no date such as 2020-01-31"
    assert "it has no study_id" in said.values()
    assert len(said) == 3


def test_a_report_that_is_not_utf8_is_one_failed_row(tmp_path):
    (tmp_path / "a.csv").write_bytes(b"study_id,report\n1,caf\xe9\n2,Clear.\n")
    (tmp_path / "b.jsonl").write_bytes(
        b'{"study_id": "1", "report": "\\ud800"}\n{"study_id": "2", "report": "Clear."}\n'
    )
    for name in ("a.csv", "b.jsonl"):
        found = read(tmp_path / name)
        assert reasons(found) == {"1": "its report is not UTF-8: save the table as UTF-8"}
        assert found[1].report == "Clear."


@pytest.mark.parametrize(
    ("name", "data", "message"),
    [
        ("a.csv", b"study_id,report\n1,x\n\n2,x,y\n", "line 4: 3 columns instead of 2"),
        ("a.csv", b"study_id,report\n1,x\n2\n", "line 3: 1 columns instead of 2"),
        ("a.csv", b'study_id,report\n1,x\n2,"never\nclosed\n', "line 3: unexpected end of data"),
        ("a.csv", b'study_id,report\n1,"x"y\n', "line 2: "),
        ("a.csv", b"study_id,report\n1,x\n\xff,x\n", "line 3: not UTF-8"),
        ("a.csv", b"study_id,report\n", "holds no study"),
        ("a.csv", b"study_id,report\n1," + b"x" * 140_000, "line 2: field larger"),
        ("a.csv.gz", gzip.compress(b"study_id,report\n" + bytes(range(256)) * 999)[:-20], "line"),
        ("a.jsonl", b'{"study_id": "1", "report": ""}\n{"study', "line 2: no JSON"),
        ("a.jsonl", b'{"study_id": "1", "report": ""}\n\n[1]\n', "line 3: no JSON object"),
        ("a.jsonl", b'{"study_id": "1", "report": ""}\n' + b"[" * 100_000, "line 2: no JSON"),
    ],
)
def test_a_damaged_table_is_an_error_that_names_the_line(tmp_path, name, data, message):
    (tmp_path / name).write_bytes(data)
    archive = open_archive(str(tmp_path / name))
    assert isinstance(archive, ReportTable)
    with pytest.raises(ArchiveError, match=message):
        archive.index()


@pytest.mark.parametrize(
    ("name", "data", "message"),
    [
        ("a.csv", b"", "line 1: the table is empty"),
        ("a.csv", b"id,text\n1,x\n", "no column study_id and report"),
        ("a.csv", b"study_id,report,report\n1,x,y\n", "two columns report"),
        ("a.jsonl", b"study_id,report\n", "line 1: no JSON"),
        ("a.parquet", b"PAR1 no more", "no Parquet file"),
        ("a.csv", "study_id,report\n1,x\n".encode("utf-32"), "encoded as UTF-32: save it as UTF-8"),
        ("a.doc", b"study_id,report\n", "by its name"),
    ],
)
def test_what_is_no_table_of_reports_is_refused(tmp_path, name, data, message):
    (tmp_path / name).write_bytes(data)
    with pytest.raises(ArchiveError, match=message):
        open_archive(str(tmp_path / name))


def test_a_damaged_parquet_is_an_error(tmp_path):
    path = write(tmp_path / "a.parquet", [ROWS[0] | {"study_id": str(i)} for i in range(50)])
    data = bytearray(path.read_bytes())
    data[4:200] = bytes(196)
    path.write_bytes(data)
    with pytest.raises(ArchiveError, match="damaged after row 0"):
        open_archive(str(path)).index()


@pytest.mark.parametrize("kind", KINDS)
def test_a_table_that_changed_since_it_was_indexed(tmp_path, kind):
    archive = open_archive(str(write(tmp_path / kind, ROWS)))
    records = archive.index().to_pylist()
    write(tmp_path / kind, [ROWS[0] | {"report": REPORT.replace("left", "LEFT")}, *ROWS[1:]])
    with pytest.raises(ArchiveError, match="changed since it was indexed"):
        list(archive.read(records))
    (tmp_path / kind).unlink()
    with pytest.raises(ArchiveError, match="cannot read"):
        list(archive.read(records))


def test_the_fingerprint_is_of_what_is_read(tmp_path):
    def prints(rows):
        return [study.fingerprint for study in read(write(tmp_path / "a.csv", rows))]

    rows = [row | {"age": "54", "sex": "M"} for row in ROWS]
    for change in ({"age": "55"}, {"sex": "F"}):
        assert prints([rows[0] | change, *rows[1:]])[0] != prints(rows)[0]
    before = prints(ROWS)
    assert prints([ROWS[0] | {"other": "y"}, *ROWS[1:]]) == before
    assert prints([ROWS[2], ROWS[1], ROWS[0]]) == before[::-1]
    for change in ({"report": "x"}, {"subject_id": "p9"}, {"study_date": "2021-01-01"}):
        assert prints([ROWS[0] | change, *ROWS[1:]])[0] != before[0]


texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)


@settings(deadline=None, max_examples=50)
@given(st.lists(st.tuples(st.text("ab#12", min_size=1, max_size=3), texts), min_size=1))
@example([("1", "NA"), ("1", "Clear.")])
def test_every_id_is_one_study_and_its_report_is_its_cells(tmp_path_factory, rows):
    folder = tmp_path_factory.mktemp("table")
    written = [{"study_id": name, "report": text.replace("\r", "")} for name, text in rows]
    for kind in ("a.csv", "a.jsonl", "a.parquet"):
        found = read(write(folder / kind, written))
        cells = {}
        for row in written:
            texts = cells.setdefault(row["study_id"], {})
            if row["report"].strip() and is_text(row["report"]):  # "NA" of another program is none
                texts[row["report"]] = None
        assert [study.study_id for study in found] == list(cells)
        for study, texts in zip(found, cells.values(), strict=True):
            assert study.report.strip() == "\n\n".join(texts).strip()


def test_records_may_be_read_in_any_order(tmp_path):
    rows = [{"study_id": str(i), "report": f"Rib {i}\nis intact."} for i in range(9)]
    for kind in KINDS:
        archive = open_archive(str(write(tmp_path / kind, rows)))
        records = archive.index().to_pylist()
        found = [study.report for study in archive.read(reversed(records))]
        assert found == [row["report"] for row in reversed(rows)]


def test_a_folder_of_text_files(tmp_path):
    (tmp_path / "s1.txt").write_text(REPORT)
    (tmp_path / "s2.TXT").write_bytes(b"\xef\xbb\xbfClear lungs.")
    (tmp_path / "s2.txt").write_text("The same name.")
    (tmp_path / "s3.txt").write_bytes(b"caf\xe9")
    (tmp_path / "s4.txt").write_text("")
    (tmp_path / "s5.txt").mkdir()
    (tmp_path / "._s1.txt").write_text("of a Mac")
    (tmp_path / "notes.md").write_text("no report")
    (tmp_path / "below").mkdir()
    (tmp_path / "below/s6.txt").write_text("no report")
    found = read(tmp_path)
    assert isinstance(open_archive(str(tmp_path)), ReportFolder)
    readable = {study.study_id: study for study in found if isinstance(study, Study)}
    assert {name: study.report for name, study in readable.items()} == {
        "s1": REPORT,
        "s2": "Clear lungs.",
        "s4": "",
    }
    assert [s.name for s in readable["s1"].sections] == ["findings", "impression"]
    assert reasons(found) == {
        "s2.txt": "another report of the archive has the same id",
        "s3": "not UTF-8 at byte 3: save it as UTF-8",
    }


def test_a_folder_of_open_i_with_a_note_in_it_is_open_i(tmp_path):
    for name, data in make_studies(2).items():
        (tmp_path / name.rpartition("/")[2]).write_bytes(data)
    (tmp_path / "README.txt").write_text("a note")
    assert isinstance(open_archive(str(tmp_path)), OpenI)


def test_images_that_nothing_names_are_refused(tmp_path):
    (tmp_path / "s1.txt").write_text("Clear.")
    with pytest.raises(ArchiveError, match="names no images"):
        open_archive(str(tmp_path), str(tmp_path))
    with pytest.raises(ArchiveError, match="no directory of images"):
        open_archive(str(write(tmp_path / "a.csv", ROWS)), str(tmp_path / "gone"))
