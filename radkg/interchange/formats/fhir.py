"""FHIR R4: newline-delimited JSON, a Bundle for each study."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from radkg.interchange.formats.base import Format
from radkg.interchange.formats.options import DraftsRun, OneStudy, WithText

if TYPE_CHECKING:
    from radkg.storage import Storage


@dataclass(frozen=True, kw_only=True)
class FhirExport(Format):
    """A Bundle a line: a DiagnosticReport, its Observations and their Provenance."""

    name: ClassVar[str] = "fhir"
    help: ClassVar[str] = "R4, JSON lines, a Bundle for each study"

    study: OneStudy = None
    with_text: WithText = False
    drafts: DraftsRun = None

    def write(self, storage: Storage, path: Path) -> str:
        """Write one file of JSON lines; return the number of bundles."""
        from radkg.interchange.fhir import encode_bundles
        from radkg.interchange.published import DraftReader, ReportReader
        from radkg.run.snapshot import read_snapshot
        from radkg.storage import write_atomically

        snapshot = read_snapshot(storage)
        reports = ReportReader(storage) if self.with_text else None
        drafts = DraftReader(self.drafts, snapshot) if self.drafts else None
        num_bundles = 0
        with write_atomically(path) as file:
            for line in encode_bundles(snapshot, self.study, reports, drafts):
                file.write(line)
                num_bundles += 1
        return f"{num_bundles} bundles{drafts.describe() if drafts else ''}"
