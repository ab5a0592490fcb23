"""What each worker of a training run does: it trains, and the first one writes what is kept."""

from __future__ import annotations

import contextlib
import dataclasses
import pickle
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import ray
import ray.train
import ray.train.torch
import torch

from radkg.errors import ConfigError, StorageError, TrainingError
from radkg.train.curve import METRICS, TENSORBOARD
from radkg.train.directory import RunDirectory, open_run_directory
from radkg.train.loop import run_stage
from radkg.train.stage_task import StagePaths, TrainJob, TrainStage, open_stage_task

_v2: Any = ray.train  # to a type checker its names are those of Ray Train's first version
_torch: Any = ray.train.torch

_STATE = "state.pt"


def place_job(job: TrainJob, directory: RunDirectory) -> TrainJob:
    """Return the job as this process works on it, in its own directory of the run."""
    return dataclasses.replace(job, out=str(directory.path))


def train_worker(settings: Mapping[str, Any]) -> bytes | None:
    """Train on one worker of the group; return an error that every worker meets alike.

    Such an error would come again: as a return value it ends the run, raised it would be retried.
    """
    job, stage = settings["job"], settings["stage"]
    # Two threads add up in another order than one: the weights would depend on the number of cores.
    torch.set_num_threads(1)
    try:
        with open_run_directory(job.out) as directory:
            _work(place_job(job, directory), stage, directory)
    except (TrainingError, ConfigError) as error:
        return pickle.dumps(error)
    return None


def _work(job: TrainJob, stage: TrainStage, directory: RunDirectory) -> None:
    """Train on one worker; the first one writes the curve and the model."""
    paths = StagePaths(directory.path, stage.name)
    context = _v2.get_context()
    is_first = context.get_world_rank() == 0
    if not paths.is_prepared:
        node = ray.util.get_node_ip_address()  # type: ignore[no-untyped-call]
        raise StorageError(
            f"node {node} does not see {paths.out}: give an --out that all nodes share, or "
            "s3://bucket/prefix"
        )
    task = open_stage_task(job, stage, paths)

    def keep(state: Mapping[str, Any], step: int) -> None:
        if is_first:  # the curve is never behind a checkpoint
            directory.send_files(METRICS)
            directory.send_files(TENSORBOARD)
        _report(state, step, is_first)

    with contextlib.ExitStack() as stack:
        if is_first:
            directory.fetch_file(METRICS)
            stack.enter_context(directory.keep_sending(METRICS))
        state = run_stage(
            task,
            stage.make_train_config(job),
            stage.name,
            paths.out,
            state=_last_state(),
            checkpoint=keep,
            parallel=job.parallel,
            device=_torch.get_device(),
        )
    if is_first:
        directory.send_files(TENSORBOARD)
        unfinished = paths.model.with_name("model.unfinished")
        shutil.rmtree(unfinished, ignore_errors=True)
        task.save(unfinished, state["model"], _write_notes(job, stage, state))
        unfinished.rename(paths.model)
        directory.send_directory(paths.name("model"))


def _last_state() -> Mapping[str, Any] | None:
    checkpoint = _v2.get_checkpoint()
    if checkpoint is None:
        return None
    with checkpoint.as_directory() as directory:
        state: Mapping[str, Any] = torch.load(
            Path(directory) / _STATE, map_location="cpu", weights_only=True, mmap=True
        )
    return state


def _report(state: Mapping[str, Any], step: int, is_first: bool) -> None:
    """Hand a checkpoint to Ray Train; every worker takes part.

    The storage has the checkpoint when this returns; the controller registers it a moment later.
    """
    if not is_first:
        _v2.report({"step": step})
        return
    with tempfile.TemporaryDirectory() as directory:
        torch.save(state, Path(directory) / _STATE)
        _v2.report({"step": step}, checkpoint=_v2.Checkpoint.from_directory(directory))


def _write_notes(job: TrainJob, stage: TrainStage, state: Mapping[str, Any]) -> str:
    """Return how the model was trained, as Markdown for its card."""
    settings = dataclasses.asdict(stage.make_train_config(job)) | {"steps taken": state["step"]}
    lines = [f"- {name}: {value}" for name, value in settings.items()]
    head = f"Trained with `radkg train --preset {job.preset}`, stage `{stage.name}`"
    return "\n".join([head + f", archive `{Path(job.archive).name}`:", "", *lines]) + "\n"
