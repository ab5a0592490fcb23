"""Import: publish the documents of a file, or put a table of known relations into the graph."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from radkg.graph.load.knowledge import write_knowledge
from radkg.interchange.formats.base import ImportFormat, ImportReport, ImportTarget
from radkg.progress import Progress, say_nothing
from radkg.run.run import Run
from radkg.schema.known import KnownRelation
from radkg.verbs.graphs import GraphConfig, open_run_graph


@dataclass(frozen=True, kw_only=True)
class ImportConfig(GraphConfig):
    """What to import, into which run."""

    file: Path
    out: str


def import_file(
    config: ImportConfig, file_format: ImportFormat, progress: Progress = say_nothing
) -> ImportReport:
    """Import a file, and write a line into the audit log.

    Args:
        config: which file, into which run and graph.
        file_format: reads the file; `make_format` makes one of a name and options.
        progress: is told of each stage.

    Raises:
        SchemaError, StorageError: the file is not of its format, or cannot be read.
        GraphError, GraphUnavailable: there is no graph, or it refused the table.
    """
    run = Run(config.out)

    def write_known(table: str, known: Sequence[KnownRelation]) -> Mapping[str, object]:
        stage = "import relations" if known else "remove the table"
        with open_run_graph(run, config) as graph, progress(stage) as advance:
            report = asdict(write_knowledge(graph, table, known, advance))
        run.audit.record("import", {"graph": graph.engine.name, **report})
        return report

    return file_format.read(config.file, ImportTarget(storage=run.storage, write_known=write_known))
