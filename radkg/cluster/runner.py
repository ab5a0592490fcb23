"""The extraction run on Ray Data: index, plan, run, publish. A rerun is the same call.

The unit file is the commit. Ray's own row checkpoint is not used: it can lose rows on S3 and does
nothing on in-memory sources (measured with Ray 2.60), while a listing of unit files cannot be
wrong.
"""

from __future__ import annotations

import contextlib
import functools
import json
import logging
import pickle
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc
import ray
import ray.data
from ray.exceptions import RayError

from radkg.archive import Archive
from radkg.cluster.images import PREPARED_IMAGE, ImagePreparer, read_prepared
from radkg.cluster.session import ray_session, show_no_bars
from radkg.errors import ClusterError, RadkgError, StorageError, TooManyFailures
from radkg.extractor import find_preprocessing, resolve_name
from radkg.run import audit
from radkg.run.isolation import Limits, Which
from radkg.run.planning import forecast_seconds, make_plan
from radkg.run.settings import ExtractConfig, save_config
from radkg.run.snapshot import publish, read_snapshot
from radkg.run.units import Unit
from radkg.run.worker import SHOWN_REASONS, UnitWorker
from radkg.schema.arrow import versions
from radkg.schema.records import Device
from radkg.storage import Storage, open_storage

if TYPE_CHECKING:  # it imports torch, which a driver can do without
    from radkg.model.vision.preprocessing import Preprocessing

logger = logging.getLogger(__name__)

_COUNTS = pa.schema(
    [
        ("studies", pa.int64()),
        ("failed", pa.int64()),
        ("reasons", pa.list_(pa.string())),
        ("error", pa.binary()),
    ]
)

Progress = Callable[[int, int, int], None]  # studies done, studies in all, studies failed
_Worker = tuple[Archive, Which, str, str, Limits]  # what UnitWorker takes


@dataclass(frozen=True)
class ExtractReport:
    """What a run did: studies in, rows out, and how many of them were extracted by this run."""

    studies: int
    rows: int
    failed: int
    empty: int
    entities: int
    relations: int
    extracted: int
    snapshot_id: str
    seconds: float
    planned_seconds: float | None
    """what `radkg plan` said of this very work; None where it was not asked"""
    out: str


def extract(config: ExtractConfig, progress: Progress | None = None) -> ExtractReport:
    """Extract every study of the archive that does not stand yet, and publish the snapshot.

    Raises:
        ArchiveError, ExtractorError: nothing could be started.
        TooManyFailures: more than `max_failed` of the studies failed; nothing new is published.
        ClusterError: Ray could not start, or lost the run; finished units stand.
        StorageError: `out` cannot be written; finished units stand.
    """
    storage = open_storage(config.out)
    config = replace(config, extractor=resolve_name(config.extractor))
    facts: dict[str, Any] = {"config": json.loads(config.to_json())}
    try:
        report = _extract(config, storage, facts, progress)
    except RadkgError as error:
        if "input" in facts:  # else nothing was started, and nothing is left behind
            with contextlib.suppress(StorageError):  # what failed may be the storage
                audit.record(storage, "extract", facts | {"outcome": type(error).__name__})
        raise
    counts = {
        k: v for k, v in asdict(report).items() if k not in ("out", "seconds", "planned_seconds")
    }
    line = audit.record(storage, "extract", facts | counts | {"outcome": "published"})
    logger.info("snapshot=%s audit=%s", report.snapshot_id, line)
    return report


def _extract(
    config: ExtractConfig, storage: Storage, facts: dict[str, Any], progress: Progress | None
) -> ExtractReport:
    """Do what `extract` does; `facts` gets what the audit log says of it."""
    start = time.perf_counter()
    plan = make_plan(config, storage)
    records, missing, model_id = plan.records, plan.missing, plan.extractor.model_id
    facts |= {"model_id": model_id, "input": plan.input}
    extracted = len(plan.to_extract)
    planned = forecast_seconds(plan, storage)
    logger.info(
        "planned studies=%d to_extract=%d units=%d units_missing=%d to_drop=%d model_id=%s",
        *(len(records), extracted, len(plan.units), len(missing), plan.gone, model_id),
    )

    budget = _Budget(len(records), config.max_failed, extracted, progress)
    if missing:
        budget.add(0, 0)  # the display shows how much there is while Ray starts
        memory = None if config.max_memory is None else int(config.max_memory * 2**30)
        which = (config.extractor, config.condition, config.device)
        limits = Limits(config.study_timeout, memory)
        worker = (plan.archive, which, model_id, storage.uri, limits)
        try:
            _run(missing, worker, find_preprocessing(plan.extractor), budget)
        except BaseException as error:
            if not isinstance(error, ClusterError):  # the units that were in hand did nothing
                with contextlib.suppress(StorageError):
                    plan.journal.forget({unit.unit_id for unit in missing})
            raise
    finished = (plan.journal.read(unit.unit_id) for unit in plan.units)
    rows = _gather(records, [plan.standing, *finished])
    budget.check(rows)
    if plan.units or plan.gone:
        snapshot = publish(storage, rows)
    else:
        snapshot = read_snapshot(storage)
        storage.sweep()  # what a run left that was killed after its last write
    save_config(config, storage, plan.archive.uri)  # a kill before it is mended by the next run
    plan.journal.tidy()
    manifest = snapshot.manifest
    return ExtractReport(
        studies=len(records),
        rows=snapshot.num_studies,
        failed=manifest["status"]["failed"],
        empty=manifest["status"]["empty"],
        entities=manifest["entities"],
        relations=manifest["relations"],
        extracted=extracted,
        snapshot_id=snapshot.snapshot_id,
        seconds=round(time.perf_counter() - start, 3),
        planned_seconds=None if planned is None else round(planned, 3),
        out=storage.uri,
    )


@dataclass
class _Budget:
    """Counts finished studies, shows them, and stops the run when too many have failed."""

    studies: int
    max_failed: float
    to_extract: int
    progress: Progress | None
    done: int = 0
    failed: int = 0

    def add(self, studies: int, failed: int, reasons: Sequence[str] = ()) -> None:
        """Count a finished unit."""
        self.done += studies
        self.failed += failed
        if self.progress:
            self.progress(self.done, self.to_extract, self.failed)
        self._stop_at(self.failed, reasons)

    def check(self, rows: pa.Table) -> None:
        """Count all rows that would be published."""
        failed = rows.filter(pc.equal(rows["status"], "failed"))
        first = failed.select(["study_id", "reason"]).slice(0, SHOWN_REASONS).to_pylist()
        self._stop_at(failed.num_rows, [f"{r['study_id']}: {r['reason']}" for r in first])

    def _stop_at(self, failed: int, reasons: Sequence[str]) -> None:
        if failed > self.max_failed * self.studies + 1e-9:  # 0.29 * 100 is less than 29
            raise TooManyFailures(
                f"{failed} of {self.studies} studies failed, more than --max-failed "
                f"{self.max_failed:g}, so nothing was published; such as {'; '.join(reasons)}: "
                "repair the archive, or run again with a higher limit"
            )


def _run(
    units: list[Unit], worker: _Worker, preprocessing: Preprocessing | None, budget: _Budget
) -> None:
    """Run the units through an actor pool; each commits itself, only its counts come back."""
    show_no_bars()
    archive, which, model_id, out, limits = worker
    *_, device = which
    with ray_session():
        # One row = one unit = one block: Ray neither merges units nor cuts them.
        blocks = [pa.table({"unit": [asdict(unit)]}) for unit in units]
        pool = _pool(device, len(units))
        if device == "cpu" or limits.memory is not None:
            limits = replace(limits, workers=pool.workers)
        todo: ray.data.Dataset = ray.data.from_arrow(blocks)
        if pool.readers and preprocessing:
            todo = todo.map_batches(
                _ImageActor,
                fn_constructor_args=(
                    *(preprocessing, model_id, out),
                    replace(limits, workers=pool.readers),
                ),
                batch_size=1,
                batch_format="pyarrow",
                compute=ray.data.ActorPoolStrategy(min_size=1, max_size=pool.readers),
                num_cpus=1,
            )
        counts = todo.map_batches(
            _UnitActor,
            fn_constructor_args=(archive, which, model_id, out, limits),
            batch_size=1,
            batch_format="pyarrow",
            compute=ray.data.ActorPoolStrategy(size=pool.workers, max_tasks_in_flight_per_actor=2),
            num_cpus=1,  # a dead actor comes back for ever: the attempts bound a poisoned unit
            num_gpus=None if device == "cpu" else 1,
        )
        try:
            for row in counts.iter_rows():
                if row["error"]:
                    raise pickle.loads(row["error"])
                budget.add(row["studies"], row["failed"], row["reasons"])
        except RayError as error:
            raise ClusterError(
                f"Ray lost the run: {error}: finished units stand, run the same command again"
            ) from error


class _Pool(NamedTuple):
    """How many actors of which kind a run has."""

    workers: int
    readers: int
    """of images, on CPUs beside workers on GPUs; 0: a worker reads its own"""


def _pool(device: Device, units: int) -> _Pool:
    """Return the pool for this cluster.

    Raises:
        ClusterError: there is no GPU, or no CPU beside it.
    """
    there = ray.cluster_resources()  # type: ignore[no-untyped-call]
    cpus, gpus = int(there.get("CPU", 1)), int(there.get("GPU", 0))
    if device == "cpu":
        if gpus:
            logger.warning("running on CPUs, and the cluster has %d GPU(s): --device cuda", gpus)
        return _Pool(max(1, min(cpus, units)), 0)
    if gpus < 1 or cpus < 2:
        raise ClusterError(
            f"--device cuda needs a GPU and two CPUs, and the cluster has {gpus} and {cpus}: add a "
            "node, or run with --device cpu"
        )
    workers = min(gpus, cpus - 1, units)
    return _Pool(workers, min(cpus - workers, units))


class _ImageActor:
    """Ray Data's view of an ImagePreparer: a unit comes in, and goes out with its images."""

    def __init__(self, *reader: Any) -> None:
        self._read = ImagePreparer(*reader)

    def __call__(self, batch: pa.Table) -> pa.Table:
        (unit,) = batch["unit"].to_pylist()
        found, error = None, None
        try:
            found = self._read(unit["unit_id"], unit["records"])
        except RadkgError as raised:
            error = pickle.dumps(raised)
        batch = batch.append_column("images", pa.array([found], pa.list_(PREPARED_IMAGE)))
        return batch.append_column("error", pa.array([error], pa.binary()))


class _UnitActor:
    """Ray Data's view of a UnitWorker: one unit per batch.

    An error of ours travels as data: Ray would hand the driver its traceback as text only.
    """

    def __init__(self, *worker: Any) -> None:
        self._make = functools.cache(functools.partial(UnitWorker, *worker))

    def __call__(self, batch: pa.Table) -> pa.Table:
        (row,) = batch.to_pylist()
        what = (row["unit"]["unit_id"], row["unit"]["records"])
        found = row.get("images", [])
        try:
            if row.get("error"):
                raise pickle.loads(row["error"])
            if found is None:  # they ended the process that prepares images, or broke its decoder
                counts = self._make()(*what, alone=True)
            else:
                counts = self._make()(*what, read_prepared(found) or None)
            counts |= {"error": None}
        except RadkgError as error:
            counts = {"studies": 0, "failed": 0, "reasons": [], "error": pickle.dumps(error)}
        return pa.Table.from_pylist([counts], schema=_COUNTS)


def _gather(records: list[dict[str, Any]], rows: list[pa.Table]) -> pa.Table:
    """Return one row per record out of standing and journalled rows, wherever each stands.

    Raises:
        ClusterError: a study has no row; rows in and rows out must be equal.
    """
    table = pa.concat_tables(rows)
    fingerprints = {r["study_id"]: r["fingerprint"] for r in records}
    keep = [fingerprints.get(study_id) == version for study_id, version in versions(table)]
    table = table.filter(pa.array(keep, pa.bool_()))
    if table.num_rows != len(records):
        raise ClusterError(
            f"{len(records)} studies in, {table.num_rows} rows out: nothing was published"
        )
    return table
