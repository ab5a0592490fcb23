"""Make rows of an archive's studies and publish them, one for each: the policy of a run.

What is read, how many studies may fail and what is published is decided here, whatever the rows
are. The runner brings units to workers, and is this machine or Ray. A rerun is the same call.
"""

from __future__ import annotations

import contextlib
import json
import logging
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from radkg.errors import ClusterError, RadkgError, StorageError, TooManyFailures
from radkg.progress import Advance
from radkg.run.changes import Changes
from radkg.run.heartbeat import Heartbeat
from radkg.run.isolation import Limits
from radkg.run.planning import Plan, forecast_seconds, make_plan
from radkg.run.pseudonyms import record_pseudonyms
from radkg.run.run import Run
from radkg.run.settings import RunConfig, save_config
from radkg.run.snapshot import Snapshot
from radkg.run.work import Runner, Work, Worker
from radkg.run.worker import SHOWN_REASONS
from radkg.schema.arrow import list_versions

logger = logging.getLogger(__name__)

_NO_REASON = "no entity was found"


@dataclass(frozen=True)
class Published:
    """What a run published, and how much of it this run made."""

    snapshot: Snapshot
    rows: pa.Table
    changes: Changes | None
    """from what was published before, as `find_changes` finds them; None where nothing was"""
    studies: int
    """of the archive"""
    made: int
    """rows that this run made"""
    planned_seconds: float | None
    """what `radkg plan` said of this very work; None where it was not asked"""
    seconds: float

    @property
    def manifest(self) -> dict[str, Any]:
        """Of the snapshot: its counts."""
        return self.snapshot.manifest


@contextlib.contextmanager
def record_run(verb: str, config: RunConfig, run: Run) -> Iterator[dict[str, Any]]:
    """Write what becomes of a run into the audit log: the block adds what the log says of it.

    A run that failed before it read the archive leaves nothing behind, not even a line.
    """
    facts: dict[str, Any] = {"config": json.loads(config.to_json())}
    try:
        yield facts
    except RadkgError as error:
        if "input" in facts:
            with contextlib.suppress(StorageError):  # what failed may be the storage
                run.audit.record(verb, facts | {"outcome": type(error).__name__})
        raise
    line = run.audit.record(verb, facts | {"outcome": "published"})
    logger.info("snapshot=%s audit=%s", facts["snapshot_id"], line)


def publish_rows(
    config: RunConfig,
    run: Run,
    runner: Runner,
    facts: dict[str, Any],
    advance: Advance,
    heartbeat: Heartbeat,
) -> Published:
    """Make the rows that do not stand yet, and publish one for each study of the archive.

    Args:
        config: of the run.
        run: where it publishes.
        runner: brings units to workers.
        facts: gets what the audit log says of the run.
        advance: is told how many studies are done, of how many, and how many of them failed.
        heartbeat: of the driver.

    Raises:
        ArchiveError, ExtractorError: nothing could be started.
        TooManyFailures: more than `max_failed` of the studies failed; nothing new is published.
        ClusterError: the workers could not start, or were lost; finished units stand.
        StorageError: `out` cannot be written; finished units stand.
    """
    start = time.perf_counter()
    plan = make_plan(config, run.storage)
    records, to_make = plan.records, len(plan.to_extract)
    model_id = plan.maker.model.model_id
    facts |= {"model_id": model_id, "input": plan.input}
    planned = forecast_seconds(plan, run.storage)
    logger.info(
        "planned studies=%d to_extract=%d units=%d units_missing=%d to_drop=%d model_id=%s",
        *(len(records), to_make, len(plan.units), len(plan.missing), plan.gone),
        model_id,
    )
    heartbeat.plan(model_id, config.device, len(records), to_make, len(plan.missing))
    record_pseudonyms(plan.names, run.storage)
    budget = _Budget(len(records), config.max_failed, to_make, advance)
    if plan.missing:
        _run_units(config, run, plan, runner, budget, heartbeat, planned)
    finished = [plan.journal.read(unit.unit_id) for unit in plan.units]
    kept, came = _gather(records, plan.standing, finished)
    rows = pa.concat_tables([kept, came])
    budget.check(rows)
    if plan.units or plan.gone:
        snapshot = run.publish(rows)
    else:
        snapshot = run.read_snapshot()
        run.storage.sweep()  # what a run left that was killed after its last write
    # a kill before the settings are saved is mended by the next run
    save_config(config, run.storage, plan.archive.uri)
    plan.journal.tidy()
    changes = _tell_changes(plan, snapshot, kept, came)
    seconds = round(time.perf_counter() - start, 3)
    planned = None if planned is None else round(planned, 3)
    return Published(snapshot, rows, changes, len(records), to_make, planned, seconds)


def _run_units(
    config: RunConfig,
    run: Run,
    plan: Plan,
    runner: Runner,
    budget: _Budget,
    heartbeat: Heartbeat,
    forecast_s: float | None,
) -> None:
    """Have the runner do what is missing; each unit commits itself."""
    memory = None if config.max_memory is None else int(config.max_memory * 2**30)
    worker = Worker(
        archive=plan.archive,
        model=config.spec,
        model_id=plan.maker.model.model_id,
        out=run.uri,
        limits=Limits(config.study_timeout, memory),
    )
    work = Work(
        units=plan.missing,
        worker=worker,
        preprocessing=plan.maker.preprocessing,
        forecast_s=forecast_s,
    )
    budget.add(0, 0)  # the display shows how much there is while workers start
    try:
        with contextlib.closing(runner.run(work)) as results:
            for result in results:
                heartbeat.count(result)
                budget.add(result.studies, result.failed, result.reasons)
    except BaseException as error:
        if not isinstance(error, ClusterError):  # the units that were in hand did nothing
            with contextlib.suppress(StorageError):
                plan.journal.forget({unit.unit_id for unit in plan.missing})
        raise


@dataclass
class _Budget:
    """Counts finished studies, shows them, and stops the run when too many have failed."""

    studies: int
    max_failed: float
    to_extract: int
    advance: Advance
    done: int = 0
    failed: int = 0

    def add(self, studies: int, failed: int, reasons: Sequence[str] = ()) -> None:
        """Count a finished unit."""
        self.done += studies
        self.failed += failed
        self.advance(self.done, self.to_extract, self.failed)
        self._stop_at(self.failed, reasons)

    def check(self, rows: pa.Table) -> None:
        """Count all rows that would be published."""
        failed, first = _list_first(rows, "failed")
        self._stop_at(failed, first)

    def _stop_at(self, failed: int, reasons: Sequence[str]) -> None:
        if failed > self.max_failed * self.studies + 1e-9:  # 0.29 * 100 is less than 29
            raise TooManyFailures(
                f"{failed} of {self.studies} studies failed, more than --max-failed "
                f"{self.max_failed:g}, so nothing was published; such as {'; '.join(reasons)}: "
                "repair the archive, or run again with a higher limit"
            )


def _list_first(rows: pa.Table, status: str) -> tuple[int, list[str]]:
    """Return how many rows have a status, and the first of them with their reasons."""
    having = rows.select(["study_id", "reason"]).filter(pc.equal(rows["status"], status))
    first = having.slice(0, SHOWN_REASONS).to_pylist()
    return having.num_rows, [f"{row['study_id']}: {row['reason'] or _NO_REASON}" for row in first]


def name_first(rows: pa.Table, status: str) -> tuple[str, ...]:
    """Return the first studies with a status for people, and the number of the others."""
    number, first = _list_first(rows, status)
    more = number - len(first)
    return (*first, f"and {more} more") if more else tuple(first)


def _gather(
    records: list[dict[str, Any]], standing: pa.Table, finished: Sequence[pa.Table]
) -> tuple[pa.Table, pa.Table]:
    """Return one row per record, wherever each stands: those that stay, and those that came.

    Raises:
        ClusterError: a study has no row; rows in and rows out must be equal.
    """
    fingerprints = {r["study_id"]: r["fingerprint"] for r in records}

    def select(rows: pa.Table) -> pa.Table:
        keep = [fingerprints.get(study_id) == version for study_id, version in list_versions(rows)]
        return rows if all(keep) else rows.filter(pa.array(keep, pa.bool_()))

    kept = select(standing)
    came = select(pa.concat_tables([standing.schema.empty_table(), *finished]))
    if (found := kept.num_rows + came.num_rows) != len(records):
        raise ClusterError(f"{len(records)} studies in, {found} rows out: nothing was published")
    return kept, came


def _tell_changes(plan: Plan, snapshot: Snapshot, kept: pa.Table, came: pa.Table) -> Changes | None:
    """Return what differs from what was published before, without comparing any row.

    A row that stays is the same row. One that came has another fingerprint or model than the one
    that was published of its study.
    """
    if plan.base is None:
        return None
    stays = pc.is_in(plan.published["study_id"], kept["study_id"].combine_chunks())
    gone = plan.published.filter(pc.invert(stays))
    ids = plan.base.snapshot_id, snapshot.snapshot_id
    return Changes(ids, gone, came.sort_by("study_id"))
