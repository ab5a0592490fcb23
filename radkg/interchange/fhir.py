"""FHIR R4: a Bundle for each study, with a DiagnosticReport, Observations and their Provenance.

An Observation is one finding of a study (schema/findings.py). That it is present, absent or
uncertain stands in its value and again in its interpretation; nobody has verified it, so its status
is preliminary. Patients are named by their identifier alone. Ids are hashes of what they name: a
study keeps its ids in every snapshot, a Provenance has an id for each snapshot.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime

from radkg.interchange.fhir_drafts import make_draft_resources
from radkg.interchange.fhir_parts import (
    HL7,
    Resource,
    make_coded,
    make_diagnostic_report,
    make_id,
    make_provenance,
    make_reference,
    make_subject_and_date,
    make_text,
    make_url,
)
from radkg.interchange.published import (
    ArrowRow,
    DraftReader,
    PublishedDraft,
    ReportReader,
    read_batches,
    read_publication_time,
)
from radkg.run.snapshot import Snapshot
from radkg.schema.findings import list_findings
from radkg.schema.mentions import STATES

FINDING_COLUMNS = ("name", "strongest", "modifiers", "places")
_INTERPRETATION = {"OBS-DP": "POS", "OBS-U": "IND", "OBS-DA": "NEG"}  # v3-ObservationInterpretation
_STATUS = {  # "registered": the study is known, but there is no result to report
    "ok": "preliminary",
    "empty": "preliminary",
    "failed": "registered",
}


def encode_bundles(
    snapshot: Snapshot,
    study: str | None = None,
    reports: ReportReader | None = None,
    drafts: DraftReader | None = None,
) -> Iterator[bytes]:
    """Yield one line of JSON per study: its Bundle.

    Args:
        snapshot: the snapshot to export.
        study: id of the only study to export; None: all studies.
        reports: adds the report to every DiagnosticReport and the words to every Observation;
            None: no text of reports is written.
        drafts: adds the draft of a study as a DiagnosticReport of its own; None: there are none.

    Raises:
        ConfigError: the snapshot has no such study.
        SnapshotError: published bytes or a report were changed, or the audit log does not say when
            the snapshot was published.
    """
    recorded = read_publication_time(snapshot)
    for batch in read_batches(snapshot, study):
        rows, findings = batch.to_pylist(), list_findings(batch, FINDING_COLUMNS).to_pylist()
        texts: Mapping[str, str] = reports.read(rows) if reports else {}
        drafted = drafts.read([row["study_id"] for row in rows]) if drafts else {}
        for row, found in zip(rows, findings, strict=True):
            study_id = row["study_id"]
            of_study = (texts.get(study_id), drafted.get(study_id))
            bundle = to_bundle(row, found, snapshot.snapshot_id, recorded, *of_study)
            yield (json.dumps(bundle, ensure_ascii=False) + "\n").encode()


def to_bundle(
    row: ArrowRow,
    findings: Sequence[ArrowRow],
    snapshot_id: str | None,
    recorded: datetime,
    report: str | None = None,
    draft: PublishedDraft | None = None,
) -> Resource:
    """Return the Bundle of one row of the extraction table.

    Args:
        row: the row of the study.
        findings: FINDING_COLUMNS of the findings of the study.
        snapshot_id: id of the snapshot; None: the row is in none.
        recorded: when the snapshot was published, or the row made, with time zone.
        report: the report to include; None: the Bundle holds no text of report or draft.
        draft: the draft to include.
    """
    observations = [
        _observation(row, finding, with_text=report is not None) for finding in findings
    ]
    diagnostic = _diagnostic_report(row, observations, report)
    resources = [diagnostic, *observations]
    reader = f"{row['extractor']} ({row['condition']})"
    source = (row["extractor"], reader, snapshot_id)
    resources.append(make_provenance(row, source, recorded, resources))
    if draft is not None:
        resources += make_draft_resources(draft, with_text=report is not None)
    return {
        "resourceType": "Bundle",
        "id": make_id(row, row["extractor"], "Bundle"),
        "type": "collection",
        "entry": [{"fullUrl": make_url(each), "resource": each} for each in resources],
    }


def _diagnostic_report(
    row: ArrowRow, observations: Iterable[Resource], report: str | None
) -> Resource:
    results = [make_reference(each) for each in observations]
    optional: Resource = {"result": results} if results else {}
    if report:
        optional["presentedForm"] = [make_text(report)]
    resource_id = make_id(row, row["extractor"], "DiagnosticReport")
    return make_diagnostic_report(row, resource_id, _STATUS[row["status"]], **optional)


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
        "id": make_id(row, row["extractor"], f"Observation/{finding['name']}"),
        "status": "preliminary",
        "category": [make_coded(f"{HL7}/observation-category", "imaging", "Imaging")],
        "code": {"text": finding["name"]},
        **make_subject_and_date(row),
        "valueCodeableConcept": {
            **make_coded("urn:radkg:label", entity["label"], word),
            "text": word,
        },
        "interpretation": [
            {"coding": [{"system": f"{HL7}/v3-ObservationInterpretation", "code": interpretation}]}
        ],
        **optional,
        "component": components,
    }
