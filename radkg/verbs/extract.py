"""Extract: one extraction for each study of an archive, published."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace

from radkg.extractor import resolve_name
from radkg.progress import Progress, say_nothing
from radkg.run.changes import Changes
from radkg.run.heartbeat import keep_heartbeat
from radkg.run.run import Run
from radkg.run.settings import ExtractConfig
from radkg.run.work import Runner
from radkg.verbs.publishing import name_first, publish_rows, record_run

_NOT_LOGGED = ("out", "seconds", "planned_seconds", "failed_studies", "empty_studies")


@dataclass(frozen=True)
class ExtractReport:
    """What a run did: studies in, rows out, and how many of them were extracted by this run."""

    studies: int
    rows: int
    failed: int
    failed_studies: tuple[str, ...]
    """the first failed ones with their reasons, and how many more there are"""
    empty: int
    empty_studies: tuple[str, ...]
    """the same of the empty ones, in which no entity was found"""
    entities: int
    relations: int
    extracted: int
    snapshot_id: str
    seconds: float
    planned_seconds: float | None
    """what `radkg plan` said of this very work; None where it was not asked"""
    out: str


def extract(
    config: ExtractConfig, runner: Runner, progress: Progress = say_nothing
) -> ExtractReport:
    """Extract every study of the archive that is not extracted yet, and publish the snapshot.

    Raises:
        RadkgError: as `publish_rows` says.
    """
    return extract_changes(config, runner, progress)[0]


def extract_changes(
    config: ExtractConfig, runner: Runner, progress: Progress = say_nothing
) -> tuple[ExtractReport, Changes | None]:
    """Extract, and return also how the snapshot differs from the one that was published before.

    None where nothing was published, or its rows were of another version.

    Raises:
        RadkgError: as `publish_rows` says.
    """
    run = Run(config.out)
    config = replace(config, extractor=resolve_name(config.extractor))
    with (
        keep_heartbeat(run.storage, "extract", progress) as heartbeat,
        record_run("extract", config, run) as facts,
    ):
        with heartbeat("extract triplets") as advance:
            published = publish_rows(config, run, runner, facts, advance, heartbeat)
        manifest, rows = published.manifest, published.rows
        report = ExtractReport(
            studies=published.studies,
            rows=published.snapshot.num_studies,
            failed=manifest["status"]["failed"],
            failed_studies=name_first(rows, "failed"),
            empty=manifest["status"]["empty"],
            empty_studies=name_first(rows, "empty"),
            entities=manifest["entities"],
            relations=manifest["relations"],
            extracted=published.made,
            snapshot_id=published.snapshot.snapshot_id,
            seconds=published.seconds,
            planned_seconds=published.planned_seconds,
            out=run.uri,
        )
        facts |= {k: v for k, v in asdict(report).items() if k not in _NOT_LOGGED}
    return report, published.changes
