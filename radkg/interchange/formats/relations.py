"""Relations between terms that others published: CSV, one relation a row."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, ClassVar

from radkg.interchange.formats.base import Format, ImportReport, ImportTarget, Option


@dataclass(frozen=True, kw_only=True)
class RelationsImport(Format):
    """Import a table of relations; the graph then holds exactly its rows under the table's name."""

    name: ClassVar[str] = "relations"
    help: ClassVar[str] = "CSV of what others know, beside the population in the graph"

    table: Annotated[
        str | None,
        Option("name of the table in the graph; default: that of the file.", flag="--name"),
    ] = None
    remove: Annotated[bool, Option("take the table out; of FILE only the name is needed.")] = False

    def read(self, file: Path, target: ImportTarget) -> ImportReport:
        """Write the relations into the graph, or remove them; report what the graph holds."""
        from radkg.interchange.relations import read_relations

        known = [] if self.remove else read_relations(file)
        return ImportReport(values=target.write_known(self.table or file.stem, known))
