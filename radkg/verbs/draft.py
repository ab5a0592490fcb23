"""Draft: one draft of a report for each study of an archive, published as a run of its own.

A draft is research output, not for diagnosis, and no fact: it never enters an extraction.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace

from radkg.progress import Progress, say_nothing
from radkg.reporter import resolve_reporter
from radkg.run.heartbeat import keep_heartbeat
from radkg.run.kind import DRAFTS
from radkg.run.run import Run
from radkg.run.settings import DraftConfig
from radkg.run.work import Runner
from radkg.verbs.publishing import name_first, publish_rows, record_run

_NOT_LOGGED = ("out", "seconds", "failed_studies", "empty_studies", "unverified_studies")


@dataclass(frozen=True)
class DraftReport:
    """What a run did: studies in, drafts out, and how many of them this run wrote."""

    studies: int
    rows: int
    verified: int
    """the text, read back, states the plan and nothing else"""
    unverified: int
    unverified_studies: tuple[str, ...]
    """the first of them with their reasons, and how many more there are"""
    empty: int
    empty_studies: tuple[str, ...]
    """the same of those without a draft: no image that could be looked at"""
    failed: int
    failed_studies: tuple[str, ...]
    claims: int
    sentences: int
    dropped: int
    """sentences that were left out, because no writing of them said what was planned"""
    written: int
    """drafts that this run wrote"""
    snapshot_id: str
    seconds: float
    out: str


def draft(config: DraftConfig, runner: Runner, progress: Progress = say_nothing) -> DraftReport:
    """Write a draft of every study that has none yet, and publish the snapshot.

    Raises:
        RadkgError: as `publish_rows` says.
    """
    run = Run(config.out, DRAFTS)
    config = replace(config, reporter=resolve_reporter(config.reporter))
    with (
        keep_heartbeat(run.storage, "draft", progress) as heartbeat,
        record_run("draft", config, run) as facts,
    ):
        with heartbeat("write drafts") as advance:
            published = publish_rows(config, run, runner, facts, advance, heartbeat)
        manifest, rows = published.manifest, published.rows
        report = DraftReport(
            studies=published.studies,
            rows=published.snapshot.num_studies,
            verified=manifest["status"]["verified"],
            unverified=manifest["status"]["unverified"],
            unverified_studies=name_first(rows, "unverified"),
            empty=manifest["status"]["empty"],
            empty_studies=name_first(rows, "empty"),
            failed=manifest["status"]["failed"],
            failed_studies=name_first(rows, "failed"),
            claims=manifest["claims"],
            sentences=manifest["sentences"],
            dropped=manifest["dropped"],
            written=published.made,
            snapshot_id=published.snapshot.snapshot_id,
            seconds=published.seconds,
            out=run.uri,
        )
        facts |= {k: v for k, v in asdict(report).items() if k not in _NOT_LOGGED}
    return report
