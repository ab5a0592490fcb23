"""Run units on Ray Data: a pool of workers, and on GPUs a pool of image readers beside it.

The unit file is the commit. Ray's own row checkpoint is not used: it can lose rows on S3 and does
nothing on in-memory sources (measured with Ray 2.60), while a listing of unit files cannot be
wrong.
"""

from __future__ import annotations

import functools
import logging
import pickle
from collections.abc import Generator
from dataclasses import asdict, replace
from typing import Any, NamedTuple

import pyarrow as pa
import ray
import ray.data
from ray.exceptions import RayError

from radkg.cluster.images import PREPARED_IMAGE, ImagePreparer, read_prepared
from radkg.cluster.session import join_ray, show_no_bars
from radkg.errors import ClusterError, RadkgError
from radkg.run.work import UnitResult, Work, Worker
from radkg.run.worker import UnitWorker
from radkg.schema.records import Device

logger = logging.getLogger(__name__)


class RayRunner:
    """Extracts units on the Ray that runs, that RAY_ADDRESS names, or that is started here."""

    def run(self, work: Work) -> Generator[UnitResult]:
        """Yield the results, as `Runner` says."""
        show_no_bars()
        with join_ray():
            try:
                for row in _dataset(work).iter_rows():
                    result: UnitResult | RadkgError = pickle.loads(row["result"])
                    if isinstance(result, RadkgError):
                        raise result
                    yield result
            except RayError as error:
                raise ClusterError(
                    f"Ray lost the run: {error}: finished units stand, run the same command again"
                ) from error


def _dataset(work: Work) -> ray.data.Dataset:
    """Return the units on their way through the actors; each commits itself, its result returns."""
    # One row = one unit = one block: Ray neither merges units nor cuts them.
    blocks = [pa.table({"unit": [asdict(unit)]}) for unit in work.units]
    worker, device = work.worker, work.worker.model.device
    pool = _pool(device, len(blocks))
    limits = worker.limits
    if device == "cpu" or limits.memory is not None:
        limits = replace(limits, workers=pool.workers)
    units: ray.data.Dataset = ray.data.from_arrow(blocks)
    if pool.readers and work.preprocessing:
        reader_limits = replace(limits, workers=pool.readers)
        units = units.map_batches(
            _ImageActor,
            fn_constructor_args=(work.preprocessing, worker.model_id, worker.out, reader_limits),
            batch_size=1,
            batch_format="pyarrow",
            compute=ray.data.ActorPoolStrategy(min_size=1, max_size=pool.readers),
            num_cpus=1,
        )
    return units.map_batches(
        _UnitActor,
        fn_constructor_args=(replace(worker, limits=limits),),
        batch_size=1,
        batch_format="pyarrow",
        compute=ray.data.ActorPoolStrategy(size=pool.workers, max_tasks_in_flight_per_actor=2),
        num_cpus=1,  # a dead actor comes back for ever: the attempts bound a poisoned unit
        num_gpus=None if device == "cpu" else 1,
    )


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

    def __init__(self, worker: Worker) -> None:
        self._load = functools.cache(functools.partial(UnitWorker, worker))

    def __call__(self, batch: pa.Table) -> pa.Table:
        (row,) = batch.to_pylist()
        what = (row["unit"]["unit_id"], row["unit"]["records"])
        found = row.get("images", [])
        result: UnitResult | RadkgError
        try:
            if row.get("error"):
                raise pickle.loads(row["error"])
            if found is None:  # they ended the process that prepares images, or broke its decoder
                result = self._load()(*what, alone=True)
            else:
                result = self._load()(*what, read_prepared(found) or None)
        except RadkgError as error:
            result = error
        return pa.table({"result": pa.array([pickle.dumps(result)], pa.binary())})
