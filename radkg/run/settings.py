"""The settings of an extraction run, saved as config.json beside what it published."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal, NamedTuple, TypeVar

from radkg.config import Config
from radkg.errors import ConfigError, SnapshotError, StorageError
from radkg.model.generate.spec import AS_IT_IS, EngineName, EngineSpec, check_engine
from radkg.schema.records import CONDITIONS, DEVICES, Condition, Device
from radkg.storage import Storage

CONFIG = "config.json"


KindName = Literal["extractions", "drafts"]


class ModelSpec(NamedTuple):
    """Which model a run loads: an extractor as `load_extractor` takes it, or a reporter."""

    name: str
    condition: Condition | None
    device: Device
    kind: KindName = "extractions"
    """of the rows that the model makes"""
    engine: EngineSpec = AS_IT_IS
    """what generates, where the model writes text"""


@dataclass(frozen=True, kw_only=True)
class RunConfig(Config):
    """What to read, how, to where, whatever is made of it."""

    archive: str
    """`openi`, or the path of an archive"""
    out: str
    """directory or s3://bucket/prefix of the run"""
    images: str | None = None
    """directory with the archive's images; None: report only"""
    limit: int | None = None
    """only the first studies of the archive; None: all"""
    max_failed: float = 0.05
    """share of failed studies [0, 1] past which the run stops without publishing"""
    unit_size: int = 256
    """mean number of studies in a unit, which is one commit; 1 to 3 s of extraction is right"""
    study_timeout: float = 120.0
    """seconds after which a study that is read alone is a failed row"""
    max_memory: float | None = None
    """GiB that a worker may allocate; None: its share of four fifths of the machine"""
    pseudonymise: str | None = None
    """file of the key under which ids become pseudonyms, see run/pseudonyms.py; None: they stay"""
    device: Device = "cpu"
    """where a model computes; cuda: a GPU for each worker, and CPUs beside it that read images"""
    gpus_per_worker: float = 1.0
    """of --device cuda; a fraction: workers share a GPU; 2 and more: an engine that can spreads the
    model over them"""

    def __post_init__(self) -> None:
        for name in ("archive", "out"):
            if not getattr(self, name):
                raise ConfigError(f"--{name} is empty")
        if not 0.0 <= self.max_failed <= 1.0:
            raise ConfigError(f"--max-failed is a share in [0, 1], not {self.max_failed}")
        if self.limit is not None and self.limit < 1:
            raise ConfigError(f"--limit must be at least 1, not {self.limit}")
        if self.device not in DEVICES:
            raise ConfigError(f"--device is {' or '.join(DEVICES)}, not {self.device!r}")
        if not self.gpus_per_worker > 0 or (self.gpus_per_worker > 1 and self.gpus_per_worker % 1):
            raise ConfigError(
                f"--gpus-per-worker is a fraction of a GPU or a whole number of GPUs, not "
                f"{self.gpus_per_worker:g}"
            )
        if self.gpus_per_worker != 1 and self.device == "cpu":
            raise ConfigError("--gpus-per-worker is for --device cuda: this run has no GPU")
        if not self.study_timeout > 0:
            raise ConfigError(f"--study-timeout is more than 0 seconds, not {self.study_timeout}")
        if self.max_memory is not None and not self.max_memory > 0:
            raise ConfigError(f"--max-memory is more than 0 GiB, not {self.max_memory}")
        if self.unit_size < 1:
            raise ConfigError(f"--unit-size must be at least 1, not {self.unit_size}")

    @property
    def spec(self) -> ModelSpec:
        """Which model makes the rows."""
        raise NotImplementedError


@dataclass(frozen=True, kw_only=True)
class ExtractConfig(RunConfig):
    """What to extract, with what, to where."""

    extractor: str = "small"
    """name of an extractor, see radkg.extractor.load_extractor"""
    condition: Condition | None = None
    """report, image or image+report; None: what the extractor was made for"""
    engine: EngineName = "auto"
    """what generates where the extractor writes text, see radkg.model.generate.engines"""
    batch_tokens: int | None = None
    """tokens that the engine reads at once, and about how many tokens of reports a worker hands it
    at once, of several units; None: as the engine has it, one unit at a time"""

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.extractor:
            raise ConfigError("--extractor is empty")
        check_engine(self.engine, self.batch_tokens)
        if self.condition not in (None, *CONDITIONS):
            raise ConfigError(
                f"--condition is one of {', '.join(CONDITIONS)}, not {self.condition!r}"
            )

    @property
    def spec(self) -> ModelSpec:
        """Which extractor makes the rows."""
        engine = EngineSpec(self.engine, self.batch_tokens, self.gpus_per_worker)
        return ModelSpec(self.extractor, self.condition, self.device, engine=engine)


@dataclass(frozen=True, kw_only=True)
class DraftConfig(RunConfig):
    """What to write drafts of, with what, to where."""

    reporter: str = "plan"
    """name of a reporter, see radkg.reporter.load_reporter"""

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.reporter:
            raise ConfigError("--reporter is empty")
        if not self.images and not self.reporter.startswith("plan:"):
            raise ConfigError("a draft is written from images: give --images")

    @property
    def spec(self) -> ModelSpec:
        """Which reporter makes the rows."""
        engine = EngineSpec(gpus=self.gpus_per_worker)
        return ModelSpec(self.reporter, None, self.device, "drafts", engine)


_Config = TypeVar("_Config", bound=RunConfig)


def save_config(config: RunConfig, storage: Storage, archive_uri: str) -> None:
    """Write the settings of what was published, places made absolute."""
    images = config.images
    if images and "://" not in images:
        images = str(Path(images).resolve())
    key = config.pseudonymise and str(Path(config.pseudonymise).resolve())
    settings = replace(
        config, archive=archive_uri, images=images, pseudonymise=key, out=storage.uri
    )
    text = settings.to_json().encode()
    if not storage.exists(CONFIG) or storage.read(CONFIG) != text:
        storage.write(CONFIG, text)


def read_config(storage: Storage, kind: type[_Config]) -> _Config:
    """Return the settings, of this kind, of what is published.

    Raises:
        SnapshotError: they are missing or damaged.
    """
    try:
        return kind.from_mapping(json.loads(storage.read(CONFIG)))
    except (StorageError, ConfigError, ValueError, TypeError) as error:
        raise SnapshotError(
            f"{storage.uri}/{CONFIG} is missing or damaged ({error}): run `radkg extract` again"
        ) from error
