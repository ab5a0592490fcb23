"""The contract of a stage: examples prepared once, then read by every worker that trains.

A stage names the module of its task (`TaskModule`). A new kind of model is a file in `stages/` with
the three functions of that protocol, and a row of the table in presets.py.
"""

from __future__ import annotations

import dataclasses
import importlib
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol, cast

from torch import Tensor, nn

from radkg.config import Config
from radkg.errors import ConfigError
from radkg.private import make_directory
from radkg.train.trainer import PARALLELS, Parallel, Precision, TrainConfig

Batch = dict[str, Tensor]

READS_REPORTS = "reads English reports of chest X-rays. Nobody tried other texts."
READS_IMAGES = "looks at frontal chest radiographs. Nobody tried other images."

_PATHS = ("archive", "out", "images", "language", "vision", "knowledge", "radgraph")
_DONE = "done"


@dataclasses.dataclass(frozen=True, kw_only=True)
class TrainJob(Config):
    """What to train, on what, with how many workers."""

    preset: str
    """name in radkg.train.presets"""
    archive: str
    """`openi`, or the path of an archive; only its training split is read"""
    out: str
    """directory of the run; on several nodes one that all of them see, or s3://bucket/prefix"""
    images: str | None = None
    """directory with the archive's images"""
    stages: tuple[str, ...] = ()
    """names of the stages to run; none: all of the preset"""
    language: str | None = None
    """Hugging Face directory of a Qwen2-architecture model to start from"""
    vision: str | None = None
    """image encoder, as vision.encoders.load_encoder takes it; None: the one trained here"""
    knowledge: str | None = None
    """directory of a knowledge graph, as `radkg knowledge build` writes it"""
    settings: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    """a stage's own settings that differ from the preset's, by name"""
    radgraph: str | None = None
    """RadGraph JSON file with more examples of the target `copy`"""
    only_radgraph: bool = False
    """whether the target `copy` is learnt from that file alone, not from the rules' reading"""
    teacher: str | None = None
    """a run, or an extractor, whose reading of the training reports the target `copy` learns as
    well, in place of the reading of the shipped one-pass model or of the rules"""
    limit: int | None = None
    """only the first N studies"""
    steps: int | None = None
    """optimizer steps of every stage; None: as the preset says"""
    workers: tuple[int, int] = (1, 1)
    """fewest and most workers; the run goes on with any number between them"""
    parallel: Parallel = "ddp"
    precision: Precision | None = None
    """None: as the preset says"""
    max_failures: int = 3
    """lost workers after which the run gives up"""

    def __post_init__(self) -> None:
        if not self.out or ("://" in self.out and not self.out.startswith("s3://")):
            raise ConfigError(
                f"--out of a training run is a directory or s3://bucket/prefix, not {self.out!r}"
            )
        if self.parallel not in PARALLELS:
            raise ConfigError(f"--parallel {self.parallel!r} is none of {', '.join(PARALLELS)}")
        if self.only_radgraph and self.teacher:
            raise ConfigError("--only-radgraph learns from the file alone: leave --teacher out")
        if self.only_radgraph and not self.radgraph:
            raise ConfigError("--only-radgraph needs a file: give --radgraph FILE")
        low, high = self.workers
        if not 1 <= low <= high:
            raise ConfigError(f"workers {low} to {high}: give N or MIN-MAX with 1 <= MIN <= MAX")
        for name in ("limit", "steps"):
            if getattr(self, name) is not None and getattr(self, name) < 1:
                raise ConfigError(f"{name} is {getattr(self, name)}: give 1 or more")

    def make_absolute(self) -> TrainJob:
        """Return the job with absolute paths, for a process in another working directory.

        A name, such as the archive `openi`, and an s3:// location stay as they are.
        """
        given = {name: getattr(self, name) for name in _PATHS}
        paths: dict[str, Any] = {
            name: str(Path(value).absolute())
            for name, value in given.items()
            if value and "://" not in value and (name == "out" or Path(value).exists())
        }
        return dataclasses.replace(self, **paths)


@dataclasses.dataclass(frozen=True, kw_only=True)
class TrainStage:
    """One stage of a preset."""

    name: str
    task: str
    """module with `prepare` and `open_task`"""
    config: TrainConfig
    invented: int = 0
    """sentences that are invented for the target `copy`, at most ten per study with --limit; what
    else a stage makes up is as many or half as many"""
    needs_images: bool = False
    needs_knowledge: bool = False
    takes_teacher: bool = False
    """whether it learns to read reports, from a teacher where there is one"""
    settings: Config | None = None
    """the stage's own settings as the preset has them; None: it has none"""

    def make_settings(self, job: TrainJob) -> Config | None:
        """Return the stage's own settings in this job.

        Raises:
            ConfigError: the job has a setting that the stage lacks, or no such value.
        """
        if self.settings is None:
            if job.settings:
                raise ConfigError(
                    f"stage {self.name} has no setting {next(iter(job.settings))!r}: it has none "
                    "of its own"
                )
            return None
        values = {f.name: getattr(self.settings, f.name) for f in dataclasses.fields(self.settings)}
        return type(self.settings).from_mapping({**values, **job.settings})

    def count_invented(self, job: TrainJob) -> int:
        """Return how many sentences are invented in this job."""
        return min(self.invented, 10 * job.limit) if job.limit else self.invented

    def make_train_config(self, job: TrainJob) -> TrainConfig:
        """Return how this stage trains in this job.

        Where there are more workers than micro-batches in a step, these are cut finer; a step
        learns from as many tokens as before.
        """
        config = self.config
        if job.steps is not None:
            config = dataclasses.replace(config, num_steps=job.steps)
        if job.precision is not None:
            config = dataclasses.replace(config, precision=job.precision)
        parts = math.ceil(job.workers[1] / config.accumulate)
        return dataclasses.replace(
            config,
            batch_tokens=max(1, config.batch_tokens // parts),
            accumulate=config.accumulate * parts,
        )


@dataclasses.dataclass(frozen=True)
class StagePaths:
    """Where a run keeps the files of a stage, under its --out."""

    out: Path
    stage: str

    @property
    def data(self) -> Path:
        """What the stage learns from."""
        return self.locate_stage(self.stage) / "data"

    @property
    def model(self) -> Path:
        """The model directory that the stage ends with."""
        return self.locate_stage(self.stage) / "model"

    @property
    def is_prepared(self) -> bool:
        """Whether what the stage learns from is there whole."""
        return (self.data / _DONE).exists()

    def name(self, what: str) -> str:
        """Return the name of a part of the stage in the run, as of an object on S3."""
        return f"stages/{self.stage}/{what}"

    def locate_stage(self, stage: str) -> Path:
        """Return the directory of a stage."""
        return self.out / "stages" / stage


@dataclasses.dataclass(frozen=True)
class ModelCard:
    """What the card of a finished model says beside the terms that all models share."""

    what: str
    """one sentence on the kind of model"""
    scope: str = READS_REPORTS
    """what it takes in, from the verb on"""
    targets: str = ""
    """lines on its targets"""
    holds_out: bool = False
    """whether a tenth of the training split was kept out of the training, to choose on"""
    figures: str = ""
    """how right the model is on that tenth, as Markdown"""


class TaskModule(Protocol):
    """A module under `stages/`: a run that was killed calls its functions again.

    `prepare` and `open_task` must give the same for the same settings.
    """

    def prepare(self, job: TrainJob, stage: TrainStage, paths: StagePaths) -> None:
        """Read the archive in one process, and write what is to be learnt under `paths.data`."""
        ...

    def open_task(self, job: TrainJob, stage: TrainStage, paths: StagePaths) -> StageTask:
        """Return, on each worker, the model and the batches out of what `prepare` wrote."""
        ...

    def finish(self, job: TrainJob, paths: StagePaths, directory: Path) -> ModelCard:
        """Make the model directory need nothing beside it; return what its card says."""
        ...


class StageTask(Protocol):
    """A model and what it learns."""

    @property
    def model(self) -> nn.Module:
        """The Trainable (radkg.train.trainer), with the weights that the stage starts from."""
        ...

    @property
    def lengths(self) -> Sequence[int]:
        """Tokens of each example; 1 where the model reads no text."""
        ...

    def collate(self, members: Sequence[int], seed: int) -> Batch:
        """Return the batch of these examples; `seed` decides what is random in it."""
        ...

    def save(self, directory: Path, weights: dict[str, Tensor], notes: str) -> None:
        """Write the model directory; `notes` are Markdown lines for its card."""
        ...


def prepare_stage(job: TrainJob, stage: TrainStage, paths: StagePaths) -> None:
    """Write what the stage learns from, unless an earlier run wrote it."""
    if paths.is_prepared:
        return
    make_directory(paths.data)
    _module(stage).prepare(job, stage, paths)
    (paths.data / _DONE).touch()


def open_stage_task(job: TrainJob, stage: TrainStage, paths: StagePaths) -> StageTask:
    """Return the task out of what `prepare_stage` wrote."""
    return _module(stage).open_task(job, stage, paths)


def finish_stage(job: TrainJob, stage: TrainStage, paths: StagePaths, directory: Path) -> ModelCard:
    """Make a copy of the stage's model complete, and return what its card says of it."""
    return _module(stage).finish(job, paths, directory)


def _module(stage: TrainStage) -> TaskModule:
    return cast(TaskModule, importlib.import_module(stage.task))
