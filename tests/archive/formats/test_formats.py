"""Every archive is recognised by one format, and by no other."""

import pickle

import pytest

from radkg.archive import FORMATS, open_archive
from radkg.errors import ArchiveError
from tests.archive.formats import test_chexpert_plus, test_padchest, test_radgraph_json, test_table
from tests.support.archives.mimic import make_mimic
from tests.support.archives.openi import make_studies, write_tar, write_zip


def _open_i_folder(folder):
    for name, data in make_studies(2).items():
        (folder / name.rpartition("/")[2]).write_bytes(data)


def _text_folder(folder):
    (folder / "s1.txt").write_text("Clear lungs.")


def _radgraph_folder(folder):
    test_radgraph_json.write(folder / "a.json", test_radgraph_json.LAYOUTS)


PADCHEST_ROW = ("a.png", 0, 20140915, 11, 1, "PA", 7, "cort normal .", "")
WRITTEN = {  # what it is called: what writes it into a folder, and its name there
    "mimic-cxr tree": (lambda f: make_mimic(2).write_tree(f), ""),
    "mimic-cxr zip": (lambda f: make_mimic(2).write_zip(f), "mimic-cxr-reports.zip"),
    "chexpert-plus folder": (
        lambda f: test_chexpert_plus.write(
            f / test_chexpert_plus.FILE, [test_chexpert_plus.view()]
        ),
        "",
    ),
    "chexpert-plus": (
        lambda f: test_chexpert_plus.write(f / "a.csv", [test_chexpert_plus.view()]),
        "a.csv",
    ),
    "padchest folder": (lambda f: test_padchest.write(f / test_padchest.FILE, PADCHEST_ROW), ""),
    "padchest": (lambda f: test_padchest.write(f / "a.csv", PADCHEST_ROW), "a.csv"),
    "openi folder": (_open_i_folder, ""),
    "openi tar": (lambda f: write_tar(f / "a.tgz", make_studies(2)), "a.tgz"),
    "openi zip": (lambda f: write_zip(f / "a.zip", make_studies(2)), "a.zip"),
    "radgraph folder": (_radgraph_folder, ""),
    "radgraph": (_radgraph_folder, "a.json"),
    "reports": (_text_folder, ""),
} | {
    f"table {kind}": (lambda f, kind=kind: test_table.write(f / kind, test_table.ROWS), kind)
    for kind in test_table.KINDS
}


@pytest.mark.parametrize("called", WRITTEN)
def test_one_format_recognises_it(tmp_path, called):
    make, name = WRITTEN[called]
    make(tmp_path)
    uri = str(tmp_path / name)
    answers = [archive_format.recognise(uri, None) for archive_format in FORMATS]
    assert [a.name for a in answers if not isinstance(a, str)] == [called.split()[0]]
    archive = open_archive(uri)
    assert pickle.loads(pickle.dumps(archive)) == archive
    assert open_archive(archive.uri).index() == archive.index()


@pytest.mark.parametrize("name", ["openi", "padchest"])
def test_what_comes_in_the_wheel_has_a_name(name):
    assert open_archive(name).name == name
    assert open_archive(name).uri == name


def test_what_is_none_is_refused_in_one_line_that_names_each_format_once(tmp_path):
    (tmp_path / "a.csv").write_text("a,b\n1,2\n")
    for uri in (tmp_path, tmp_path / "a.csv", tmp_path / "gone", "/dev/null", "x" * 300):
        with pytest.raises(ArchiveError) as error:
            open_archive(str(uri))
        cause, known = str(error.value).split("(the formats are ")
        assert known.partition(":")[0].split(", ") == [f.name for f in FORMATS]
        assert cause.startswith(f"no archive at {str(uri)!r}: ")
        assert "\n" not in str(error.value)
