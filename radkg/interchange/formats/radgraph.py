"""RadGraph JSON, out and in: an object of documents, each with its text, entities and relations."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from radkg.interchange.formats.base import Format, ImportReport, ImportTarget, Option

if TYPE_CHECKING:
    from radkg.storage import Storage


@dataclass(frozen=True, kw_only=True)
class RadGraphExport(Format):
    """Every published study as one document, with its report."""

    name: ClassVar[str] = "radgraph"
    help: ClassVar[str] = "JSON, which always holds the reports"
    refused: ClassVar[Mapping[str, str]] = {
        "drafts": "its documents are reports as they were read, and a draft is no report"
    }

    spelling: Annotated[
        Literal["v1", "xl"],
        Option("labels as v1 (OBS-DP, the default) or xl (Observation::definitely present)."),
    ] = "v1"

    def write(self, storage: Storage, path: Path) -> str:
        """Write one JSON file; return the number of documents."""
        from radkg.interchange.radgraph import export_radgraph

        return f"{export_radgraph(storage, path, self.spelling)} documents"


@dataclass(frozen=True, kw_only=True)
class RadGraphImport(Format):
    """Publish documents as a snapshot of the run, ready to be loaded."""

    name: ClassVar[str] = "radgraph"
    help: ClassVar[str] = "documents to publish and load, in either label spelling"

    def read(self, file: Path, target: ImportTarget) -> ImportReport:
        """Publish the documents; report their number and the snapshot."""
        from radkg.interchange.radgraph import import_radgraph

        snapshot = import_radgraph(file, target.storage)
        return ImportReport(
            values={"studies": snapshot.num_studies, "snapshot_id": snapshot.snapshot_id},
            sentence=f"{snapshot.num_studies} documents published under {target.storage.uri}",
        )
