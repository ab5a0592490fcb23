import struct
import zipfile

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from radkg.archive.files.members import digest, list_members, read_member
from radkg.errors import ArchiveError
from tests.support.archives.openi import write_zip

TEXT = b" FINDINGS: The heart is of normal size.\n" * 50


def listed(path):
    return list(list_members(path, ".txt"))


def read(path, member):
    return read_member(
        path,
        {
            "source": member.source,
            "offset": member.offset,
            "length": member.length,
            "content": digest(member.data),
            "member": member.name,
        },
    )


@settings(deadline=None)
@given(
    st.lists(st.binary(max_size=300), max_size=8),
    st.sampled_from([zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED]),
)
def test_members_are_read_from_their_place(tmp_path_factory, contents, compression):
    path = tmp_path_factory.mktemp("zip") / "a.zip"
    write_zip(path, {f"{i}.txt": data for i, data in enumerate(contents)}, compression)
    found = listed(path)
    assert [(m.data, m.problem) for m in found] == [(data, None) for data in contents]
    assert [read(path, m) for m in reversed(found)] == contents[::-1]


def test_a_member_that_was_written_as_a_stream_is_read(tmp_path):
    """Then its sizes stand behind it, and its local header says nothing."""

    class Stream:
        def __init__(self, file):
            self.write, self.flush = file.write, file.flush

    with (tmp_path / "a.zip").open("wb") as file, zipfile.ZipFile(Stream(file), "w") as archive:
        archive.writestr("1.txt", TEXT)
        archive.writestr("2.txt", TEXT[1:], zipfile.ZIP_DEFLATED)
    first, second = listed(tmp_path / "a.zip")
    assert (first.data, second.data) == (TEXT, TEXT[1:])
    assert read(tmp_path / "a.zip", second) == TEXT[1:]


def test_bytes_before_the_zip_move_nothing(tmp_path):
    path = write_zip(tmp_path / "a.zip", {"1.txt": TEXT})
    moved = tmp_path / "b.zip"
    moved.write_bytes(b"PK\x03\x04 this is a program that unpacks itself" + path.read_bytes())
    (member,) = listed(moved)
    assert read(moved, member) == TEXT


def test_names_are_only_names(tmp_path):
    names = ["../../1.txt", "/etc/2.txt", "a\\b\\3.TXT", "caf\u00e9.txt", "folder.txt/"]
    path = write_zip(tmp_path / "a.zip", dict.fromkeys(names, TEXT))
    assert [m.name for m in listed(path)] == names[:4]
    assert [p.name for p in tmp_path.iterdir()] == ["a.zip"]


FIELDS = {
    "flags": (8, "<H"),
    "method": (10, "<H"),
    "checksum": (16, "<I"),
    "compressed": (20, "<I"),
    "size": (24, "<I"),
    "attributes": (38, "<I"),
    "offset": (42, "<I"),
}


def patched(path, **fields):
    """Change fields of the only member in the list of members at the end of the file."""
    data = bytearray(path.read_bytes())
    entry = data.index(b"PK\x01\x02")
    for name, value in fields.items():
        place, form = FIELDS[name]
        struct.pack_into(form, data, entry + place, value)
    path.write_bytes(data)
    return path


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        ({"flags": 1}, "encrypted"),
        ({"method": zipfile.ZIP_LZMA}, "compression method 14"),
        ({"attributes": 0o120777 << 16}, "a link"),
        ({"size": 1 << 30}, "more than 16777216"),
        ({"size": 10}, "holds more than the 10 bytes"),
        ({"size": 3000}, "holds less than the 3000 bytes"),
        ({"checksum": 1}, "checksum differs"),
        ({"compressed": 1 << 20}, "overlaps another"),
        ({"offset": 1 << 30}, "overlaps another"),
        ({"offset": 4}, "no member at byte 4"),
    ],
)
def test_a_hostile_member_is_listed_with_its_problem(tmp_path, fields, problem):
    (member,) = listed(patched(write_zip(tmp_path / "a.zip", {"1.txt": TEXT}), **fields))
    assert problem in member.problem
    assert member.data == b""


def test_a_bomb_is_read_no_further_than_it_declares(tmp_path):
    path = write_zip(tmp_path / "a.zip", {"1.txt": bytes(64 << 20)})
    (declared,) = listed(path)
    assert "file of 67108864 bytes" in declared.problem
    (hidden,) = listed(patched(path, size=100))
    assert "holds more than the 100 bytes" in hidden.problem


def test_members_that_share_their_bytes_are_refused(tmp_path):
    path = write_zip(tmp_path / "a.zip", {"1.txt": TEXT, "2.txt": TEXT})
    data = bytearray(path.read_bytes())
    struct.pack_into("<I", data, data.rindex(b"PK\x01\x02") + 42, 0)
    path.write_bytes(data)
    assert ["overlaps" in m.problem for m in listed(path)] == [True, True]


def test_damaged_data_is_one_problem(tmp_path):
    path = write_zip(tmp_path / "a.zip", {"1.txt": TEXT, "2.txt": TEXT})
    data = bytearray(path.read_bytes())
    data[40:60] = b"\xff" * 20
    path.write_bytes(data)
    first, second = listed(path)
    assert "damaged in the zip" in first.problem
    assert second.data == TEXT


def test_a_zip_that_is_cut_off_is_damaged(tmp_path):
    path = write_zip(tmp_path / "a.zip", {f"{i}.txt": TEXT for i in range(100)})
    whole = path.read_bytes()
    for length in (5, 100, len(whole) // 2, len(whole) - 30, len(whole) - 1):
        path.write_bytes(whole[:length])
        with pytest.raises(ArchiveError, match="damaged zip"):
            listed(path)


def test_what_changed_since_it_was_listed_is_noticed(tmp_path):
    path = write_zip(tmp_path / "a.zip", {"1.txt": TEXT, "2.txt": TEXT})
    first, second = listed(path)
    write_zip(path, {"1.txt": TEXT[1:] + b"!", "2.txt": TEXT})
    with pytest.raises(ArchiveError, match=r"1\.txt of .* changed since it was indexed"):
        read(path, first)
    path.write_bytes(b"PK\x03\x04")
    with pytest.raises(ArchiveError, match="cannot read"):
        read(path, second)
    path.unlink()
    with pytest.raises(ArchiveError, match="No such file"):
        read(path, second)


@settings(deadline=None)
@given(st.binary(max_size=200), st.integers(0, 400), st.integers(0, 400))
def test_no_damage_escapes(tmp_path_factory, junk, start, stop):
    path = tmp_path_factory.mktemp("zip") / "a.zip"
    write_zip(path, {"1.txt": TEXT, "2.txt": b"x"})
    whole = path.read_bytes()
    path.write_bytes(b"PK\x03\x04" + whole[4:start] + junk + whole[max(start, stop) :])
    try:
        found = listed(path)
    except ArchiveError:  # the list of members is damaged
        found = []
    assert all(m.data in (TEXT, b"x") for m in found if not m.problem)
