"""Run units on Ray Data: a pool of workers, and on GPUs a pool of image readers beside it.

The pools follow the cluster while it grows (pools.py).

The unit file is the commit. Ray's own row checkpoint is not used: it can lose rows on S3 and does
nothing on in-memory sources (measured with Ray 2.60), while a listing of unit files cannot be
wrong.
"""

from __future__ import annotations

import os
import pickle
import queue
import threading
from collections.abc import Generator
from concurrent.futures import Future
from dataclasses import asdict, replace
from typing import Any

import pyarrow as pa
import ray
import ray.data
from ray.data.exceptions import ExecutionTimeoutError
from ray.exceptions import RayError

from radkg.cluster.causes import say_cause
from radkg.cluster.gauges import RayGauges
from radkg.cluster.images import PREPARED_IMAGE, ImagePreparer, read_prepared
from radkg.cluster.latecomers import send_whole
from radkg.cluster.pools import Bounds, Pool, choose_pool, get_need, get_room, watch_room
from radkg.cluster.session import join_ray, show_no_bars
from radkg.errors import ClusterError, RadkgError
from radkg.run.stream import count_units_ahead, run_stream
from radkg.run.work import UnitResult, Work, Worker
from radkg.run.worker import Task, UnitWorker


class RayRunner:
    """Extracts units on the Ray that runs, that RAY_ADDRESS names, or that is started here.

    Args:
        workers: least and greatest number of them; None: one at least, and all that the cluster
            gives. A cluster that has no place for one is waited for.
    """

    def __init__(self, workers: Bounds | None = None) -> None:
        self._workers = workers

    def run(self, work: Work) -> Generator[UnitResult]:
        """Yield the results, as `Runner` says."""
        show_no_bars()
        can_grow = ray.is_initialized() or (os.environ.get("RAY_ADDRESS") or "local") != "local"
        with join_ray():
            device, gpus_each = work.worker.model.device, work.worker.model.engine.gpus
            pool = choose_pool(
                device,
                len(work.units),
                get_room(),
                self._workers,
                can_grow=can_grow,
                gpus_each=gpus_each,
            )
            try:
                with watch_room(get_need(device, gpus_each)):
                    yield from _run_units(work, pool)
            except ExecutionTimeoutError as error:
                raise ClusterError(
                    f"no unit was finished for {_patience_s():.0f} s, and the cluster has "
                    f"{get_room()}: finished units stand, run the same command again"
                ) from error
            except RayError as error:
                raise ClusterError(
                    f"Ray lost the run: {say_cause(error)}: finished units stand, run the same "
                    "command again"
                ) from error


def _run_units(work: Work, pool: Pool) -> Generator[UnitResult]:
    gauges = RayGauges(work)
    for row in _dataset(work, pool).iter_rows():
        result: UnitResult | RadkgError = pickle.loads(row["result"])
        if isinstance(result, RadkgError):
            raise result
        gauges.count(result)
        yield result


def _patience_s() -> float:
    """Return the seconds that Ray Data waits for the next unit, whatever the cluster lacks."""
    return float(ray.data.DataContext.get_current().execution_no_progress_timeout_s)


def _dataset(work: Work, pool: Pool) -> ray.data.Dataset:
    """Return the units on their way through the actors; each commits itself, its result returns."""
    # One row = one unit = one block: Ray neither merges units nor cuts them.
    blocks = [pa.table({"unit": [asdict(unit)]}) for unit in work.units]
    worker, device = work.worker, work.worker.model.device
    ahead = count_units_ahead(work.units, worker.model.engine.batch_tokens)
    # no worker holds units that another one could begin
    in_hand = min(ahead + 2, max(1, len(blocks) // pool.initial))
    limits = worker.limits
    if device == "cpu" or limits.memory is not None:
        limits = replace(limits, workers=pool.high)
    units: ray.data.Dataset = ray.data.from_arrow(blocks)
    if pool.readers and work.preprocessing:
        reader_limits = replace(limits, workers=pool.readers)
        reader = (work.preprocessing, worker.model_id, worker.out, reader_limits)
        actor, args = send_whole(_ImageActor, *reader)
        units = units.map_batches(
            actor,
            fn_constructor_args=args,
            batch_size=1,
            batch_format="pyarrow",
            compute=ray.data.ActorPoolStrategy(min_size=1, max_size=pool.readers),
            num_cpus=1,
        )
    actor, args = send_whole(_UnitActor, replace(worker, limits=limits), ahead)
    return units.map_batches(
        actor,
        fn_constructor_args=args,
        batch_size=1,
        batch_format="pyarrow",
        compute=ray.data.ActorPoolStrategy(
            min_size=pool.low,
            max_size=pool.high,
            initial_size=pool.initial,
            max_tasks_in_flight_per_actor=2 * in_hand,  # as many wait there as are worked on
            max_concurrent_calls_per_actor=in_hand,
            enable_true_multi_threading=True,
        ),
        num_cpus=1,  # a dead actor comes back for ever: the attempts bound a poisoned unit
        num_gpus=None if device == "cpu" else worker.model.engine.gpus,
    )


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
    """Ray Data's view of a UnitWorker: one unit per batch, several batches in hand.

    Ray calls it from several threads; one thread of its own streams their units. An error of ours
    travels as data: Ray would hand the driver its traceback as text only.
    """

    def __init__(self, worker: Worker, ahead: int) -> None:
        self._worker, self._ahead = worker, ahead
        self._lock = threading.Lock()
        self._tasks: queue.SimpleQueue[Task | None] = queue.SimpleQueue()
        self._results: dict[str, Future[UnitResult]] = {}
        self._stream: threading.Thread | None = None

    def __call__(self, batch: pa.Table) -> pa.Table:
        (row,) = batch.to_pylist()
        found = row.get("images", [])
        result: UnitResult | RadkgError
        try:
            if row.get("error"):
                raise pickle.loads(row["error"])
            # without images: they ended the process that prepares them, or broke its decoder
            images = None if found is None else read_prepared(found) or None
            unit = row["unit"]
            task = Task(unit["unit_id"], unit["records"], images, alone=found is None)
            result = self._submit(task).result()
        except RadkgError as error:
            result = error
        return pa.table({"result": pa.array([pickle.dumps(result)], pa.binary())})

    def _submit(self, task: Task) -> Future[UnitResult]:
        future: Future[UnitResult] = Future()
        with self._lock:
            self._results[task.unit_id] = future
            if self._stream is None:
                self._tasks = queue.SimpleQueue()  # what waits for a task of the last one stays so
                self._stream = threading.Thread(target=self._run, args=(self._tasks,), daemon=True)
                self._stream.start()
            self._tasks.put(task)
        return future

    def _run(self, tasks: queue.SimpleQueue[Task | None]) -> None:
        """Stream units until the process ends; after an error the next unit begins a new stream."""
        try:
            worker = UnitWorker(self._worker)
            waiting_tasks = iter(tasks.get, None)
            stream = run_stream(worker, waiting_tasks, self._ahead, lambda: tasks.put(None))
            for result in stream:
                self._results.pop(result.unit_id).set_result(result)
        except BaseException as error:
            with self._lock:
                waiting, self._results, self._stream = self._results, {}, None
            for future in waiting.values():
                future.set_exception(error)
