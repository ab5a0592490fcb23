"""Drafts in exports: only where they are asked for, marked as research, never as a finding."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pyarrow.csv
import pyarrow.parquet
import pytest
from fhir.resources.R4B.bundle import Bundle

from radkg.archive import open_archive
from radkg.errors import ConfigError, SnapshotError
from radkg.interchange.formats import EXPORT_FORMATS
from radkg.interchange.formats.base import list_options
from radkg.rules import RulesExtractor
from radkg.run.kind import DRAFTS
from radkg.run.retractions import record_retraction
from radkg.run.run import Run
from radkg.run.settings import ExtractConfig, save_config
from radkg.run.snapshot import Snapshot
from radkg.schema.draft_table import to_draft_table
from radkg.schema.drafts import Claim
from radkg.storage import open_storage
from tests.interchange.published import publish_rows, rows
from tests.interchange.test_export import contents, export
from tests.interchange.test_fhir import by_type
from tests.support.runs.drafts import publish_drafts, write_draft
from tests.support.runs.rows import REPORT, row

BOX = (0.0, 0.25, 0.5, 1.0)
SAID = (
    ("Small effusion.", [Claim("effusion", "present", "pleura", "left", "small", 0.5, "i", BOX)]),
    ("No mass. Really none.", [Claim("mass", "absent")]),
)
TAKERS = {each.name for each in EXPORT_FORMATS if "drafts" in list_options(each)}


@pytest.fixture
def snapshot(tmp_path: Path) -> Snapshot:
    return publish_rows(tmp_path / "out", rows())


@pytest.fixture
def drafts(tmp_path: Path) -> str:
    of = rows()
    unverified = {"status": "unverified", "reason": "it says more than its claims"}
    made = [
        write_draft(of[0], *SAID),
        write_draft(of[1], SAID[0], **unverified),
        write_draft(of[2]),
        write_draft(row("s9"), SAID[1]),
    ]
    return publish_drafts(tmp_path / "drafts", made).storage.uri


def read_bundles(path: Path) -> list[dict[str, Any]]:
    lines = path.read_bytes().splitlines()
    for line in lines:
        Bundle.model_validate_json(line)
    return [json.loads(line) for line in lines]


def test_without_the_option_there_is_no_draft(snapshot: Snapshot, drafts: str, tmp_path: Path):
    for name in TAKERS:
        export(snapshot.storage, tmp_path / f"{name}-without", name)
        export(snapshot.storage, tmp_path / f"{name}-with", name, drafts=drafts)
        export(snapshot.storage, tmp_path / f"{name}-again", name, drafts=drafts)
        without, given, again = (
            contents(tmp_path / f"{name}-{which}") for which in ("without", "with", "again")
        )
        assert given == again != without
        assert without.items() <= given.items() or name == "fhir"
        assert not any(b"esearch" in data for data in without.values())


@pytest.mark.parametrize("name", sorted({each.name for each in EXPORT_FORMATS} - TAKERS))
def test_other_formats_say_why_they_take_none(
    snapshot: Snapshot, drafts: str, tmp_path: Path, name: str
):
    with pytest.raises(ConfigError, match=f"--drafts is not for --format {name}, .*a draft is no"):
        export(snapshot.storage, tmp_path / "x", name, drafts=drafts)


def test_a_draft_in_fhir_is_preliminary_and_no_observation(
    snapshot: Snapshot, drafts: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("radkg.interchange.published._BATCH_STUDIES", 2)
    path = tmp_path / "f.ndjson"
    plain = export(snapshot.storage, path, "fhir")
    before = read_bundles(path)
    said = export(snapshot.storage, path, "fhir", drafts=drafts)
    assert said == f"{plain} with 3 drafts; 1 drafts are of other studies"
    bundles = read_bundles(path)
    added = []
    for one, other in zip(before, bundles, strict=True):
        assert other["entry"][: len(one["entry"])] == one["entry"]
        added.append([e["resource"] for e in other["entry"][len(one["entry"]) :]])
        assert len(by_type(one, "Observation")) == len(by_type(other, "Observation"))
        assert len({entry["fullUrl"] for entry in other["entry"]}) == len(other["entry"])
    assert [len(each) for each in added] == [2, 2, 2, 0, 0]
    reports = [each[0] for each in added[:3]]
    assert [each["status"] for each in reports] == ["preliminary", "preliminary", "registered"]
    for each in reports:
        assert each["conclusion"].startswith("Research, not for diagnosis. A draft by the reporter")
        assert "result" not in each
        assert "presentedForm" not in each
    assert "unverified: it says more than its claims" in reports[1]["conclusion"]
    provenance = added[0][1]
    assert provenance["target"] == [{"reference": f"urn:uuid:{reports[0]['id']}"}]
    agents = {a["who"]["display"] for a in provenance["agent"]}
    assert agents == {"plan (image)", "radkg 0"}


def test_the_text_of_a_draft_is_written_where_text_is_asked_for(drafts: str, tmp_path: Path):
    (tmp_path / "in.csv").write_text(f"study_id,report\ns1,{REPORT}\n")
    archive = str(tmp_path / "in.csv")
    opened = open_archive(archive)
    read = list(opened.read(opened.index().to_pylist()))
    storage = publish_rows(tmp_path / "out", RulesExtractor()(read)).storage
    save_config(ExtractConfig(archive=archive, out=storage.uri), storage, archive)
    own = publish_drafts(tmp_path / "own", [write_draft(read[0], *SAID)]).storage.uri
    export(storage, tmp_path / "f", "fhir", drafts=own, with_text=True)
    (bundle,) = read_bundles(tmp_path / "f")
    _, draft = by_type(bundle, "DiagnosticReport")
    (form,) = draft["presentedForm"]
    assert base64.b64decode(form["data"]).decode() == "Small effusion. No mass. Really none."
    export(storage, tmp_path / "t", "tables", drafts=own, with_text=True)
    assert b"Really none" in (tmp_path / "t/drafts.csv").read_bytes()
    export(storage, tmp_path / "t", "tables", drafts=own)
    assert b"Really none" not in (tmp_path / "t/drafts.csv").read_bytes()


def test_tables_have_a_row_for_each_draft_and_each_claim(
    snapshot: Snapshot, drafts: str, tmp_path: Path
):
    said = export(snapshot.storage, tmp_path / "t", "tables", drafts=drafts, file_type="parquet")
    assert said.endswith(" edges, 4 drafts with 4 claims")
    table = pyarrow.parquet.read_table(tmp_path / "t/drafts.parquet")
    assert table["status"].to_pylist() == ["verified", "unverified", "empty", "verified"]
    assert "text" not in table.schema.names
    claims = pyarrow.parquet.read_table(tmp_path / "t/draft_claims.parquet").to_pylist()
    assert [(c["study_id"], c["claim"], c["finding"]) for c in claims] == [
        ("s1", 0, "effusion"),
        ("s1", 1, "mass"),
        ("s2", 0, "effusion"),
        ("s9", 0, "mass"),
    ]
    assert tuple(claims[0][side] for side in ("left", "top", "right", "bottom")) == BOX
    assert (claims[0]["image_id"], claims[0]["sentences"], claims[1]["left"]) == ("i", 1, None)
    export(snapshot.storage, tmp_path / "c", "tables", drafts=drafts, study="s2")
    one = pyarrow.csv.read_csv(tmp_path / "c/draft_claims.csv").to_pylist()
    assert [(c["study_id"], c["left"]) for c in one] == [("s2", 0.0)]


def test_what_is_retracted_is_exported_no_more(snapshot: Snapshot, drafts: str, tmp_path: Path):
    record_retraction(snapshot.storage, "study", "s2", undo=False)
    export(snapshot.storage, tmp_path / "t", "tables", drafts=drafts)
    table = pyarrow.csv.read_csv(tmp_path / "t/drafts.csv")
    assert table["study_id"].to_pylist() == ["s1", "s3", "s9"]
    said = export(snapshot.storage, tmp_path / "f", "fhir", drafts=drafts)
    assert said == "4 bundles with 2 drafts; 1 drafts are of other studies"


def test_drafts_that_do_not_fit_are_refused(snapshot: Snapshot, tmp_path: Path):
    other = [write_draft(row("s1", archive="other"), SAID[0])]
    elsewhere = publish_drafts(tmp_path / "other", other).storage.uri
    silent = Run(str(tmp_path / "silent"), DRAFTS)
    silent.publish(to_draft_table([write_draft(row("s1"), SAID[0])]))
    for uri, error, said in (
        (elsewhere, ConfigError, "are of the archive 'other', and the studies"),
        (snapshot.storage.uri, SnapshotError, "holds extractions, not drafts"),
        (silent.uri, SnapshotError, "is not in the audit log"),
    ):
        with pytest.raises(error, match=said):
            export(snapshot.storage, tmp_path / "x", "fhir", drafts=uri)
    assert not (tmp_path / "x").exists()
    assert open_storage(snapshot.storage.uri).exists("snapshot/CURRENT")
