"""Bundles, read by HL7's own classes, over all of a demo and over what is rare there."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from fhir.resources.R4B.bundle import Bundle

from radkg.errors import SnapshotError
from radkg.interchange.fhir import FINDING_COLUMNS, encode_bundles, to_bundle
from radkg.interchange.published import ReportReader, read_batches
from radkg.run.snapshot import publish, read_snapshot
from radkg.schema.arrow import to_table
from radkg.schema.findings import list_findings
from radkg.storage import open_storage
from tests.interchange.published import publish_rows, rows
from tests.support.runs.demo_run import DemoRun
from tests.support.runs.findings import describe_findings

SAID = {"OBS-DP": ("present", "POS"), "OBS-U": ("uncertain", "IND"), "OBS-DA": ("absent", "NEG")}


def by_type(bundle: dict[str, Any], name: str) -> list[dict[str, Any]]:
    resources = [entry["resource"] for entry in bundle["entry"]]
    return [resource for resource in resources if resource["resourceType"] == name]


def said(bundle: dict[str, Any]) -> dict[str, tuple[str, str]]:
    """Return by finding what its Observation says, twice."""
    return {
        each["code"]["text"]: (
            each["valueCodeableConcept"]["coding"][0]["display"],
            each["interpretation"][0]["coding"][0]["code"],
        )
        for each in by_type(bundle, "Observation")
    }


@pytest.mark.ray
def test_every_bundle_of_the_demo_is_valid_and_says_what_the_rows_say(demo_run: DemoRun):
    snapshot = read_snapshot(open_storage(str(demo_run.out)))
    lines = encode_bundles(snapshot)
    ids = set()
    for batch in read_batches(snapshot):
        for row in batch.to_pylist():
            line = next(lines)
            Bundle.model_validate_json(line)
            bundle = json.loads(line)
            ids.add(bundle["id"])
            expected = {each["name"]: SAID[each["label"]] for each in describe_findings(row)}
            assert said(bundle) == expected
            assert b"presentedForm" not in line
            assert b'"note"' not in line
            urls = [entry["fullUrl"] for entry in bundle["entry"]]
            assert len(set(urls)) == len(urls)
            results = by_type(bundle, "DiagnosticReport")[0].get("result", [])
            assert [r["reference"] for r in results] == urls[1:-1]
    assert next(lines, None) is None
    assert len(ids) == snapshot.num_studies


@pytest.mark.ray
def test_a_study_of_the_demo_holds_its_report_where_it_is_asked_for(demo_run: DemoRun):
    storage = open_storage(str(demo_run.out))
    (line,) = encode_bundles(read_snapshot(storage), "CXR4", ReportReader(storage))
    Bundle.model_validate_json(line)
    bundle = json.loads(line)
    (form,) = by_type(bundle, "DiagnosticReport")[0]["presentedForm"]
    report = base64.b64decode(form["data"]).decode()
    for each in by_type(bundle, "Observation"):
        assert each["note"][0]["text"] in report


def test_absent_stays_absent_and_no_modifier_changes_sides(tmp_path: Path):
    snapshot = publish_rows(tmp_path, rows())
    bundles = [json.loads(line) for line in encode_bundles(snapshot)]
    for bundle in bundles:
        Bundle.model_validate(bundle)
    second = {each["code"]["text"]: each for each in by_type(bundles[1], "Observation")}
    assert said(bundles[1])["mass"] == ("absent", "NEG")
    assert said(bundles[1])["nodule"] == ("present", "POS")
    names = [c.get("valueString") for c in second["nodule"]["component"]]
    assert "large" not in names  # "nodule, not large"
    assert second["nodule"]["bodySite"]["text"] == "left base"
    assert "effectiveDateTime" not in second["nodule"]
    first = {each["code"]["text"]: each for each in by_type(bundles[0], "Observation")}
    assert first["effusion"]["component"][0]["valueString"] == "small"


def test_a_study_that_failed_has_a_report_without_results_and_its_provenance(tmp_path: Path):
    snapshot = publish_rows(tmp_path, rows())
    empty, failed = (json.loads(line) for line in list(encode_bundles(snapshot))[2:4])
    assert by_type(empty, "DiagnosticReport")[0]["status"] == "preliminary"
    assert by_type(failed, "DiagnosticReport")[0]["status"] == "registered"
    assert "result" not in by_type(failed, "DiagnosticReport")[0]
    (provenance,) = by_type(failed, "Provenance")
    assert {a["who"]["identifier"]["value"] for a in provenance["agent"]} == {"m1", "0"}
    entities = {e["what"]["identifier"]["value"] for e in provenance["entity"]}
    assert entities == {"f-s4", snapshot.snapshot_id}


def test_ids_stay_from_night_to_night_but_for_the_provenance(tmp_path: Path):
    batch = next(read_batches(publish_rows(tmp_path, rows())))
    row = batch.to_pylist()[0]
    found = list_findings(batch, FINDING_COLUMNS).to_pylist()[0]
    first, second = (
        to_bundle(row, found, snapshot_id, datetime(2026, 1, day, tzinfo=UTC))
        for day, snapshot_id in ((1, "a" * 16), (2, "b" * 16))
    )
    assert first["id"] == second["id"]
    assert first["entry"][:-1] == second["entry"][:-1]
    assert first["entry"][-1]["fullUrl"] != second["entry"][-1]["fullUrl"]


def test_a_night_that_no_log_knows_is_refused(tmp_path: Path):
    snapshot = publish(open_storage(str(tmp_path)), to_table(rows()))
    with pytest.raises(SnapshotError, match="not in the audit log"):
        next(encode_bundles(snapshot))
