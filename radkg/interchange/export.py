"""`radkg export`: one door to every format, with the options that each of them takes."""

from __future__ import annotations

from dataclasses import dataclass, fields
from pathlib import Path
from typing import cast

from radkg.errors import ConfigError
from radkg.interchange.fhir import fhir_lines
from radkg.interchange.graphml import write_graphml
from radkg.interchange.ids import read_ids
from radkg.interchange.omop import Site, write_omop
from radkg.interchange.property_graph import PropertyGraph, mentions, population
from radkg.interchange.published import Reports
from radkg.interchange.radgraph import export_radgraph
from radkg.interchange.tables import FILE_TYPES, HEADERS, FileType, Headers, write_tables
from radkg.run.retractions import retained
from radkg.run.snapshot import Snapshot, read_snapshot
from radkg.storage import Storage, writing

LEVELS = ("population", "mentions")
_GRAPH = {"level", "study", "with_text"}
FORMATS = {  # and their options
    "radgraph": {"spelling"},
    "graphml": _GRAPH,
    "tables": _GRAPH | {"headers", "file_type"},
    "fhir": {"study", "with_text"},
    "omop": {"file_type", "with_text", "vocabulary", "notes"},
}
_CHOICES = {"level": LEVELS, "headers": HEADERS, "file_type": FILE_TYPES}


@dataclass(frozen=True, kw_only=True)
class ExportOptions:
    """What was asked for; None or False: nothing, so that the format's default holds."""

    spelling: str | None = None
    level: str | None = None
    study: str | None = None
    headers: str | None = None
    file_type: str | None = None
    with_text: bool = False
    vocabulary: Path | None = None
    notes: Path | None = None


def export(storage: Storage, path: Path, name: str, options: ExportOptions) -> str:
    """Write what is published in a format; return what was written, in words.

    Twice gives equal bytes. What stood at `path` is replaced when all is written.

    Args:
        storage: of the run.
        path: a file, or a directory for `tables` and `omop`.
        name: one of FORMATS.
        options: those of the format.

    Raises:
        ConfigError: no such format, no such study, or an option that it does not take.
        SnapshotError: nothing is published, or something is not as it was published.
        StorageError: `path` cannot be written.
    """
    _check(name, options)
    if name == "radgraph":
        return f"{export_radgraph(storage, path, options.spelling or 'v1')} documents"
    snapshot = read_snapshot(storage)
    file_type = cast(FileType, options.file_type or "csv")
    if name == "graphml":
        with writing(path) as file:
            write_graphml(_graph(snapshot, options), file)
        return f"the graph of {options.study or f'{retained(snapshot).num_studies} studies'}"
    if name == "tables":
        headers = cast(Headers, options.headers or "plain")
        counts = write_tables(_graph(snapshot, options), path, file_type, headers)
        return f"{counts[0]} nodes and {counts[1]} edges"
    reports = Reports(storage) if options.with_text else None
    if name == "fhir":
        count = 0
        with writing(path) as file:
            for line in fhir_lines(snapshot, options.study, reports):
                file.write(line)
                count += 1
        return f"{count} bundles"
    concepts = read_ids(options.vocabulary, "name", "concept_id") if options.vocabulary else {}
    numbers = read_ids(options.notes, "study_id", "note_id") if options.notes else None
    site = Site(concepts=concepts, notes=numbers)
    terms, notes = write_omop(snapshot, path, file_type, site, reports)
    return f"{terms} terms of {notes} notes"


def _graph(snapshot: Snapshot, options: ExportOptions) -> PropertyGraph:
    if options.study is not None or options.level == "mentions":
        return mentions(snapshot, options.study, with_text=options.with_text)
    return population(snapshot)


def _check(name: str, options: ExportOptions) -> None:
    if name not in FORMATS:
        raise ConfigError(f"no format {name!r}: known: {', '.join(FORMATS)}")
    given = {field.name: getattr(options, field.name) for field in fields(options)}
    for option, value in given.items():
        flag = f"--{option.replace('_', '-')}"
        if value and option not in FORMATS[name]:
            known = ", ".join(other for other, takes in FORMATS.items() if option in takes)
            raise ConfigError(f"{flag} is not for --format {name}, but for {known}")
        if value and option in _CHOICES and value not in _CHOICES[option]:
            raise ConfigError(f"no {flag} {value!r}: known: {', '.join(_CHOICES[option])}")
    if options.level == "population" and (options.study or options.with_text):
        raise ConfigError("--study and --with-text are of the mentions, not of the population")
