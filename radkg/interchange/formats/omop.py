"""OMOP CDM 5.4: the table NOTE_NLP, and a table of the notes that it numbers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, ClassVar

from radkg.interchange.formats.base import Format, Option
from radkg.interchange.formats.options import FileType, Raw, WithText

if TYPE_CHECKING:
    from radkg.storage import Storage


@dataclass(frozen=True, kw_only=True)
class OmopExport(Format):
    """A directory with note_nlp, a row for every mention, and notes, a row for every study."""

    name: ClassVar[str] = "omop"
    help: ClassVar[str] = "a directory with NOTE_NLP of the CDM 5.4"
    refused: ClassVar[Mapping[str, str]] = {
        "drafts": "NOTE_NLP holds what notes say, and a draft is no note"
    }

    file_type: FileType = "csv"
    raw: Raw = False
    with_text: WithText = False
    vocabulary: Annotated[
        Path | None,
        Option("CSV with name,concept_id; a name is a concept's, or section:NAME."),
    ] = None
    notes: Annotated[Path | None, Option("CSV with study_id,note_id of your NOTE table.")] = None

    def write(self, storage: Storage, path: Path) -> str:
        """Write both tables into the directory; return the numbers of rows."""
        from radkg.interchange.ids import read_ids
        from radkg.interchange.omop import Site, write_omop
        from radkg.interchange.published import ReportReader
        from radkg.run.snapshot import read_snapshot

        snapshot = read_snapshot(storage)
        reports = ReportReader(storage) if self.with_text else None
        concepts = read_ids(self.vocabulary, "name", "concept_id") if self.vocabulary else {}
        note_ids = read_ids(self.notes, "study_id", "note_id") if self.notes else None
        site = Site(concepts=concepts, notes=note_ids)
        num_terms, num_notes = write_omop(
            snapshot, path, self.file_type, site, reports, raw=self.raw
        )
        return f"{num_terms} terms of {num_notes} notes"
