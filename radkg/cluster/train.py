"""The training run on Ray Train: stages in order, elastic workers. A rerun is the same call.

What goes on after a lost worker or driver is the checkpoint that Ray Train registered last: same
name and storage, same run. The order of the data is a function of seed and step, so the loss curve
of a disturbed run is that of a quiet one. Workers meet in a directory that all of them see, or
under s3://bucket/prefix.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import logging
import os
import pickle
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import TimeoutError as NotYet
from pathlib import Path
from typing import Any

import ray
import ray.train
import ray.train.torch
from ray.exceptions import RayError

from radkg.cluster.causes import find_ours, say_cause
from radkg.cluster.gloo import ClusterTorchConfig
from radkg.cluster.session import join_ray
from radkg.cluster.train_worker import place_job, train_worker
from radkg.errors import ClusterError, ConfigError
from radkg.storage import S3Storage, open_s3, open_storage
from radkg.train.curve import METRICS, read_curve, read_last_line
from radkg.train.directory import SEND_S, RunDirectory, open_run_directory
from radkg.train.finish import finish_model
from radkg.train.presets import select_stages
from radkg.train.stage_task import StagePaths, TrainJob, TrainStage, prepare_stage

logger = logging.getLogger(__name__)

_v2: Any = ray.train  # to a type checker its names are those of Ray Train's first version
_torch: Any = ray.train.torch

Progress = Callable[[str, Mapping[str, Any] | None], None]  # stage, newest line of its curve

_CHECKPOINTS = "ray"
_SETTINGS = "config.json"
RESIZE_S = 60.0
"""how long a run of MIN-MAX workers waits before it looks for more"""
_POLL_S = 0.5
_MAY_CHANGE = (
    "out",
    "stages",
    "workers",
    "parallel",
    "max_failures",
)  # may differ in a run that goes on


@dataclasses.dataclass(frozen=True)
class TrainReport:
    """What a run did; `stages` has the last line of each stage's curve."""

    preset: str
    model: str
    stages: list[dict[str, Any]]
    seconds: float
    out: str


def train(job: TrainJob, progress: Progress | None = None) -> TrainReport:
    """Run the stages of a preset that do not stand yet, and leave `model` and the loss curve.

    Raises:
        ConfigError: the settings cannot be, or `out` holds a run with other settings.
        TrainingError: the loss became no number; the last checkpoint stands.
        ClusterError: Ray could not start, or lost the run; the last checkpoint stands.
    """
    start = time.perf_counter()
    stages = select_stages(job.preset, job.stages)
    if job.images is None:
        seeing = [stage.name for stage in stages if stage.needs_images]
        if job.stages and seeing:
            raise ConfigError(f"stage {seeing[0]} learns from images: give --images")
        stages = tuple(stage for stage in stages if not stage.needs_images)
        if not stages:
            raise ConfigError(f"preset {job.preset} learns from images: give --images")
    for stage in stages:
        stage.make_settings(job)
        if stage.needs_knowledge and job.knowledge is None:
            raise ConfigError(
                f"stage {stage.name} learns from a knowledge graph: build one with `radkg "
                "knowledge build`, and give its directory as --knowledge"
            )
    if job.teacher and not any(stage.takes_teacher for stage in stages):
        raise ConfigError(f"preset {job.preset} reads no reports: leave --teacher out")
    out = _claim_directory(job)
    with open_run_directory(job.out) as directory, contextlib.ExitStack() as stack:
        if not all(StagePaths(directory.path, stage.name).model.is_dir() for stage in stages):
            stack.enter_context(join_ray())
        for stage in stages:
            _train_stage(job, stage, directory, progress)
        directory.fetch_file(METRICS)
        finish_model(place_job(job, directory), stages[-1])
        directory.send_directory("model")
        lines = {line["stage"]: line for line in read_curve(directory.path)}
    return TrainReport(
        preset=job.preset,
        model=f"{out}/model",
        stages=[lines[stage.name] for stage in stages if stage.name in lines],
        seconds=round(time.perf_counter() - start, 1),
        out=out,
    )


def train_stage(job: TrainJob, stage: TrainStage, progress: Progress | None = None) -> None:
    """Run one stage, unless its model stands already; from its last checkpoint, if it has one."""
    with open_run_directory(job.out) as directory:
        _train_stage(job, stage, directory, progress)


def _train_stage(
    job: TrainJob, stage: TrainStage, directory: RunDirectory, progress: Progress | None
) -> None:
    paths = StagePaths(directory.path, stage.name)
    if paths.model.is_dir():
        logger.info("stage=%s stands already", stage.name)
        return
    if progress:
        progress(stage.name, None)
    if not paths.is_prepared:
        prepare_stage(place_job(job, directory), stage, paths)
        directory.send_directory(paths.name("data"))
    with join_ray():
        _fit(job, stage, directory, progress)
    directory.fetch()
    # The checkpoints go: the model of the stage is what counts.
    directory.delete(paths.name(_CHECKPOINTS))


def _fit(
    job: TrainJob, stage: TrainStage, directory: RunDirectory, progress: Progress | None
) -> None:
    """Let Ray Train run the stage; look at its curve while it does."""
    os.environ.setdefault("RAY_TRAIN_HEALTH_CHECK_INTERVAL_S", "1")
    low, high = job.workers
    resources = ray.cluster_resources()  # type: ignore[no-untyped-call]
    gpu = resources.get("GPU", 0) >= low
    trainer = _torch.TorchTrainer(
        train_worker,
        # Ray Train gives each worker a working directory of its own
        train_loop_config={"job": job.make_absolute(), "stage": stage},
        torch_config=ClusterTorchConfig(),
        scaling_config=_v2.ScalingConfig(
            num_workers=low if low == high else (low, high),
            use_gpu=gpu,
            elastic_resize_monitor_interval_s=RESIZE_S,
            resources_per_worker={"CPU": 1} | ({"GPU": 1} if gpu else {}),
        ),
        run_config=_v2.RunConfig(
            name=_CHECKPOINTS,
            **_find_storage(job, stage),
            failure_config=_v2.FailureConfig(max_failures=job.max_failures),
            checkpoint_config=_v2.CheckpointConfig(num_to_keep=2),
            logging_config=_v2.LoggingConfig(log_level="ERROR"),
        ),
    )
    # not in the main thread, where Ray Train would take Ctrl-C for itself
    pool = ThreadPoolExecutor(1)
    looked = time.monotonic()
    try:
        running = pool.submit(trainer.fit)
        while True:
            try:
                result = running.result(timeout=_POLL_S)
                break
            except NotYet:
                if time.monotonic() > looked + SEND_S:
                    directory.fetch_file(METRICS)
                    looked = time.monotonic()
                line = read_last_line(directory.path)
                if progress and line and line["stage"] == stage.name:
                    progress(stage.name, line)
    except _v2.TrainingFailedError as error:
        if ours := find_ours(error):
            raise ours from error
        times = f", {job.max_failures + 1} times in all" if job.max_failures else ""
        raise ClusterError(
            f"stage {stage.name} failed{times}: {say_cause(error)}: the last checkpoint stands, "
            "run the same command again"
        ) from error
    except RayError as error:
        raise ClusterError(
            f"Ray lost stage {stage.name}: {say_cause(error)}: the last checkpoint stands, run the "
            "same command again"
        ) from error
    finally:
        pool.shutdown(wait=False)
    if result.return_value:
        raise pickle.loads(result.return_value)


def _find_storage(job: TrainJob, stage: TrainStage) -> dict[str, Any]:
    """Return where Ray Train keeps the checkpoints of a stage."""
    storage = open_storage(job.out)
    place = StagePaths(Path(), stage.name).locate_stage(stage.name)
    if not isinstance(storage, S3Storage):
        return {"storage_path": str(storage.root / place)}
    from pyarrow.fs import FSSpecHandler, PyFileSystem

    return {
        "storage_path": f"{storage.uri.removeprefix('s3://')}/{place.as_posix()}",
        "storage_filesystem": PyFileSystem(FSSpecHandler(open_s3())),
    }


def _claim_directory(job: TrainJob) -> str:
    """Write the settings, or check that the run that stands there has the same; return the place.

    Raises:
        ConfigError: it has others.
        StorageError: nothing can be written there.
    """
    storage = open_storage(job.out)
    if storage.exists(_SETTINGS):
        earlier = json.loads(storage.read(_SETTINGS))
        now = json.loads(job.to_json())
        # a key that an older radkg did not write is at its default, which is empty
        pairs = {k: (earlier.get(k) or None, now[k] or None) for k in now if k not in _MAY_CHANGE}
        changed = [k for k, (before, after) in pairs.items() if before != after]
        if changed:
            raise ConfigError(
                f"{storage.uri} holds a run with another {', '.join(changed)}: give the same "
                "settings to go on, or another --out to start over"
            )
    storage.write(_SETTINGS, job.to_json().encode())
    return storage.uri
