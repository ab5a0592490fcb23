"""The training run on Ray Train: stages in order, elastic workers. A rerun is the same call.

What goes on after a lost worker or driver is the checkpoint that Ray Train registered last: same
name and storage, same run. The order of the data is a function of seed and step, so the loss curve
of a disturbed run is that of a quiet one. Workers need a directory that all of them see.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import pickle
import shutil
import tempfile
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import TimeoutError as NotYet
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import ray
import ray.train
import ray.train.torch
import torch
from ray.exceptions import RayError

from radkg.cluster.session import join_ray
from radkg.errors import ClusterError, ConfigError, RadkgError, TrainingError
from radkg.train.curve import read_curve, read_last_line
from radkg.train.finish import finish_model
from radkg.train.loop import run_stage
from radkg.train.presets import select_stages
from radkg.train.stage_task import StagePaths, TrainJob, TrainStage, open_stage_task, prepare_stage

logger = logging.getLogger(__name__)

_v2: Any = ray.train  # to a type checker its names are those of Ray Train's first version
_torch: Any = ray.train.torch

Progress = Callable[[str, Mapping[str, Any] | None], None]  # stage, newest line of its curve

_STATE = "state.pt"
_SETTINGS = "config.json"
_POLL_S = 0.5
_MAY_CHANGE = (
    "out",
    "stages",
    "workers",
    "parallel",
    "max_failures",
)  # may differ in a run that goes on


@dataclass(frozen=True)
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
    out = Path(job.out).resolve()
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
    _claim_directory(job, out)
    with contextlib.ExitStack() as stack:
        if not all(StagePaths(out, stage.name).model.is_dir() for stage in stages):
            stack.enter_context(join_ray())
        for stage in stages:
            train_stage(job, stage, progress)
    model = finish_model(job, stages[-1])
    lines = {line["stage"]: line for line in read_curve(out)}
    return TrainReport(
        preset=job.preset,
        model=str(model),
        stages=[lines[stage.name] for stage in stages if stage.name in lines],
        seconds=round(time.perf_counter() - start, 1),
        out=str(out),
    )


def train_stage(job: TrainJob, stage: TrainStage, progress: Progress | None = None) -> None:
    """Run one stage, unless its model stands already; from its last checkpoint, if it has one."""
    paths = StagePaths(Path(job.out).resolve(), stage.name)
    if paths.model.is_dir():
        logger.info("stage=%s stands already", stage.name)
        return
    if progress:
        progress(stage.name, None)
    prepare_stage(job, stage, paths)
    with join_ray():
        _fit(job, stage, paths, progress)
    # The checkpoints go: the model of the stage is what counts.
    shutil.rmtree(paths.locate_stage(stage.name) / "ray", ignore_errors=True)


def _fit(job: TrainJob, stage: TrainStage, paths: StagePaths, progress: Progress | None) -> None:
    """Let Ray Train run the stage; look at its curve while it does."""
    os.environ.setdefault("RAY_TRAIN_HEALTH_CHECK_INTERVAL_S", "1")
    low, high = job.workers
    resources = ray.cluster_resources()  # type: ignore[no-untyped-call]
    gpu = resources.get("GPU", 0) >= low
    trainer = _torch.TorchTrainer(
        _train_worker,
        # Ray Train gives each worker a working directory of its own
        train_loop_config={"job": job.make_absolute(), "stage": stage},
        scaling_config=_v2.ScalingConfig(
            num_workers=low if low == high else (low, high),
            use_gpu=gpu,
            resources_per_worker={"CPU": 1} | ({"GPU": 1} if gpu else {}),
        ),
        run_config=_v2.RunConfig(
            name="ray",
            storage_path=str(paths.locate_stage(stage.name)),
            failure_config=_v2.FailureConfig(max_failures=job.max_failures),
            checkpoint_config=_v2.CheckpointConfig(num_to_keep=2),
            logging_config=_v2.LoggingConfig(log_level="ERROR"),
        ),
    )
    # not in the main thread, where Ray Train would take Ctrl-C for itself
    pool = ThreadPoolExecutor(1)
    try:
        running = pool.submit(trainer.fit)
        while True:
            try:
                result = running.result(timeout=_POLL_S)
                break
            except NotYet:
                line = read_last_line(paths.out)
                if progress and line and line["stage"] == stage.name:
                    progress(stage.name, line)
    except _v2.TrainingFailedError as error:
        causes = getattr(error, "worker_failures", {}).values()
        ours = [getattr(cause, "base_exc", cause) for cause in causes]
        for cause in ours:
            if isinstance(cause, RadkgError):
                raise cause from error
        raise ClusterError(
            f"stage {stage.name} failed more than {job.max_failures} times: {error}: the last "
            "checkpoint stands, run the same command again"
        ) from error
    except RayError as error:
        raise ClusterError(
            f"Ray lost stage {stage.name}: {error}: the last checkpoint stands, run the same "
            "command again"
        ) from error
    finally:
        pool.shutdown(wait=False)
    if result.return_value:
        raise pickle.loads(result.return_value)


def _train_worker(settings: Mapping[str, Any]) -> bytes | None:
    """Train on one worker of the group; return an error that every worker meets alike.

    Such an error would come again: as a return value it ends the run, raised it would be retried.
    """
    job, stage = settings["job"], settings["stage"]
    paths = StagePaths(Path(job.out).resolve(), stage.name)
    context = _v2.get_context()
    is_first = context.get_world_rank() == 0
    # Two threads add up in another order than one: the weights would depend on the number of cores.
    torch.set_num_threads(1)
    try:
        task = open_stage_task(job, stage, paths)
        state = run_stage(
            task,
            stage.make_train_config(job),
            stage.name,
            paths.out,
            state=_last_state(),
            checkpoint=lambda state, step: _report(state, step, is_first),
            parallel=job.parallel,
            device=_torch.get_device(),
        )
    except (TrainingError, ConfigError) as error:
        return pickle.dumps(error)
    if is_first:
        unfinished = paths.model.with_name("model.unfinished")
        shutil.rmtree(unfinished, ignore_errors=True)
        task.save(unfinished, state["model"], _write_notes(job, stage, state))
        unfinished.rename(paths.model)
    return None


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
    """Hand a checkpoint to Ray Train; it is safe when this returns. Every worker takes part."""
    if not is_first:
        _v2.report({"step": step})
        return
    with tempfile.TemporaryDirectory() as directory:
        torch.save(state, Path(directory) / _STATE)
        _v2.report({"step": step}, checkpoint=_v2.Checkpoint.from_directory(directory))


def _claim_directory(job: TrainJob, out: Path) -> None:
    """Write the settings, or check that the run that stands there has the same.

    Raises:
        ConfigError: it has others.
    """
    path = out / _SETTINGS
    if path.exists():
        earlier = json.loads(path.read_text())
        now = json.loads(job.to_json())
        # a key that an older radkg did not write is at its default, which is empty
        pairs = {k: (earlier.get(k) or None, now[k] or None) for k in now if k not in _MAY_CHANGE}
        changed = [k for k, (before, after) in pairs.items() if before != after]
        if changed:
            raise ConfigError(
                f"{out} holds a run with another {', '.join(changed)}: give the same settings to "
                "go on, or another --out to start over"
            )
    out.mkdir(parents=True, exist_ok=True)
    path.write_text(job.to_json())


def _write_notes(job: TrainJob, stage: TrainStage, state: Mapping[str, Any]) -> str:
    """Return how the model was trained, as Markdown for its card."""
    settings = asdict(stage.make_train_config(job)) | {"steps taken": state["step"]}
    lines = [f"- {name}: {value}" for name, value in settings.items()]
    head = f"Trained with `radkg train --preset {job.preset}`, stage `{stage.name}`"
    return "\n".join([head + f", archive `{Path(job.archive).name}`:", "", *lines]) + "\n"
