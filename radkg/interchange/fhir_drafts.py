"""A draft in FHIR R4: a DiagnosticReport without results, which says that it is research.

No Observation is made of a claim: a draft is no observed fact.
"""

from __future__ import annotations

from radkg.interchange.fhir_parts import (
    Resource,
    make_diagnostic_report,
    make_id,
    make_provenance,
    make_text,
)
from radkg.interchange.published import PublishedDraft

RESEARCH = "Research, not for diagnosis"
_STATUS = {  # "registered": there is no text
    "verified": "preliminary",
    "unverified": "preliminary",
    "empty": "registered",
    "failed": "registered",
}


def make_draft_resources(draft: PublishedDraft, *, with_text: bool) -> list[Resource]:
    """Return the DiagnosticReport of a draft, and its Provenance."""
    row = draft.row
    said = f"{row['status']}: {row['reason']}" if row["reason"] else row["status"]
    conclusion = f"{RESEARCH}. A draft by the reporter {row['reporter']!r} from images; {said}."
    form = {"presentedForm": [make_text(row["text"])]} if with_text and row["text"] else {}
    report = make_diagnostic_report(
        row,
        make_id(row, f"draft/{row['reporter']}", "DiagnosticReport"),
        _STATUS[row["status"]],
        conclusion=conclusion,
        **form,
    )
    source = (f"draft/{row['reporter']}", f"{row['reporter']} (image)", draft.snapshot_id)
    return [report, make_provenance(row, source, draft.recorded, [report])]
