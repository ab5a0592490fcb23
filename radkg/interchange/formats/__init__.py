"""The registry of export formats and import formats.

To add a format: write one file in this folder with a class that follows `ExportFormat` or
`ImportFormat` of base.py, and name the class in EXPORT_FORMATS or IMPORT_FORMATS. The command line
takes names, help and options from this registry at every start of `radkg`. So a file of this folder
imports pyarrow, the graph and other slow modules only inside its method.
"""

from __future__ import annotations

from radkg.interchange.formats.base import ExportFormat, ImportFormat
from radkg.interchange.formats.fhir import FhirExport
from radkg.interchange.formats.graphml import GraphmlExport
from radkg.interchange.formats.omop import OmopExport
from radkg.interchange.formats.radgraph import RadGraphExport, RadGraphImport
from radkg.interchange.formats.relations import RelationsImport
from radkg.interchange.formats.tables import TablesExport

EXPORT_FORMATS: tuple[type[ExportFormat], ...] = (
    RadGraphExport,
    GraphmlExport,
    TablesExport,
    FhirExport,
    OmopExport,
)
IMPORT_FORMATS: tuple[type[ImportFormat], ...] = (RadGraphImport, RelationsImport)
