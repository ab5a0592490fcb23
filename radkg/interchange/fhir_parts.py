"""Parts of FHIR resources: identifiers, codes, references, reports and where a resource is from."""

from __future__ import annotations

import base64
import json
import uuid
from collections.abc import Iterable
from datetime import datetime
from typing import Any
from urllib.parse import quote

from radkg.interchange.published import ArrowRow

Resource = dict[str, Any]
HL7 = "http://terminology.hl7.org/CodeSystem"

_NAMES = uuid.uuid5(uuid.NAMESPACE_URL, "urn:radkg:fhir")


def make_diagnostic_report(row: ArrowRow, resource_id: str, status: str, **own: Any) -> Resource:
    """Return a DiagnosticReport of a study, with elements of its own."""
    return {
        "resourceType": "DiagnosticReport",
        "id": resource_id,
        "identifier": [make_identifier("study", row["study_id"], row["archive"])],
        "status": status,
        "category": [make_coded(f"{HL7}/v2-0074", "RAD", "Radiology")],
        "code": make_coded("http://loinc.org", "18748-4", "Diagnostic imaging study"),
        **make_subject_and_date(row),
        **own,
    }


def make_provenance(
    row: ArrowRow,
    source: tuple[str, str, str | None],
    recorded: datetime,
    targets: Iterable[Resource],
) -> Resource:
    """Return the Provenance of resources.

    Args:
        row: of the study, with model_id, radkg_version and study_fingerprint.
        source: who made it, how that is shown, and the id of the snapshot; None: it is in none.
        recorded: when the snapshot was published, or the row made, with time zone.
        targets: the resources.
    """
    maker, shown, snapshot_id = source
    agents = (
        ("model", row["model_id"], shown),
        ("version", row["radkg_version"], f"radkg {row['radkg_version']}"),
    )
    sources = [("fingerprint", row["study_fingerprint"])]
    if snapshot_id is not None:
        sources.append(("snapshot", snapshot_id))
    return {
        "resourceType": "Provenance",
        "id": make_id(row, maker, f"Provenance/{snapshot_id}"),
        "target": [make_reference(each) for each in targets],
        "recorded": recorded.isoformat(timespec="seconds"),
        "agent": [
            {
                "type": make_coded(f"{HL7}/provenance-participant-type", "assembler", "Assembler"),
                "who": {"identifier": make_identifier(kind, value), "display": display},
            }
            for kind, value, display in agents
        ],
        "entity": [
            {"role": "source", "what": {"identifier": make_identifier(kind, value)}}
            for kind, value in sources
        ],
    }


def make_text(text: str) -> Resource:
    """Return a text as an Attachment."""
    data = base64.b64encode(text.encode()).decode()
    return {"contentType": "text/plain; charset=utf-8", "data": data}


def make_subject_and_date(row: ArrowRow) -> Resource:
    """Return the elements that name the patient, and the day of the study where it is known."""
    identifier = make_identifier("subject", row["subject_id"], row["archive"])
    subject = {"subject": {"identifier": identifier}}
    if row["study_date"] is None:
        return subject
    return subject | {"effectiveDateTime": row["study_date"].isoformat()}


def make_identifier(kind: str, value: str, archive: str | None = None) -> Resource:
    """Return an identifier; studies and subjects are known within their archive."""
    scope = f":{quote(archive, safe='')}" if archive else ""
    return {"system": f"urn:radkg:{kind}{scope}", "value": value}


def make_coded(system: str, code: str, display: str) -> Resource:
    """Return a CodeableConcept."""
    return {"coding": [{"system": system, "code": code, "display": display}]}


def make_id(row: ArrowRow, maker: str, what: str) -> str:
    """Return the id of a resource of a study: a hash of what it names."""
    key = json.dumps([row["archive"], row["study_id"], maker, what])
    return str(uuid.uuid5(_NAMES, key))


def make_url(resource: Resource) -> str:
    """Return the full URL of a resource."""
    return f"urn:uuid:{resource['id']}"


def make_reference(resource: Resource) -> Resource:
    """Return a Reference to a resource."""
    return {"reference": make_url(resource)}
