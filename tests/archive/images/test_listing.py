"""Images inside zip and tar; a hostile member is reported, and its study keeps its report."""

import io
import struct
import tarfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from radkg.archive import open_archive
from radkg.archive.files.located import (
    MAX_IMAGE_BYTES,
    format_member_location,
    get_suffix,
    is_loose,
    read_bytes,
)
from radkg.archive.images.listing import list_image_files
from radkg.archive.images.pixels import read_image
from radkg.errors import ArchiveError
from radkg.model.vision.features import FeatureCache
from radkg.schema.records import Study
from tests.archive.files.test_zipped import FIELDS
from tests.archive.images.test_pixels import make_image, png_header
from tests.model.vision.test_features import Means
from tests.support.archives.mimic import make_dicom_id, make_mimic
from tests.support.archives.openi import write_tar, write_zip

DATA = b"no image" * 20


def png(image=None) -> bytes:
    out = io.BytesIO()
    (image or make_image()).save(out, "PNG")
    return out.getvalue()


@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
@pytest.mark.parametrize("kind", ["zip", "tar", "tar.gz"])
def test_an_image_in_a_container_is_the_one_of_the_file(tmp_path, kind):
    (tmp_path / "a.png").write_bytes(png())
    held = {"x/a.png": png(), "flat.png": png(Image.new("L", (64, 64), 7)), "empty.png": b""}
    held["huge.png"] = png_header(tmp_path / "huge.png", 12_000, 10_000).read_bytes()
    if kind == "zip":
        path = write_zip(tmp_path / "a.zip", held)
    else:
        path = write_tar(tmp_path / f"a.{kind}", held, "w:gz" if kind == "tar.gz" else "w")
    found = {p.name: p.location for p in list_image_files(path)}
    assert np.array_equal(read_image(found["x/a.png"]), read_image(str(tmp_path / "a.png")))
    for name, reason in (
        ("flat.png", "no contrast"),
        ("huge.png", "export it smaller"),
        ("empty.png", "is empty"),
    ):
        with pytest.raises(ArchiveError, match=reason) as error:
            read_image(found[name])
        assert found[name] in str(error.value)


def test_features_are_of_the_bytes_wherever_they_are(tmp_path):
    """The failure of one image is reported, and the same image twice counts once."""
    (tmp_path / "a.png").write_bytes(png())
    path = write_zip(tmp_path / "a.zip", {"b.png": png()})
    (listed,) = list_image_files(path)
    locations = {"loose": str(tmp_path / "a.png"), "packed": listed.location}
    locations["gone"] = format_member_location(tmp_path / "gone.zip", 0, 9, "c.png")
    cache = FeatureCache(None, read_image, read_bytes)
    found, failures = cache.compute_features(Means(), locations)
    assert found["loose"].tolist() == found["packed"].tolist()
    assert set(failures) == {"gone"}
    assert "No such file" in failures["gone"]


@given(st.text(max_size=30), st.integers(0, 1 << 50), st.integers(0, 1 << 50))
def test_the_name_of_a_member_leads_nowhere_else(name, offset, length):
    location = format_member_location(Path("/a/b.zip"), offset, length, name)
    assert not is_loose(location)
    with pytest.raises(ArchiveError):
        read_bytes(location)
    again = format_member_location(Path("/a/b.zip"), 1, 2, location)
    assert again.startswith("/a/b.zip!1+2!")


def test_the_suffix_is_that_of_the_member(tmp_path):
    assert get_suffix("/a/b.zip!0+9!c/d.DCM") == ".dcm"
    assert get_suffix("s3://bucket/b.tar!0+9!c/d.jpg") == ".jpg"


def zipped(tmp_path, **fields):
    """Return a zip of one image of MIMIC's, with fields of its list of members changed."""
    made = make_mimic(1, images_per_study=1)
    path = made.pack_images(tmp_path, "zip")
    data = bytearray(path.read_bytes())
    for name, value in fields.items():
        place, form = FIELDS[name]
        struct.pack_into(form, data, data.index(b"PK\x01\x02") + place, value)
    path.write_bytes(data)
    return made, path


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"flags": 1}, "encrypted"),
        ({"method": 14}, "compression method 14"),
        ({"attributes": 0o120777 << 16}, "a link"),
        ({"size": MAX_IMAGE_BYTES + 1}, "more than 268435456"),
        ({"compressed": 1 << 20}, "overlaps another"),
        ({"offset": 1 << 30}, "overlaps another"),
    ],
)
def test_a_hostile_member_of_a_zip_is_not_at_hand_and_its_study_keeps_its_report(
    tmp_path, fields, reason, caplog
):
    made, images = zipped(tmp_path / "images", **fields)
    archive = open_archive(str(made.write_zip(tmp_path / "reports")), str(images))
    (study,) = archive.read(archive.index().to_pylist())
    assert isinstance(study, Study)
    assert [i.location for i in study.images] == [None]
    assert "1 of its files cannot be used" in caplog.text
    assert reason in caplog.text


@pytest.mark.parametrize("size", [5, 5000])
def test_a_member_that_is_not_as_long_as_declared_is_refused_when_read(tmp_path, size):
    _, images = zipped(tmp_path, size=size)
    (listed,) = list_image_files(images)
    with pytest.raises(ArchiveError, match=r"not the .* bytes that were listed"):
        read_image(listed.location)


def test_a_bomb_is_read_no_further_than_it_declares(tmp_path):
    path = write_zip(tmp_path / "a.zip", {"1.png": bytes(64 << 20)})
    data = bytearray(path.read_bytes())
    struct.pack_into("<I", data, data.index(b"PK\x01\x02") + 24, 100)
    path.write_bytes(data)
    (listed,) = list_image_files(path)
    with pytest.raises(ArchiveError, match="not the 100 bytes that were listed"):
        read_bytes(listed.location)


def test_links_and_odd_members_of_a_tar_are_not_at_hand(tmp_path, caplog):
    made = make_mimic(3, images_per_study=1)
    names = list(made.images)
    with tarfile.open(tmp_path / "a.tar", "w") as tar:
        kinds = (tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE)
        for name, kind in zip(names, kinds, strict=True):
            info = tarfile.TarInfo(f"files/{name}")
            info.type, info.linkname = kind, "/etc/passwd"
            tar.addfile(info)
    archive = open_archive(str(made.write_zip(tmp_path / "reports")), str(tmp_path / "a.tar"))
    found = list(archive.read(archive.index().to_pylist()))
    assert [[i.location for i in s.images] for s in found] == [[None]] * 3
    assert "3 of its files cannot be used" in caplog.text


def test_paths_out_of_a_container_are_names(tmp_path):
    held = {"../../a.png": DATA, "/etc/b.png": DATA, "c!1+2!d.png": DATA}
    for path in (write_zip(tmp_path / "a.zip", held), write_tar(tmp_path / "a.tar", held, "w")):
        found = list(list_image_files(path))
        assert [p.name for p in found] == list(held)
        assert [read_bytes(p.location) for p in found] == [DATA] * 3
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.tar", "a.zip"]


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_of_two_members_of_one_name_the_last_counts(tmp_path):
    made = make_mimic(1, images_per_study=1)
    (name,) = made.images
    reports = made.write_zip(tmp_path / "reports")
    with tarfile.open(tmp_path / "a.tar", "w") as tar:
        for data in (b"first", b"last!"):
            info = tarfile.TarInfo(name)
            info.size = 5
            tar.addfile(info, io.BytesIO(data))
    archive = open_archive(str(reports), str(tmp_path / "a.tar"))
    (study,) = archive.read(archive.index().to_pylist())
    assert [read_bytes(i.location) for i in study.images] == [b"last!"]


def test_of_several_formats_the_fastest_that_can_be_used_counts(tmp_path):
    made = make_mimic(1, images_per_study=1)
    (name,) = made.images
    stem = name.removesuffix(".jpg")
    held = {f"{stem}.png": b"png", f"{stem}.dcm": b"dcm", f"{stem}.jpg": b"jpg"}
    reports = made.write_zip(tmp_path / "reports")
    for suffixes, expected in (((".png", ".dcm"), b"png"), ((".dcm", ".jpg"), b"jpg")):
        path = write_zip(tmp_path / "a.zip", {stem + s: held[stem + s] for s in suffixes})
        archive = open_archive(str(reports), str(path))
        (study,) = archive.read(archive.index().to_pylist())
        assert [i.image_id for i in study.images] == [make_dicom_id("50000000", 0)]
        assert [read_bytes(i.location) for i in study.images] == [expected]


@pytest.mark.parametrize("kind", ["zip", "tar", "tar.gz"])
def test_a_container_that_is_cut_off_ends_the_run(tmp_path, kind):
    made = make_mimic(40)
    reports = made.write_zip(tmp_path / "reports")
    path = made.pack_images(tmp_path, kind)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2 + 100])
    with pytest.raises(ArchiveError, match=r"damaged .*: fetch"):
        open_archive(str(reports), str(path)).index()


@pytest.mark.parametrize("place", ["reports", "images"])
@pytest.mark.parametrize("left", [b"", b"x" * 100, b"x" * 512])
def test_a_tar_that_ends_between_two_members_ends_the_run(tmp_path, place, left):
    """Python's tarfile takes a header that is cut off, or none at all, for the end."""
    made = make_mimic(9)
    reports = made.write_tar(tmp_path / "reports") / "mimic-cxr-reports.tar"
    images = made.pack_images(tmp_path, "tar")
    path = reports if place == "reports" else images
    with tarfile.open(path) as tar:
        header = tar.getmembers()[-2].offset
    path.write_bytes(path.read_bytes()[:header] + left)
    with pytest.raises(ArchiveError, match=r"damaged .*: fetch"):
        open_archive(str(reports), str(images)).index()


def test_an_image_that_changes_in_its_container_changes_its_study_alone(tmp_path):
    made = make_mimic(4)
    reports = made.write_zip(tmp_path / "reports")

    def prints(kind):
        images = made.pack_images(tmp_path / "images", kind)
        return open_archive(str(reports), str(images)).index()["fingerprint"].to_pylist()

    before = [prints(kind) for kind in ("zip", "tar")]
    name = list(made.images)[2]
    made.images[name] = made.images[name].swapcase()
    assert [a == b for a, b in zip(before[0], prints("zip"), strict=True)] == [1, 0, 1, 1]
    assert prints("tar") == before[1]  # of equal size: a tar has no checksum of its members
    made.images[name] += b"larger"
    assert [a == b for a, b in zip(before[1], prints("tar"), strict=True)] == [1, 0, 1, 1]


def test_what_is_no_place_of_images_is_refused(tmp_path):
    reports = str(make_mimic(1).write_zip(tmp_path / "reports"))
    (tmp_path / "a.txt").write_text("no container")
    for uri in (reports, "openi"):
        with pytest.raises(ArchiveError, match=r"no directory, zip or tar of images.*--images"):
            open_archive(uri, str(tmp_path / "a.txt"))
    (tmp_path / "x").mkdir()
    (tmp_path / "x/a.zip").mkdir()  # no container
    with pytest.raises(ArchiveError, match=r"no images such as .*--images"):
        open_archive(reports, str(tmp_path / "x"))
    (tmp_path / "a!1+2!b").mkdir()
    with pytest.raises(ArchiveError, match="rename it"):
        open_archive(reports, str(tmp_path / "a!1+2!b"))
