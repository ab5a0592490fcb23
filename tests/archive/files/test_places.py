"""Every archive and every image is read from S3, and from containers, as from a local tree."""

import json
import logging
import os
import pickle
import re
from pathlib import Path

import pytest

from radkg.archive import FORMATS, open_archive
from radkg.archive.files.located import read_bytes
from radkg.errors import ArchiveError
from radkg.schema.records import Study, Unreadable
from tests.archive.formats import test_table
from tests.archive.formats.test_formats import WRITTEN
from tests.archive.formats.test_mimic import HOSTILE
from tests.support.archives.mimic import make_mimic
from tests.support.archives.openi import make_studies, make_xml, write_tar, write_zip
from tests.support.faults.s3_server import upload
from tests.support.runs.demo_run import radkg


def read(uri, images=None):
    archive = open_archive(str(uri), images and str(images))
    return list(pickle.loads(pickle.dumps(archive)).read(archive.index().to_pylist()))


def shown(found):
    """Return the images of studies: id, view and bytes."""
    return [
        [(i.image_id, i.view_position, i.location and read_bytes(i.location)) for i in s.images]
        for s in found
    ]


@pytest.fixture(params=["local", "s3"])
def at(request, tmp_path):
    """What gives the place of a folder or file that was written: itself, or its copy on S3."""
    if request.param == "local":
        return str
    bucket = request.getfixturevalue("s3_bucket")
    return lambda path: upload(path, f"{bucket}/{tmp_path.name}/{path.relative_to(tmp_path)}")


@pytest.mark.parametrize("kind", ["tree", "zip", "tar", "tar.gz"])
def test_mimic_s_reports_are_the_same_in_any_container_at_any_place(tmp_path, at, kind):
    made = make_mimic(6)
    expected = read(made.write_tree(tmp_path / "expected"))
    folder = tmp_path / "reports"
    if kind == "tree":
        made.write_tree(folder)
    elif kind == "zip":
        made.write_zip(folder)
    else:
        made.write_tar(folder, "w:gz" if kind == "tar.gz" else "w")
    assert all(isinstance(study, Study) for study in expected)
    place = at(folder)
    assert read(place) == expected
    if kind != "tree":
        assert read(f"{place}/mimic-cxr-reports.{kind}") == expected


@pytest.mark.parametrize("kind", ["tree", "zip", "tar", "tar.gz", "tars", "zips"])
def test_mimic_s_images_are_the_same_in_any_container_at_any_place(tmp_path, at, kind):
    made = make_mimic(6)
    made.images = {f"p11{n[3:]}" if i % 3 else n: d for i, (n, d) in enumerate(made.images.items())}
    made.images.popitem()
    reports = made.write_zip(tmp_path / "reports")
    expected = read(reports, made.write_images(tmp_path / "expected"))
    folder = tmp_path / "images"
    images = made.write_images(folder) if kind == "tree" else made.pack_images(folder, kind)
    found = read(reports, at(images))
    assert sum(i.location is None for s in expected for i in s.images) == 1
    assert shown(found) == shown(expected)
    assert [s.report for s in found] == [s.report for s in expected]


@pytest.mark.parametrize("called", WRITTEN)
def test_every_format_is_read_from_s3_as_from_a_disk(tmp_path, s3_bucket, called):
    make, name = WRITTEN[called]
    (tmp_path / "a").mkdir()
    make(tmp_path / "a")
    uri = upload(tmp_path / "a", f"{s3_bucket}/{tmp_path.name}") + (f"/{name}" if name else "/")
    answers = [archive_format.recognise(uri, None) for archive_format in FORMATS]
    assert [a.name for a in answers if not isinstance(a, str)] == [called.split()[0]]
    assert read(uri) == read(tmp_path / "a" / name)
    assert read(open_archive(uri).uri) == read(uri)


@pytest.mark.parametrize("kind", ["folder", "zip", "tar", "tar.gz"])
def test_open_i_s_images_are_found_by_id_wherever_they_are(tmp_path, at, kind):
    path = write_tar(tmp_path / "a.tgz", {"1.xml": make_xml(1, images=("CXR1_a", "CXR1_b"))})
    images = tmp_path / "images"
    images.mkdir()
    if kind == "folder":
        (images / "CXR1_a.png").write_bytes(b"one")
        place = at(images)
    elif kind == "zip":
        place = at(write_zip(images / "a.zip", {"png/CXR1_a.png": b"one", "note.txt": b""}))
    else:
        mode = "w:gz" if kind == "tar.gz" else "w"
        place = at(write_tar(images / f"a.{kind}", {"./CXR1_a.png": b"one"}, mode))
    assert shown(read(path, place)) == [[("CXR1_a", None, b"one"), ("CXR1_b", None, None)]]


@pytest.mark.parametrize("around", ["", "images/"])
@pytest.mark.parametrize("kind", ["folder", "zip", "tar", "zips"])
def test_images_of_a_table_are_found_by_their_names(tmp_path, at, kind, around):
    table = test_table.write(tmp_path / "a.csv", test_table.ROWS)
    (tmp_path / "secret.png").write_bytes(b"not below the images")
    held = {f"{around}a/2.png": b"two", "../secret.png": b"out", "b/1.png": b"other"}
    if around:
        del held["../secret.png"], held["b/1.png"]
    images = tmp_path / "images"
    images.mkdir()
    if kind == "folder":
        (images / "a").mkdir()
        (images / "a/2.png").write_bytes(b"two")
        place = at(images)
    elif kind == "zips":
        write_zip(images / "1.zip", held)
        place = at(images)
    else:
        write = write_zip if kind == "zip" else lambda p, m: write_tar(p, m, "w")
        place = at(write(images / f"a.{kind}", held))
    assert shown(read(table, place)) == [
        [("a/1.png", None, None), ("a/2.png", None, b"two")],
        [],
        [("../secret.png", None, None)],
    ]


def requests(caplog, method):
    said = [r.getMessage() for r in caplog.records if r.name == "werkzeug"]
    return sum(f"{method} /" in line for line in said)


@pytest.mark.parametrize(
    ("reports", "images", "each"),
    [("zip", "images", 0), ("zip", "images.tar", 0), ("tree", "images", 2)],
)
def test_s3_is_asked_for_many_studies_at_once(tmp_path, s3_bucket, caplog, reports, images, each):
    """Requests that the server saw: two for each loose report, to index and to read; no others."""
    made, count = make_mimic(60), 60
    made.tables = {}
    uri = f"{s3_bucket}/{tmp_path.name}"
    write = made.write_zip if reports == "zip" else made.write_tree
    upload(write(tmp_path / reports), f"{uri}/{reports}")
    if images == "images.tar":
        upload(made.pack_images(tmp_path, "tar"), f"{uri}/images.tar")
    else:
        upload(made.write_images(tmp_path / images), f"{uri}/{images}")
    caplog.set_level(logging.INFO, "werkzeug")
    found = read(f"{uri}/{reports}", f"{uri}/{images}")
    assert requests(caplog, "GET") < 40 + each * count  # listings are among them
    assert requests(caplog, "HEAD") < 40
    locations = [image.location for study in found for image in study.images]
    assert len(locations) == 2 * count
    caplog.clear()
    assert {read_bytes(location)[:10] for location in locations} == {b"no picture"}
    assert requests(caplog, "GET") <= (4 if images == "images.tar" else 2 * count)
    assert requests(caplog, "HEAD") < 5


def test_what_is_published_on_s3_between_two_runs_is_seen(tmp_path, s3_bucket):
    uri = f"{s3_bucket}/{tmp_path.name}"
    made = make_mimic(2)
    for count in (2, 4):
        made = make_mimic(count)
        upload(made.write_zip(tmp_path / str(count)), f"{uri}/zip")
        upload(made.write_tree(tmp_path / f"{count}-tree"), f"{uri}/tree")
        assert len(read(f"{uri}/zip")) == len(read(f"{uri}/tree")) == count


@pytest.mark.parametrize("kind", ["tree", "zip", "tar"])
def test_a_report_that_changes_on_s3_under_the_run_is_noticed(tmp_path, s3_bucket, kind):
    made = make_mimic(2)
    write, uri = getattr(made, f"write_{kind}"), f"{s3_bucket}/{tmp_path.name}"
    archive = open_archive(upload(write(tmp_path / "a"), uri))
    records = archive.index().to_pylist()
    name = next(iter(made.reports))
    made.reports[name] = made.reports[name].replace(b"FINAL", b"OTHER")
    upload(write(tmp_path / "a"), uri)
    with pytest.raises(ArchiveError, match=r"s50000000\.txt of .* changed since it was indexed"):
        list(archive.read(records))
    assert "OTHER" in next(archive.read(archive.index().to_pylist())).report


@pytest.mark.parametrize("kind", ["a.csv", "a.parquet"])
def test_a_table_that_changes_on_s3_under_the_run_is_noticed(tmp_path, s3_bucket, kind):
    uri = f"{s3_bucket}/{tmp_path.name}/{kind}"
    archive = open_archive(upload(test_table.write(tmp_path / kind, test_table.ROWS), uri))
    records = archive.index().to_pylist()
    rows = [test_table.ROWS[0] | {"report": "Other."}, *test_table.ROWS[1:]]
    upload(test_table.write(tmp_path / kind, rows), uri)
    with pytest.raises(ArchiveError, match="changed since it was indexed"):
        list(archive.read(records))


def test_an_object_that_is_gone_is_an_error_and_a_gone_image_is_reported(tmp_path, s3_bucket):
    import s3fs

    made, uri = make_mimic(2), f"{s3_bucket}/{tmp_path.name}"
    upload(made.write_tree(tmp_path / "a"), uri)
    images = upload(made.write_images(tmp_path / "images"), f"{uri}-images")
    archive = open_archive(uri, images)
    records = archive.index().to_pylist()
    location = records[0]["images"][0]["location"]
    assert read_bytes(location).startswith(b"no picture")
    s3fs.S3FileSystem(use_listings_cache=False, skip_instance_cache=True).rm(
        [records[1]["source"], location]
    )
    found = archive.read(records)
    with pytest.raises(ArchiveError, match=r"s50000001\.txt: no such object"):
        list(found)
    with pytest.raises(ArchiveError, match=r"cannot read the image .* no such object.*--images"):
        read_bytes(location)


@pytest.mark.parametrize(
    ("uri", "changes", "message"),
    [
        ("s3://nowhere/x", {}, "nothing is at s3://nowhere/x: check the bucket and the key"),
        ("s3://bucket/gone.zip", {}, "nothing is at s3://bucket/gone.zip"),
        (
            "s3://bucket/x",
            {"AWS_ENDPOINT_URL": "http://127.0.0.1:9", "AWS_MAX_ATTEMPTS": "1"},
            "cannot read s3://bucket/x: .*127.0.0.1:9.*: "
            "check AWS_ENDPOINT_URL, the network and the cred",
        ),
        (
            "s3://bucket/x",
            {
                "AWS_ACCESS_KEY_ID": None,
                "AWS_SECRET_ACCESS_KEY": None,
                "AWS_EC2_METADATA_DISABLED": "true",
                "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
            },
            "cannot read s3://bucket/x: .*credentials.*: "
            "check AWS_ENDPOINT_URL, the network and the cred",
        ),
    ],
)
def test_an_s3_that_cannot_be_read_ends_the_run_with_what_to_do(
    s3_bucket, monkeypatch, uri, changes, message
):
    for name, value in changes.items():
        if value is None:
            monkeypatch.delenv(name)
        else:
            monkeypatch.setenv(name, value)
    with pytest.raises(ArchiveError, match=message):
        open_archive(uri)
    with pytest.raises(ArchiveError):
        open_archive("openi", uri)


@pytest.fixture
def wary_s3(s3_bucket):
    """The server, asking for a login that it knows: it knows none."""
    import urllib.request

    def ask(count):
        address = f"{os.environ['AWS_ENDPOINT_URL']}/moto-api/reset-auth"
        kind = {"Content-Type": "text/plain"}
        urllib.request.urlopen(urllib.request.Request(address, count.encode(), kind))

    ask("0")
    yield s3_bucket
    ask("inf")


def test_a_wrong_login_is_said_by_the_command(wary_s3):
    done = radkg("census", f"{wary_s3}/x")
    assert done.returncode == 5, done.stderr
    said = " ".join(done.stderr.split())
    assert "s3://bucket/x is refused" in said
    assert "check the credentials in the environment" in said
    assert "Traceback" not in done.stderr


@pytest.mark.ray
def test_the_command_reads_reports_and_images_from_s3(tmp_path, s3_bucket):
    made, uri = make_mimic(3), f"{s3_bucket}/{tmp_path.name}"
    upload(made.write_zip(tmp_path / "reports"), uri)
    images = upload(made.pack_images(tmp_path / "images", "tar"), f"{uri}-images.tar")
    done = radkg("census", uri, "--images", images, "--json")
    assert done.returncode == 0, done.stderr
    counts = json.loads(done.stdout)["splits"]["all"]
    assert (counts["studies"], counts["images"], counts["images_at_hand"]) == (3, 6, 6)
    out = tmp_path / "out"
    run = ["extract", "--archive", uri, "--images", images, "--extractor", "rules"]
    done = radkg(*run, "--out", str(out), "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["rows"] == 3


def test_a_marker_of_a_folder_is_no_study(tmp_path, s3_bucket):
    import s3fs

    uri = f"{s3_bucket}/{tmp_path.name}"
    files = s3fs.S3FileSystem(use_listings_cache=False, skip_instance_cache=True)
    for name in ("", "a.txt/"):
        files.call_s3("put_object", Bucket="bucket", Key=f"{tmp_path.name}/{name}", Body=b"")
    files.pipe_file(f"{uri}/b.txt", b"Clear lungs.")
    assert [study.study_id for study in read(uri)] == ["b"]


def test_objects_are_studies_in_the_order_of_a_disk(tmp_path, s3_bucket):
    for name, data in make_studies(12).items():
        path = tmp_path / "a" / ("deep" if "1" in name else "") / Path(name).name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    found = read(upload(tmp_path / "a", f"{s3_bucket}/{tmp_path.name}"))
    assert found == read(tmp_path / "a")
    assert re.fullmatch(r"CXR\d+", found[0].study_id)


def test_a_hostile_report_on_s3_is_one_unreadable_study(tmp_path, s3_bucket):
    made = make_mimic(2)
    made.reports |= {name: data for name, (data, _) in HOSTILE.items()}
    made.reports |= {"p10/p10000032/s50000200.txt": b"", "LICENSE.txt": b"no report"}
    made.write_tree(tmp_path / "a")
    found = read(upload(tmp_path / "a", f"{s3_bucket}/{tmp_path.name}"))
    for kind in (Study, Unreadable):
        expected = [item for item in read(tmp_path / "a") if isinstance(item, kind)]
        held = [item for item in found if isinstance(item, kind)]
        if kind is Study:
            assert held == expected
        else:
            assert [i.reason for i in held] == [i.reason for i in expected]
            assert len(held) == len(HOSTILE)
    assert [s.report for s in found if isinstance(s, Study) and s.study_id == "50000200"] == [""]
