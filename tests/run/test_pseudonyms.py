"""Ids become pseudonyms under a key: everywhere the same, never undone, never under another key."""

from __future__ import annotations

import hashlib
import hmac
import json
import pickle
from dataclasses import replace
from pathlib import Path

import pytest

from radkg.archive import open_archive
from radkg.errors import ConfigError
from radkg.interchange.formats import EXPORT_FORMATS
from radkg.interchange.formats.base import make_format
from radkg.interchange.radgraph import import_radgraph
from radkg.review import make_sheet
from radkg.run.planning import forecast, make_plan, save_forecast
from radkg.run.pseudonyms import RECORD, Pseudonyms, hide_own_ids, is_pseudonym, read_pseudonyms
from radkg.run.run import Run
from radkg.run.settings import ExtractConfig
from radkg.run.studies import StudyReader
from radkg.storage import open_storage
from radkg.verbs.retract import RetractConfig, retract
from tests.support.archives.mimic import make_mimic
from tests.support.runs.extracting import extract_here, rows_of
from tests.support.runs.rows import row

KEY = b"3f1c9a70d25e4b8860aa17c2e95d4f03"
OWN = ("SUBJECT-771", "STUDY-88", "SUBJECT-772", "STUDY-89")


def write_key(path: Path, key: bytes = KEY, mode: int = 0o600) -> str:
    path.write_bytes(key + b"\n")
    path.chmod(mode)
    return str(path)


@pytest.fixture
def config(tmp_path: Path) -> ExtractConfig:
    """A run over two patients, one of whose studies has no report that could be read."""
    table = tmp_path / "a.csv"
    table.write_text(
        "study_id,subject_id,study_date,report\n"
        "STUDY-88,SUBJECT-771,2020-01-31,Small left effusion.\n"
        "STUDY-90,SUBJECT-771,2020-02-31,No effusion.\n"
        "STUDY-89,SUBJECT-772,,No effusion.\n"
    )
    return ExtractConfig(
        archive=str(table),
        out=str(tmp_path / "out"),
        extractor="rules",
        max_failed=1.0,
        pseudonymise=write_key(tmp_path / "key"),
    )


def read_all(root: Path) -> bytes:
    """Return all bytes under a directory, Parquet as its rows too."""
    import pyarrow.parquet as pq

    found = []
    for path in sorted(root.rglob("*")):
        if path.is_file():
            found += [path.name.encode(), path.read_bytes()]
            if path.suffix == ".parquet":
                found.append(json.dumps(pq.read_table(path).to_pylist(), default=str).encode())
    return b"\n".join(found)


def test_nothing_that_is_written_holds_an_own_id_or_the_key(config, tmp_path):
    out = Path(config.out)
    plan = make_plan(config, open_storage(config.out))
    save_forecast(forecast(plan, sample=3, workers=1, price=None), open_storage(config.out))
    assert extract_here(config).failed == 1
    for kind in ("radgraph", "fhir", "tables", "omop"):
        options = {"level": "mentions"} if kind == "tables" else {}
        make_format(EXPORT_FORMATS, kind, options).write(open_storage(config.out), out / kind)
    make_sheet(config.out, out / "s.csv", num_studies=1)
    make_sheet(config.out, out / "s.html", num_studies=1)
    written = read_all(out)
    for secret in (*OWN, "STUDY-90", KEY.decode(), KEY.hex()):
        assert secret.encode() not in written
    rows = rows_of(out)
    assert all(map(is_pseudonym, (each for r in rows for each in (r.study_id, r.subject_id))))
    assert len({r.subject_id for r in rows}) == 2
    (ok,) = (r for r in rows if r.status == "ok" and r.study_date)
    for name in ("radgraph", "fhir", "omop/notes.csv", "s.csv", "s.html"):
        assert ok.study_id in (out / name).read_text()
    study = StudyReader(open_storage(config.out)).read_studies([ok.study_id])[ok.study_id]
    assert (study.subject_id, study.report) == (ok.subject_id, "Small left effusion.")


def test_a_pseudonym_is_a_keyed_hash_and_the_model_stays(config, tmp_path):
    extract_here(config)
    other = replace(config, out=str(tmp_path / "plain"), pseudonymise=None)
    extract_here(other)
    named, own = rows_of(config.out), rows_of(other.out)
    assert {r.model_id for r in named} == {r.model_id for r in own}
    digest = hmac.new(KEY, b"subject\0SUBJECT-771", hashlib.sha256).hexdigest()
    assert {r.subject_id for r in named if r.study_date} == {f"P{digest[:32]}"}
    fingerprints = {r.study_fingerprint for r in named} & {r.study_fingerprint for r in own}
    assert not fingerprints  # ids are hashed in them


def test_a_night_under_another_key_or_none_is_refused(config, tmp_path):
    extract_here(config)
    assert extract_here(config).extracted == 0
    another = write_key(tmp_path / "another", KEY[::-1])
    for key, message in ((another, "under another key"), (None, "are pseudonyms")):
        with pytest.raises(ConfigError, match=message):
            extract_here(replace(config, pseudonymise=key))
    with pytest.raises(ConfigError, match="are pseudonyms"):
        import_radgraph(tmp_path / "documents.json", open_storage(config.out))
    plain = replace(config, out=str(tmp_path / "plain"), pseudonymise=None)
    extract_here(plain)
    with pytest.raises(ConfigError, match="own ids already: give another --out"):
        extract_here(replace(plain, pseudonymise=config.pseudonymise))
    Path(config.pseudonymise).unlink()
    with pytest.raises(ConfigError, match="cannot read the key file"):
        make_sheet(config.out, tmp_path / "s.csv", num_studies=1)
    Run(config.out).storage.write(RECORD, b"{")
    with pytest.raises(ConfigError, match="is damaged"):
        extract_here(replace(config, pseudonymise=None))


@pytest.mark.parametrize(
    ("key", "mode", "message"),
    [
        (KEY, 0o640, "open to others: chmod 600"),
        (KEY[:31], 0o600, "too weak: at least 32 random bytes"),
        (b"a" * 64, 0o600, "too weak"),
        (b" " * 64, 0o600, "too weak"),
    ],
)
def test_a_key_that_is_no_good_is_refused_and_not_told(tmp_path, key, mode, message):
    with pytest.raises(ConfigError, match=message) as refused:
        read_pseudonyms(write_key(tmp_path / "key", key, mode))
    assert key.decode() not in str(refused.value)


def test_the_key_lies_outside_of_the_run_and_in_no_other_process(config, tmp_path):
    key = write_key(tmp_path / "out-key")
    with pytest.raises(ConfigError, match="lies in the run"):
        read_pseudonyms(key, open_storage(str(tmp_path)))
    with pytest.raises(TypeError, match="does not travel"):
        pickle.dumps(Pseudonyms(KEY))
    assert KEY.decode() not in repr(Pseudonyms(KEY))


def test_a_patient_is_retracted_by_the_own_id(config):
    extract_here(config)
    report = retract(RetractConfig(out=config.out, kind="subject", which="SUBJECT-771"))
    assert "SUBJECT" not in str(report)
    rows = Run(config.out).storage.list_names("retracted")
    record = json.loads(Run(config.out).storage.read(rows[0]))
    assert record["id"] == Pseudonyms(KEY).name("subject", "SUBJECT-771")


def test_a_reason_keeps_no_id_and_no_place():
    record = {
        "study_id": "S1",
        "own_ids": ["50414267", "10000032", "img-1"],
        "images": [{"location": "/data/p10/p10000032/s50414267/img-1.jpg"}],
        "member": "p10/s50414267.txt",
        "source": "/data/reports.zip",
    }
    reason = "ArchiveError: /data/p10/p10000032/s50414267/img-1.jpg: img-1 of 10000032 is cut off"
    failed = row("S1", status="failed", reason=reason, entities=(), relations=())
    (hidden,) = hide_own_ids([failed], [record])
    assert hidden.reason == "ArchiveError: ...: ... of ... is cut off"
    assert hide_own_ids([failed], [{"study_id": "S1"}]) == [failed]


def test_the_archive_is_read_as_without_pseudonyms(tmp_path):
    """MIMIC-CXR finds the sections that people chose by the id of the study."""
    folder = make_mimic(2, images_per_study=1).write_tree(tmp_path)
    (folder / "section-exceptions.csv").write_text(
        "study_id,section,start,end\n50000000,examination,,\n"
    )
    archive = open_archive(str(folder))
    index = archive.index()
    own = list(archive.read(index.to_pylist()))
    renamed = list(archive.read(Pseudonyms(KEY).rename_index(index).to_pylist()))
    for before, after in zip(own, renamed, strict=True):
        assert (before.report, before.sections) == (after.report, after.sections)
        ids = (after.study_id, after.subject_id, *(image.image_id for image in after.images))
        assert all(map(is_pseudonym, ids))
    assert any(len(study.sections) == 1 for study in own)
