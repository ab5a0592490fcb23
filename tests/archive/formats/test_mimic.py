import gzip
import os
import pickle
import struct
import zipfile
from collections import Counter
from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from radkg.archive import open_archive
from radkg.archive.formats.mimic import MimicCXR
from radkg.archive.formats.openi import OpenI
from radkg.errors import ArchiveError
from radkg.schema.arrow import INDEX_SCHEMA
from radkg.schema.records import Study, Unreadable
from tests.support.archives.mimic import make_dicom_id, make_mimic, make_report
from tests.support.archives.openi import make_studies, make_xml, write_tar, write_zip

REPORTS = "mimic-cxr-reports.zip"
METADATA = "mimic-cxr-2.0.0-metadata.csv.gz"
SPLIT = "mimic-cxr-2.0.0-split.csv.gz"


def read(uri, images=None):
    archive = open_archive(str(uri), images and str(images))
    return list(archive.read(archive.index().to_pylist()))


def reasons(found):
    return {i.record["study_id"]: i.reason for i in found if isinstance(i, Unreadable)}


def test_a_study_with_everything(tmp_path):
    made = make_mimic(12)
    images = made.write_images(tmp_path / "images")
    found = read(made.write_zip(tmp_path / "reports"), images)
    assert len(found) == 12
    study = found[3]
    assert (study.study_id, study.archive) == ("50000003", "mimic-cxr")
    assert study.report.encode() == make_report(3)
    assert study.study_date == date(2180, 4, 4)
    assert {s.name for s in study.sections} >= {"findings", "impression", "indication"}
    folder = images / f"files/p10/p{study.subject_id}/s50000003"
    ids = sorted(make_dicom_id("50000003", k) for k in range(2))
    assert [i.image_id for i in study.images] == ids
    assert [i.location for i in study.images] == [str(folder / f"{i}.jpg") for i in ids]
    views = Counter(i.view_position for s in found for i in s.images)
    assert views[None]
    assert set(views) == {"AP", "PA", "LATERAL", "LL", None}
    assert {s.split for s in found} == {"train", "validate", "test"}
    by_subject = {}
    for s in found:
        by_subject.setdefault(s.subject_id, set()).add(s.split)
    assert all(len(splits) == 1 for splits in by_subject.values())


def test_tree_and_zip_read_the_same_from_wherever_they_are_named(tmp_path):
    made = make_mimic(6)
    tree, packed = made.write_tree(tmp_path / "tree"), made.write_zip(tmp_path / "zip")
    stored = made.write_zip(tmp_path / "stored", compression=zipfile.ZIP_STORED)
    expected = read(tree)
    assert all(isinstance(study, Study) for study in expected)
    for place in (tree / "files", packed, packed / REPORTS, stored):
        assert read(place) == expected
    assert open_archive(str(tree)).index().schema.equals(INDEX_SCHEMA)


def test_reports_alone_are_enough(tmp_path):
    made = make_mimic(3)
    made.tables = {}
    found = read(made.write_tree(tmp_path))
    assert [(s.study_date, s.split, s.images) for s in found] == [(None, None, ())] * 3


def test_tables_beside_the_images_count(tmp_path):
    made = make_mimic(3)
    images = made.write_images(tmp_path / "images")
    made.write_tables(images)
    made.tables = {}
    reports = made.write_zip(tmp_path / "reports")
    assert [s.study_date for s in read(reports)] == [None] * 3
    assert all(s.study_date and s.split for s in read(reports, images))
    assert read(reports, images) == read(reports, images / "files")


def test_tables_may_be_plain_and_in_any_order_of_columns(tmp_path):
    made = make_mimic(3)
    expected = read(made.write_zip(tmp_path / "a"))
    made.tables = {
        name.removesuffix(".gz"): [dict(reversed(row.items())) for row in rows]
        for name, rows in made.tables.items()
    }
    assert read(made.write_zip(tmp_path / "b")) == expected


def test_images_that_no_table_names_are_found(tmp_path):
    made = make_mimic(2)
    images = made.write_images(tmp_path / "images")
    made.tables = {}
    stem = next(iter(made.images)).rpartition("/")[0]
    both = images / "files" / stem
    extra = "0123abcd-0123abcd-0123abcd-0123abcd-0123abcd"
    (both / f"{extra}.dcm").write_bytes(b"")
    (both / f"{extra}.png").write_bytes(b"")
    (both / "index.html").write_bytes(b"")
    (both / "thumbnail.jpg").write_bytes(b"")
    (both / f"{extra[::-1]}.jpg").symlink_to("gone")
    (both / f"{extra.replace('a', 'b')}.jpg").mkdir()
    first, second = read(made.write_zip(tmp_path / "reports"), images)
    assert len(first.images) == 3
    assert first.images[0].location == str(both / f"{extra}.png")
    assert [i.view_position for i in second.images] == [None, None]


def test_images_of_the_tables_that_are_not_at_hand(tmp_path):
    made = make_mimic(2)
    made.images.popitem()
    images = made.write_images(tmp_path / "images")
    first, second = read(made.write_zip(tmp_path / "reports"), images)
    assert sum(i.location is None for i in first.images) == 0
    assert sum(i.location is None for i in second.images) == 1


def test_the_fingerprint_is_of_what_is_read_and_not_of_its_place(tmp_path):
    made = make_mimic(2)
    images = made.write_images(tmp_path / "images")
    reports = made.write_zip(tmp_path / "reports")
    prints = [read(reports, images)[0].fingerprint]
    assert prints == [read(reports, made.write_images(tmp_path / "again"))[0].fingerprint]
    other = read(reports, images)[1].fingerprint

    def changed():
        prints.append(read(made.write_zip(reports), images)[0].fingerprint)

    name = next(iter(made.reports))
    made.reports[name] += b" And more.\n"
    changed()
    made.tables[METADATA][0]["ViewPosition"] = "LATERAL"
    changed()
    made.tables[METADATA][0]["StudyDate"] = "21790101"
    changed()
    made.images[next(iter(made.images))] += b"larger"
    made.write_images(images)
    changed()
    (reports / "section-exceptions.csv").write_text(
        "study_id,section,start,end\n50000000,examination,,\n"
    )
    changed()
    assert len(set(prints)) == 6
    assert read(reports, images)[1].fingerprint == other


def test_texts_chosen_by_hand(tmp_path):
    made = make_mimic(4)
    (made.write_zip(tmp_path) / "section-exceptions.csv").write_text(
        "study_id,section,start,end\n50000000,examination,,\n50000001,,0,0\n50000002,history,,\n"
    )
    first, second, third, fourth = read(tmp_path)
    (section,) = first.sections
    assert first.report[section.start : section.end] == "CHEST (PA AND LAT)"
    assert [(s.start, s.end) for s in second.sections] == [(0, 0)]
    assert "names section 'history'" in third.reason
    assert len(fourth.sections) == 5


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ("study_id,section\n", "no column start, end"),
        ("study_id,section,start,end\n5,,1," + "9" * 5000, "line 2: neither a section"),
        ("study_id,section,start,end\n5,,x,\n", "line 2: neither a section nor start and end"),
    ],
)
def test_damaged_exceptions_are_an_error(tmp_path, data, message):
    (make_mimic(1).write_zip(tmp_path) / "section-exceptions.csv").write_text(data)
    with pytest.raises(ArchiveError, match=message):
        open_archive(str(tmp_path))


@settings(deadline=None, max_examples=25)
@given(
    st.sets(st.integers(0, 7), min_size=1),
    st.dictionaries(st.sampled_from(sorted(make_mimic(1).tables)), st.sets(st.integers(0, 7))),
    st.booleans(),
)
def test_every_study_counts_once(tmp_path_factory, reports, tables, as_tree):
    made = make_mimic(8, images_per_study=1)
    names = list(made.reports)
    made.reports = {names[i]: made.reports[names[i]] for i in sorted(reports)}
    made.tables = {
        table: [made.tables[table][i] for i in sorted(kept)]
        for table, kept in tables.items()
        if kept
    }
    folder = tmp_path_factory.mktemp("mimic")
    found = read(made.write_tree(folder) if as_tree else made.write_zip(folder))
    named = reports.union(*(kept for kept in tables.values()))
    ids = [i.study_id if isinstance(i, Study) else i.record["study_id"] for i in found]
    assert sorted(ids) == [str(50_000_000 + i) for i in sorted(named)]
    assert {i.study_id for i in found if isinstance(i, Study)} == {
        str(50_000_000 + i) for i in reports
    }


def test_reports_of_people_come_back_from_mimic_s_layout(tmp_path):
    """Open-i's, read from the wheel: their sections are known."""
    archive = open_archive("openi")
    written = list(archive.read(archive.index().to_pylist()[:400]))
    made = make_mimic(len(written))
    texts = {}
    for name, study in zip(made.reports, written, strict=True):
        parts = {s.name: study.report[s.start : s.end].strip() for s in study.sections}
        texts[name[-12:-4]] = parts
        made.reports[name] = "".join(
            [f"{'':33}FINAL REPORT\n", *(f" {n.upper()}:  {t}\n \n" for n, t in parts.items())]
        ).encode()
    for study in read(made.write_zip(tmp_path)):
        found = {s.name: study.report[s.start : s.end] for s in study.sections}
        assert found == texts[study.study_id] | {
            n: t for n, t in found.items() if n in ("preamble", "full report", "last_paragraph")
        }


def test_a_study_without_report_says_what_to_do(tmp_path):
    made = make_mimic(3)
    made.reports.popitem()
    (reason,) = reasons(read(made.write_zip(tmp_path))).values()
    assert reason == "no report, though cxr-record-list.csv.gz names it: fetch the reports again"


HOSTILE = {
    "p10/p10000032/s50000100.txt": (b"\xff\xfecaf\xe9", "not UTF-8 at byte 0"),
    "p10/p10000032/s50000101.txt": (bytes(17 << 20), "more than 16777216"),
    "p10/p10000032/note.txt": (b"a note", "its name is not such as"),
    "p10/p10000032/s5000.txt": (b"short", "its name is not such as"),
    "s50000102.txt": (make_report(1), "its name is not such as"),
}


@pytest.mark.parametrize("kind", ["tree", "zip"])
def test_a_hostile_report_is_one_unreadable_study(tmp_path, kind):
    made = make_mimic(2)
    made.reports |= {name: data for name, (data, _) in HOSTILE.items()}
    made.reports |= {"p10/p10000032/s50000200.txt": b"", "p10/p10000032/s50000201.txt": b" \n \n"}
    made.reports |= {"LICENSE.txt": b"no report", "p10/p10000032/._s50000000.txt": b"of a Mac"}
    found = read(getattr(made, f"write_{kind}")(tmp_path))
    assert len(found) == 2 + len(HOSTILE) + 2
    for name, (_, reason) in HOSTILE.items():
        stem = name.removesuffix(".txt")[-8:]
        (told,) = (r for i, r in reasons(found).items() if i.removesuffix(".txt").endswith(stem))
        assert reason in told
    empty = [s for s in found if isinstance(s, Study) and s.study_id >= "50000200"]
    assert [s.report for s in empty] == ["", " \n \n"]
    assert all(s.start == s.end for study in empty for s in study.sections)


def test_odd_entries_of_a_tree_are_rows_and_hang_nothing(tmp_path):
    made = make_mimic(1)
    tree = made.write_tree(tmp_path)
    folder = (tree / "files" / next(iter(made.reports))).parent
    (folder / "s50000001.txt").symlink_to("gone")
    os.mkfifo(folder / "s50000002.txt")
    (folder / os.fsdecode(b"s5000000\xff.txt")).write_bytes(make_report(1))
    (folder / "s50000003.txt").mkdir()
    found = reasons(read(tree))
    assert len(found) == 3
    assert "No such file" in found["50000001"]
    assert found["50000002"] == "not a regular file"
    assert "its name is not UTF-8: rename it" in found.values()


def test_hostile_members_of_a_zip_are_rows(tmp_path):
    names = [f"files/p10/p10000032/s5000000{i}.txt" for i in range(4)]
    path = write_zip(tmp_path / "a.zip", {name: make_report(1) for name in names})
    write_zip(tmp_path / "b.zip", {names[0]: bytes(1 << 20)})
    data = bytearray(path.read_bytes())
    entries = [i for i in range(len(data)) if data[i : i + 4] == b"PK\x01\x02"]
    struct.pack_into("<H", data, entries[0] + 8, 1)  # encrypted
    struct.pack_into("<I", data, entries[1] + 24, 10)  # longer than it says
    struct.pack_into("<I", data, entries[2] + 20, 1 << 20)  # over its neighbour
    path.write_bytes(data)
    found = reasons(read(path))
    assert len(found) == 3
    assert "encrypted" in found["50000000"]
    assert "holds more than the 10 bytes" in found["50000001"]
    assert "overlaps another member" in found["50000002"]


def test_paths_out_of_the_zip_are_names(tmp_path):
    names = ["../../p10/p10000032/s50000000.txt", "/p10/p10000032/s50000001.txt"]
    path = write_zip(tmp_path / "a.zip", {name: make_report(1) for name in names})
    assert [s.study_id for s in read(path)] == ["50000000", "50000001"]
    assert [p.name for p in tmp_path.iterdir()] == ["a.zip"]


def test_two_reports_of_one_study_both_count(tmp_path):
    made = make_mimic(2)
    name = next(iter(made.reports))
    made.reports |= {f"again/{name}": make_report(7), "p10/p10009999/s50000001.txt": make_report(8)}
    found = read(made.write_zip(tmp_path))
    assert [isinstance(i, Study) for i in found] == [True, True, False, False]
    assert all("same id" in reason for reason in reasons(found).values())
    assert set(reasons(found)) == {"50000000#2", "50000001#2"}


def test_a_report_under_another_patient_is_refused(tmp_path):
    made = make_mimic(1)
    made.tables = {"cxr-study-list.csv": [{"subject_id": "10009999", "study_id": "50000000"}]}
    (reason,) = reasons(read(made.write_zip(tmp_path))).values()
    assert reason == "cxr-study-list.csv gives it to another patient"


@pytest.mark.parametrize(
    ("table", "data", "message"),
    [
        (METADATA, gzip.compress(b"dicom_id,study_id\n"), "no column subject_id, ViewPosition"),
        (METADATA, b"not gzip", "cannot read .*metadata"),
        (METADATA, gzip.compress(b"a,b\n" * 99)[:-9], "damaged"),
        (SPLIT, gzip.compress(b""), "line 1: no column"),
        (SPLIT, gzip.compress(b"\xff\x00garbage"), "damaged"),
        ("cxr-study-list.csv", b"subject_id,study_id\n1\n", "line 2: 1 columns instead of 2"),
        ("cxr-study-list.csv", b"subject_id,study_id\nx,../../etc\n", r"no ids: '../../etc', 'x'"),
        ("cxr-record-list.csv", b"subject_id,study_id,dicom_id\n1,2,\n", "line 2: no dicom_id"),
        ("cxr-study-list.csv", b"subject_id,study_id\n1," + b"9" * 5000, "no ids"),
        ("cxr-study-list.csv", b'subject_id,study_id\n1,"2\n' + b"3" * 200_000, "damaged"),
        ("cxr-study-list.csv", b"subject_id,study_id\n1,2\n3,2\n", "study 2 is of 1 elsewhere"),
        (
            "mimic-cxr-2.0.0-split.csv",
            b"dicom_id,study_id,subject_id,split\na,2,1,train\nb,2,1,test\n",
            "study 2 is in train and test",
        ),
    ],
)
def test_a_damaged_table_is_an_error_with_its_line(tmp_path, table, data, message):
    made = make_mimic(1)
    made.tables = {}
    (made.write_zip(tmp_path) / table).write_bytes(data)
    with pytest.raises(ArchiveError, match=message):
        open_archive(str(tmp_path)).index()


def test_dates_that_are_none_are_unknown_and_the_earliest_counts(tmp_path):
    made = make_mimic(2)
    days = ["", "21800230", "21800305", "21800304"]
    for row, day in zip(made.tables[METADATA], days, strict=True):
        row["StudyDate"] = day
    assert [s.study_date for s in read(made.write_zip(tmp_path))] == [None, date(2180, 3, 4)]


def test_an_archive_travels(tmp_path):
    made = make_mimic(3)
    archive = open_archive(str(made.write_zip(tmp_path)))
    records = archive.index().to_pylist()
    there = pickle.loads(pickle.dumps(archive))
    assert there == archive
    assert list(there.read(records[::-1])) == list(archive.read(records))[::-1]


@pytest.mark.parametrize("kind", ["tree", "zip"])
def test_a_report_that_changes_under_the_run_is_noticed(tmp_path, kind):
    made = make_mimic(2)
    write = getattr(made, f"write_{kind}")
    archive = open_archive(str(write(tmp_path)))
    records = archive.index().to_pylist()
    name = next(iter(made.reports))
    made.reports[name] = made.reports[name].replace(b"FINAL", b"OTHER")
    write(tmp_path)
    with pytest.raises(ArchiveError, match=r"s50000000\.txt of .* changed since it was indexed"):
        list(archive.read(records))


def test_a_zip_that_is_cut_off_is_damaged(tmp_path):
    path = make_mimic(50).write_zip(tmp_path) / REPORTS
    path.write_bytes(path.read_bytes()[:-500])
    for place in (path, tmp_path):
        with pytest.raises(ArchiveError, match=r"a damaged zip: .*: fetch the archive again"):
            open_archive(str(place)).index()


def test_each_archive_is_recognised_as_its_own(tmp_path):
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
    (tmp_path / "a/1.xml").write_bytes(make_xml(1))
    openi = [
        tmp_path / "a",
        write_tar(tmp_path / "b/a.tgz", make_studies(1)),
        write_zip(tmp_path / "b/a.zip", make_studies(1)),
        "openi",
    ]
    assert {type(open_archive(str(place))) for place in openi} == {OpenI}
    assert isinstance(open_archive(str(make_mimic(1).write_zip(tmp_path / "c"))), MimicCXR)


def make_other_folder(path):
    path.mkdir()
    (path / "notes.md").write_text("no report")


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (make_other_folder, "neither mimic-cxr-reports.zip nor reports such as p10/p10000032/s5"),
        (lambda p: write_zip(p, {"a.txt": b""}), "the zip holds no report such as p10/p10000032"),
        (lambda p: p.write_bytes(b"text"), "not mimic-cxr: neither a zip nor a directory"),
        (lambda p: None, "nothing is there: check the path"),
    ],
)
def test_what_is_no_archive_is_refused_with_the_reason(tmp_path, make, message):
    make(tmp_path / "x")
    with pytest.raises(ArchiveError, match=message):
        open_archive(str(tmp_path / "x"))


def test_images_in_no_tree_are_refused(tmp_path):
    reports = make_mimic(1).write_zip(tmp_path / "reports")
    (tmp_path / "images").mkdir()
    with pytest.raises(ArchiveError, match=r"s50414267/<dicom_id>\.jpg in .*: check --images"):
        open_archive(str(reports), str(tmp_path / "images"))
    with pytest.raises(ArchiveError, match=r"no directory of images at .*: check --images"):
        open_archive(str(reports), str(tmp_path / "gone"))
