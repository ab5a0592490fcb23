import gzip
import io
import os
import re
import subprocess
import sys
import tarfile
from collections import Counter
from datetime import date

import pytest

from radkg.archive import open_archive
from radkg.errors import ArchiveError
from radkg.schema.records import Study, Unreadable
from tests.support.archives.openi import make_studies, make_xml, write_tar, write_zip


def read(archive):
    return list(archive.read(archive.index().to_pylist()))


@pytest.fixture(scope="module")
def wheel():
    archive = open_archive("openi")
    return archive, archive.index().to_pylist()


def test_the_wheel_holds_the_collection(wheel):
    archive, records = wheel
    found = list(archive.read(records))
    assert len(found) == 3955
    assert all(isinstance(study, Study) for study in found)
    assert len({study.study_id for study in found}) == 3955
    assert Counter(len(s.images) for s in found) == {2: 3208, 1: 446, 3: 181, 0: 104, 4: 15, 5: 1}
    sections = Counter(section.name for study in found for section in study.sections)
    assert sections == {
        "comparison": 3333,
        "indication": 3865,
        "findings": 3425,
        "impression": 3921,
    }
    one = next(study for study in found if study.study_id == "CXR1")
    assert one.study_date == date(2012, 2, 29)
    assert one.subject_id == "1"
    for section in one.sections:
        line = one.report[: section.start].rpartition("\n")[2]
        assert line == section.name.upper() + ": "


def test_the_split_is_by_text(wheel):
    archive, records = wheel
    texts = {}
    for study in archive.read(records):
        text = " ".join(study.report[s.start : s.end] for s in study.sections[-2:])
        texts.setdefault(study.split, set()).add(" ".join(text.lower().split()))
    assert not texts["test"] & texts["train"]
    split = Counter(record["split"] for record in records)
    assert split["train"] == 3955 - 771
    assert 500 < split["test"] < 771 - 170


def test_codes_of_the_wheel(wheel):
    archive, records = wheel
    codes = archive.read_codes(records)
    assert sum(map(len, codes.values())) == 8298
    assert sum(c == ["normal"] for c in codes.values()) == 1391


@pytest.mark.parametrize("mode", ["w:gz", "w", "zip"])
def test_tar_zip_and_directory_read_the_same(tmp_path, mode):
    members = make_studies(3)
    if mode == "zip":
        packed = write_zip(tmp_path / "a.zip", members)
    else:
        packed = write_tar(tmp_path / "a.tar", members, mode)
    found = read(open_archive(str(packed)))
    folder = tmp_path / "folder"
    folder.mkdir()
    for name, data in members.items():
        (folder / name.rpartition("/")[2]).write_bytes(data)
    assert found == read(open_archive(str(folder)))


def test_images_are_found_by_id_and_change_the_fingerprint(tmp_path):
    path = write_tar(tmp_path / "a.tgz", {"1.xml": make_xml(1, images=("CXR1_a", "CXR1_b"))})
    images = tmp_path / "images"
    images.mkdir()
    (images / "CXR1_a.jpg").write_bytes(b"one")
    (first,) = read(open_archive(str(path), str(images)))
    assert [i.location for i in first.images] == [str(images / "CXR1_a.jpg"), None]
    (images / "CXR1_a.jpg").write_bytes(b"two")
    (second,) = read(open_archive(str(path), str(images)))
    assert first.fingerprint != second.fingerprint
    assert first.report == second.report


def test_a_changed_report_changes_its_own_fingerprint_only(tmp_path):
    members = make_studies(3)
    before = read(open_archive(str(write_tar(tmp_path / "a.tgz", members))))
    members["ecgen-radiology/2.xml"] = make_xml(2, findings="Clear.")
    after = read(open_archive(str(write_tar(tmp_path / "b.tgz", members))))
    changed = [a.study_id for a, b in zip(before, after, strict=True) if a != b]
    assert changed == ["CXR2"]


BOMB = (
    b'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;">]>'
    b"<eCitation>&b;</eCitation>"
)
OUTSIDE = (
    b'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/hostname">]>'
    b"<eCitation>&a;</eCitation>"
)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (make_xml(1)[:150], "not well-formed"),
        (b"", "not well-formed"),
        (b"\x00\xff\xfe garbage", "not well-formed"),
        (BOMB, "forbidden XML"),
        (OUTSIDE, "forbidden XML"),
        (
            make_xml(1, findings="caf\u00e9", encoding="latin-1").replace(b"latin-1", b"utf-8"),
            "not well",
        ),
        (make_xml(1).replace(b"utf-8", b"klingon"), "not well-formed|cannot decode"),
        (b"<html><body/></html>", "root element 'html'"),
        (b"<eCitation>" + b"<a>" * 100_000, "not well-formed"),
    ],
)
def test_a_hostile_member_is_one_unreadable_study(tmp_path, data, reason):
    members = {"1.xml": make_xml(1), "2.xml": data, "3.xml": make_xml(3)}
    first, second, third = read(open_archive(str(write_tar(tmp_path / "a.tgz", members))))
    assert (first.study_id, third.study_id) == ("CXR1", "CXR3")
    assert isinstance(second, Unreadable)
    assert second.record["study_id"] == "CXR2"
    assert re.search(reason, second.reason)


def test_other_encodings_are_read(tmp_path):
    members = {
        "1.xml": make_xml(1, findings="caf\u00e9", encoding="latin-1"),
        "2.xml": make_xml(2, findings="caf\u00e9 \u2265 5 mm", encoding="utf-16"),
    }
    found = read(open_archive(str(write_tar(tmp_path / "a.tgz", members))))
    assert ["caf\u00e9" in study.report for study in found] == [True, True]


def test_sizes_from_nothing_to_too_much(tmp_path):
    members = {
        "1.xml": make_xml(1, findings="", impression=" "),
        "2.xml": make_xml(2, findings="effusion. " * 100_000),
        "3.xml": make_xml(3, findings="x" * (17 << 20)),
    }
    empty, big, huge = read(open_archive(str(write_tar(tmp_path / "a.tgz", members))))
    assert (empty.report, empty.sections) == ("", ())
    assert len(big.report) > 1_000_000
    assert "more than" in huge.reason


def test_two_studies_of_one_name_both_count(tmp_path):
    members = {"a/1.xml": make_xml(1), "b/1.xml": make_xml(1)}
    first, second = read(open_archive(str(write_tar(tmp_path / "a.tgz", members))))
    assert isinstance(first, Study)
    assert "same id" in second.reason


def test_a_truncated_archive_says_where(tmp_path):
    path = write_tar(tmp_path / "a.tgz", make_studies(500))
    path.write_bytes(path.read_bytes()[:-5000])
    with pytest.raises(ArchiveError, match=r"damaged after \d+ reports"):
        open_archive(str(path)).index()


def test_an_archive_that_changes_under_the_run_is_noticed(tmp_path):
    path = write_tar(tmp_path / "a.tar", make_studies(3), "w")
    archive = open_archive(str(path))
    records = archive.index().to_pylist()
    path.write_bytes(path.read_bytes()[:1000])
    with pytest.raises(ArchiveError, match="changed since it was indexed"):
        list(archive.read(records))


def test_an_archive_of_other_reports_is_noticed_even_at_equal_size(tmp_path):
    path = write_tar(tmp_path / "a.tar", {"1.xml": make_xml(1, findings="Small effusion.")}, "w")
    archive = open_archive(str(path))
    records = archive.index().to_pylist()
    write_tar(path, {"1.xml": make_xml(1, findings="Large effusion.")}, "w")
    with pytest.raises(ArchiveError, match=r"1\.xml .* changed since it was indexed"):
        list(archive.read(records))


def test_the_place_of_the_images_is_no_part_of_the_fingerprint(tmp_path):
    path = write_tar(tmp_path / "a.tgz", {"1.xml": make_xml(1, images=("CXR1_a",))})
    prints = set()
    for name in ("here", "there"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "CXR1_a.jpg").write_bytes(b"one")
        (study,) = read(open_archive(str(path), str(tmp_path / name)))
        prints.add(study.fingerprint)
    assert len(prints) == 1


def test_links_and_repeated_members_of_a_tar_are_rows(tmp_path):
    with tarfile.open(tmp_path / "a.tar", "w") as tar:
        for _ in range(3):
            info = tarfile.TarInfo("1.xml")
            info.size = len(make_xml(1))
            tar.addfile(info, io.BytesIO(make_xml(1)))
        for number, kind in ((2, tarfile.LNKTYPE), (3, tarfile.SYMTYPE)):
            info = tarfile.TarInfo(f"{number}.XML")
            info.type, info.linkname = kind, "1.xml"
            tar.addfile(info)
    found = read(open_archive(str(tmp_path / "a.tar")))
    reasons = [item.reason for item in found if isinstance(item, Unreadable)]
    assert len(found) == 5
    assert len({i.record["study_id"] for i in found if isinstance(i, Unreadable)}) == 4
    assert sum("same id" in r for r in reasons) == 2
    assert sum("a link" in r for r in reasons) == 2


def test_odd_entries_of_a_directory_are_rows_and_hang_nothing(tmp_path):
    (tmp_path / "1.xml").write_bytes(make_xml(1))
    (tmp_path / "2.xml").symlink_to(tmp_path / "gone")
    (tmp_path / "3.xml").symlink_to(tmp_path / "3.xml")
    os.mkfifo(tmp_path / "4.xml")
    (tmp_path / os.fsdecode(b"5\xff.xml")).write_bytes(make_xml(5))
    (tmp_path / "6.xml").mkdir()
    found = {
        i.record["member"]: i.reason
        for i in read(open_archive(str(tmp_path)))
        if isinstance(i, Unreadable)
    }
    assert set(found) == {"2.xml", "3.xml", "4.xml", "5\\udcff.xml"}
    assert "No such file" in found["2.xml"]
    assert found["4.xml"] == "not a regular file"


def test_a_file_of_a_directory_is_read_as_it_is(tmp_path):
    (tmp_path / "1.xml").write_bytes(gzip.compress(make_xml(1)))
    (tmp_path / "2.xml").write_bytes(b"PK\x03\x04" + make_xml(2))
    assert ["not well-formed" in i.reason for i in read(open_archive(str(tmp_path)))] == [True] * 2


def test_a_directory_that_cannot_be_listed_is_an_error(tmp_path):
    """Root reads everything, so a lower user does it."""
    if os.geteuid() != 0:
        pytest.skip("needs root, to become another user")
    folder = tmp_path / "deep"
    folder.mkdir()
    (folder / "1.xml").write_bytes(make_xml(1))
    (folder / "closed").mkdir(mode=0o700)
    tmp_path.chmod(0o755)
    code = (
        "import os, sys\nfrom pathlib import Path\n"
        "from radkg.archive.files.members import list_members\n"
        "os.chdir(sys.argv[1]); os.setuid(65534)\n"
        "list(list_members(Path('.'), '.xml'))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(folder)], capture_output=True, text=True, check=False
    )
    assert "cannot read" in done.stderr
    assert "closed" in done.stderr
    assert "Permission denied" in done.stderr


@pytest.mark.parametrize("kind", ["bz2", "xz"])
def test_other_compressions_are_refused_as_such(tmp_path, kind):
    write_tar(tmp_path / "a.tar", make_studies(3), f"w:{kind}")
    with pytest.raises(ArchiveError, match="neither a tar"):
        open_archive(str(tmp_path / "a.tar"))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda p: None, "nothing is there: check the path"),
        (lambda p: p.write_bytes(b"hello"), "neither a tar"),
        (lambda p: p.mkdir(), "the directory is empty"),
        (lambda p: p.symlink_to(p), "symbolic links"),
        (os.mkfifo, "neither a tar"),
        (lambda p: write_zip(p, {"a.csv": b""}), "the zip holds no .xml"),
        (lambda p: p.write_bytes(b"PK\x03\x04" + bytes(99)), "a damaged zip"),
    ],
)
def test_what_is_no_archive_is_refused_with_the_reason(tmp_path, make, message):
    make(tmp_path / "x")
    with pytest.raises(ArchiveError, match=message):
        open_archive(str(tmp_path / "x"))


def test_a_missing_image_directory_is_named():
    with pytest.raises(ArchiveError, match="--images"):
        open_archive("openi", "/no/such/images")
