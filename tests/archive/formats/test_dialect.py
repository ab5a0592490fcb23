import gzip

import pytest

from radkg.archive import open_archive
from radkg.errors import ArchiveError
from radkg.schema.records import Study
from tests.archive.formats.test_table import read, reasons

TEXT = 'No effusion; "clear", \u0a0a\nand a line break.'  # U+0A0A holds the byte of a line break
ROWS = {"s1": TEXT, "s2": "", "s3": "Large effusion."}


def make_table(separator=",", end="\r\n", header="study_id{}report"):
    doubled = {name: text.replace('"', '""') for name, text in ROWS.items()}
    quoted = [f'{name}{separator}"{text}"' for name, text in doubled.items()]
    return end.join([header.format(separator), *quoted, ""])


WRITTEN = {
    "comma": make_table().encode(),
    "semicolon": make_table(";").encode(),
    "tab": make_table("\t").encode(),
    "bar": make_table("|").encode(),
    "blank lines": make_table(end="\n\n").encode(),
    "mark": make_table(";").encode("utf-8-sig"),
    "told": b"sep=;\r\n" + make_table(";").encode(),
    "told in quotes": b'"sep=,"\n' + make_table(",").encode(),
    "told, and a mark": b"\xef\xbb\xbfsep=\t\n" + make_table("\t").encode(),
    "told a colon": b"SEP=:\n" + make_table(":").encode(),
    "told wrong": b"sep=;\n" + make_table(",").encode(),
    "utf-16": make_table("\t").encode("utf-16"),
    "utf-16-be": make_table("\t").encode("utf-16-be").join([b"\xfe\xff", b""]),
    "utf-16 told": ("sep=;\n" + make_table(";")).encode("utf-16"),
    "utf-16 without a last line end": make_table(end="\n").rstrip().encode("utf-16"),
    "names in capitals": make_table(header="STUDY_ID{}Report").encode(),
    "names in words": make_table(header='"Study ID"{} REPORT ').encode(),
    "columns behind": make_table(header="study_id{0}report{0}{0}").replace('"\r', '",,\r').encode(),
    "cells behind": make_table().replace('"\r', '",,\r').encode(),
}


@pytest.mark.parametrize("zipped", [False, True])
@pytest.mark.parametrize("how", WRITTEN)
@pytest.mark.parametrize("name", ["a.csv", "a.tsv"])
def test_a_table_is_read_however_it_is_written(tmp_path, name, how, zipped):
    path = tmp_path / (f"{name}.gz" if zipped else name)
    path.write_bytes(gzip.compress(WRITTEN[how]) if zipped else WRITTEN[how])
    found = read(path)
    assert {study.study_id: study.report for study in found} == ROWS
    archive = open_archive(str(path))
    records = archive.index().to_pylist()
    assert [study.report for study in archive.read(reversed(records))] == list(ROWS.values())[::-1]


@pytest.mark.parametrize(
    ("data", "cause"),
    [
        (make_table().encode("utf-16-le"), "NUL bytes in its first line, as UTF-16"),
        (make_table().encode("utf-32"), "is encoded as UTF-32: save it as UTF-8"),
        (make_table(end="\r").encode(), "line 1: its lines end with CR alone"),
        (make_table("/").encode(), "no column study_id and report; its header is one column"),
        (b"study;text\n1;2\n", "no column study_id and report"),
        (b"Study,Reports\n1,2\n", "it has reports, study: rename it"),
        (b"study_id,report,Report\n1,2,3\n", "the table has two columns report: remove one"),
        (b"", "line 1: the table is empty"),
        (b"sep=;\n", "line 2: the table is empty"),
    ],
)
def test_a_table_that_is_refused_names_its_cause_first(tmp_path, data, cause):
    (tmp_path / "a.csv").write_bytes(data)
    with pytest.raises(ArchiveError) as refused:
        open_archive(str(tmp_path / "a.csv"))
    told, formats = str(refused.value).split("(the formats are")
    assert cause in told
    assert "openi" not in told
    assert "openi" in formats


def test_a_place_that_is_no_archive_names_its_cause_first(tmp_path):
    (tmp_path / "a.xlsx").write_bytes(b"PK\3\4")
    (tmp_path / "a.doc").write_bytes(b"x")
    (tmp_path / "none").mkdir()
    (tmp_path / "a.json").write_text('["no document"]')
    causes = {
        "a.xlsx": "save the sheet as CSV UTF-8",
        "a.doc": "no format reads this .doc file",
        "none": "the directory is empty",
        "gone.csv": "nothing is there",
        "a.json": "does not begin with a document",
    }
    for name, cause in causes.items():
        place = str(tmp_path / name)
        with pytest.raises(ArchiveError) as refused:
            open_archive(place)
        assert str(refused.value).startswith(f"no archive at {place!r}: ")
        assert cause in str(refused.value).removeprefix(f"no archive at {place!r}: ")[:80]


def test_utf16_that_is_cut_off_is_an_error_with_its_line(tmp_path):
    (tmp_path / "a.csv").write_bytes(WRITTEN["utf-16"][:-1])
    with pytest.raises(ArchiveError, match="line 5: it is cut off, or not encoded as utf-16"):
        open_archive(str(tmp_path / "a.csv")).index()


def test_text_behind_the_last_named_column_is_a_failed_row(tmp_path):
    (tmp_path / "a.csv").write_bytes(b",study_id,report,\n0,s1,x,\n1,s2,small, left effusion\n")
    first, second = read(tmp_path / "a.csv")
    assert isinstance(first, Study)  # the column before is the index that pandas writes
    assert "text behind the last column with a name" in reasons([second])["s2"]


def test_json_lines_say_what_is_wrong_and_may_leave_keys_out(tmp_path):
    path = tmp_path / "a.jsonl"
    causes = {
        '{"study_id": "1", "report": "x", "report": "y"}': "a key stands twice",
        '[{"study_id": "1", "report": "x"}]': "write one object a line",
    }
    for text, cause in causes.items():
        path.write_text(text)
        with pytest.raises(ArchiveError, match=cause):
            open_archive(str(path))
    path.write_bytes('{"study_id": "1", "report": "x"}'.encode("utf-16"))
    with pytest.raises(ArchiveError, match="encoded as UTF-16-LE: save it as UTF-8"):
        open_archive(str(path))
    lines = ['{"study_id": 1}', '{"STUDY_ID": 2, "Report": "x"}', '{"study_id": 3, "age": [5]}']
    path.write_text("\n".join(lines))
    found = read(path)
    assert [study.report for study in found[:2]] == ["", "x"]
    assert reasons(found) == {"3": "age is a list and no text: give one value"}
