"""FHIR R4: a Bundle for each study, with a DiagnosticReport, Observations and their Provenance.

An Observation is one finding of a study (schema/findings.py). That it is present, absent or
uncertain stands in its value and again in its interpretation; nobody has verified it, so its status
is preliminary. Patients are named by their identifier alone. Ids are hashes of what they name: a
study keeps its ids in every snapshot, a Provenance has an id for each snapshot.
"""

from __future__ import annotations

import base64
import json
import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any
from urllib.parse import quote

from radkg.interchange.published import ArrowRow, ReportReader, read_batches, read_publication_time
from radkg.run.snapshot import Snapshot
from radkg.schema.findings import list_findings
from radkg.schema.mentions import STATES

Resource = dict[str, Any]

_NAMES = uuid.uuid5(uuid.NAMESPACE_URL, "urn:radkg:fhir")
FINDING_COLUMNS = ("name", "strongest", "modifiers", "places")
_HL7 = "http://terminology.hl7.org/CodeSystem"
_INTERPRETATION = {"OBS-DP": "POS", "OBS-U": "IND", "OBS-DA": "NEG"}  # v3-ObservationInterpretation
_STATUS = {  # "registered": the study is known, but there is no result to report
    "ok": "preliminary",
    "empty": "preliminary",
    "failed": "registered",
}


def encode_bundles(
    snapshot: Snapshot, study: str | None = None, reports: ReportReader | None = None
) -> Iterator[bytes]:
    """Yield one line of JSON per study: its Bundle.

    Args:
        snapshot: the snapshot to export.
        study: id of the only study to export; None: all studies.
        reports: adds the report to every DiagnosticReport and the words to every Observation;
            None: no text of reports is written.

    Raises:
        ConfigError: the snapshot has no such study.
        SnapshotError: published bytes or a report were changed, or the audit log does not say when
            the snapshot was published.
    """
    recorded = read_publication_time(snapshot)
    for batch in read_batches(snapshot, study):
        rows, findings = batch.to_pylist(), list_findings(batch, FINDING_COLUMNS).to_pylist()
        texts: Mapping[str, str] = reports.read(rows) if reports else {}
        for row, found in zip(rows, findings, strict=True):
            text = texts.get(row["study_id"])
            bundle = to_bundle(row, found, snapshot.snapshot_id, recorded, text)
            yield (json.dumps(bundle, ensure_ascii=False) + "\n").encode()


def to_bundle(
    row: ArrowRow,
    findings: Sequence[ArrowRow],
    snapshot_id: str,
    recorded: datetime,
    report: str | None = None,
) -> Resource:
    """Return the Bundle of one row of the extraction table.

    Args:
        row: the row of the study.
        findings: FINDING_COLUMNS of the findings of the study.
        snapshot_id: id of the snapshot.
        recorded: when the snapshot was published, with time zone.
        report: the report to include; None: the Bundle holds no text of the report.
    """
    observations = [
        _observation(row, finding, with_text=report is not None) for finding in findings
    ]
    diagnostic = _diagnostic_report(row, observations, report)
    resources = [diagnostic, *observations]
    resources.append(_provenance(row, snapshot_id, recorded, resources))
    return {
        "resourceType": "Bundle",
        "id": _id(row, "Bundle"),
        "type": "collection",
        "entry": [{"fullUrl": _url(each), "resource": each} for each in resources],
    }


def _diagnostic_report(
    row: ArrowRow, observations: Iterable[Resource], report: str | None
) -> Resource:
    results = [_reference(each) for each in observations]
    optional: Resource = {"result": results} if results else {}
    if report:
        data = base64.b64encode(report.encode()).decode()
        optional["presentedForm"] = [{"contentType": "text/plain; charset=utf-8", "data": data}]
    return {
        "resourceType": "DiagnosticReport",
        "id": _id(row, "DiagnosticReport"),
        "identifier": [_identifier("study", row["study_id"], row["archive"])],
        "status": _STATUS[row["status"]],
        "category": [_coded(f"{_HL7}/v2-0074", "RAD", "Radiology")],
        "code": _coded("http://loinc.org", "18748-4", "Diagnostic imaging study"),
        **_subject_and_date(row),
        **optional,
    }


def _observation(row: ArrowRow, finding: ArrowRow, *, with_text: bool) -> Resource:
    entity = row["entities"][finding["strongest"]]
    word, interpretation = STATES[entity["label"]], _INTERPRETATION[entity["label"]]
    places = finding["places"]
    optional: Resource = {"bodySite": {"text": "; ".join(places)}} if places else {}
    if with_text and entity["source"] == "report":
        optional["note"] = [{"text": entity["text"]}]
    components = [
        {"code": {"text": "modifier"}, "valueString": name} for name in finding["modifiers"] or ()
    ]
    confidence = {"value": entity["confidence"], "system": "http://unitsofmeasure.org", "code": "1"}
    components.append({"code": {"text": "confidence"}, "valueQuantity": confidence})
    return {
        "resourceType": "Observation",
        "id": _id(row, f"Observation/{finding['name']}"),
        "status": "preliminary",
        "category": [_coded(f"{_HL7}/observation-category", "imaging", "Imaging")],
        "code": {"text": finding["name"]},
        **_subject_and_date(row),
        "valueCodeableConcept": {
            **_coded("urn:radkg:label", entity["label"], word),
            "text": word,
        },
        "interpretation": [
            {"coding": [{"system": f"{_HL7}/v3-ObservationInterpretation", "code": interpretation}]}
        ],
        **optional,
        "component": components,
    }


def _provenance(
    row: ArrowRow, snapshot_id: str, recorded: datetime, targets: Iterable[Resource]
) -> Resource:
    agents = (
        ("model", row["model_id"], f"{row['extractor']} ({row['condition']})"),
        ("version", row["radkg_version"], f"radkg {row['radkg_version']}"),
    )
    sources = (("fingerprint", row["study_fingerprint"]), ("snapshot", snapshot_id))
    return {
        "resourceType": "Provenance",
        "id": _id(row, f"Provenance/{snapshot_id}"),
        "target": [_reference(each) for each in targets],
        "recorded": recorded.isoformat(timespec="seconds"),
        "agent": [
            {
                "type": _coded(f"{_HL7}/provenance-participant-type", "assembler", "Assembler"),
                "who": {"identifier": _identifier(kind, value), "display": display},
            }
            for kind, value, display in agents
        ],
        "entity": [
            {"role": "source", "what": {"identifier": _identifier(kind, value)}}
            for kind, value in sources
        ],
    }


def _subject_and_date(row: ArrowRow) -> Resource:
    subject = {"subject": {"identifier": _identifier("subject", row["subject_id"], row["archive"])}}
    if row["study_date"] is None:
        return subject
    return subject | {"effectiveDateTime": row["study_date"].isoformat()}


def _identifier(kind: str, value: str, archive: str | None = None) -> Resource:
    """Return an identifier; studies and subjects are known within their archive."""
    scope = f":{quote(archive, safe='')}" if archive else ""
    return {"system": f"urn:radkg:{kind}{scope}", "value": value}


def _coded(system: str, code: str, display: str) -> Resource:
    return {"coding": [{"system": system, "code": code, "display": display}]}


def _id(row: ArrowRow, what: str) -> str:
    key = json.dumps([row["archive"], row["study_id"], row["extractor"], what])
    return str(uuid.uuid5(_NAMES, key))


def _url(resource: Resource) -> str:
    return f"urn:uuid:{resource['id']}"


def _reference(resource: Resource) -> Resource:
    return {"reference": _url(resource)}
