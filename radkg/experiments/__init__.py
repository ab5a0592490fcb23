"""The experiments that the paper calls for: `run` trains small variants and writes what came out.

Each is one module with a frozen dataclass of settings, a sentence that says what was done, and a
function that yields the rows of its table. Everything is trained in this process on one thread or
as many as torch has, without Ray, and scored on human codes.
"""

from __future__ import annotations

import importlib
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Protocol

from radkg.config import Config
from radkg.errors import ConfigError
from radkg.experiments.context import Laboratory
from radkg.experiments.plot import plot
from radkg.experiments.settings import ExperimentConfig
from radkg.experiments.table import Row, Table

EXPERIMENTS = ("conditions", "projector", "prefix", "prompts", "transfer")

logger = logging.getLogger(__name__)


class Experiment(Protocol):
    """What a module of this package offers."""

    TITLE: str
    SHOWN: tuple[str, ...]
    """figures that the Markdown table and the plot show; the CSV has them all"""
    Settings: type[Config]

    def caption(self, laboratory: Laboratory, settings: Any) -> str:
        """Return what was trained and what is compared, in a few sentences."""
        ...

    def rows(self, laboratory: Laboratory, settings: Any) -> Iterator[Row]:
        """Yield the rows of the table as they are found."""
        ...


def run(
    name: str, config: ExperimentConfig, settings: dict[str, Any] | None = None
) -> tuple[Table, list[Path]]:
    """Run an experiment; return its table and the files it wrote under `config.out`.

    The CSV grows row by row, so that a run that was stopped leaves what it found.

    Args:
        settings: changes of the experiment's own settings.

    Raises:
        ConfigError: there is no such experiment or setting, or it needs images.
    """
    if name not in EXPERIMENTS:
        raise ConfigError(f"no experiment {name!r}: known: {', '.join(EXPERIMENTS)}")
    module = "other" if name == "transfer" and config.other is not None else name
    experiment: Any = importlib.import_module(f"radkg.experiments.{module}")  # an Experiment
    own = experiment.Settings.from_mapping(settings or {})
    laboratory = Laboratory(config, getattr(own, "vision", None))
    out = Path(config.out)
    out.mkdir(parents=True, exist_ok=True)
    (out / f"{name}.config.json").write_text(
        f'{{"experiment": {config.to_json().strip()},\n"own": {own.to_json().strip()}}}\n'
    )
    found: list[Row] = []
    for row in experiment.rows(laboratory, own):
        logger.info("experiment=%s row=%s", name, row.name)
        found.append(row)
        (out / f"{name}.csv").write_text(Table(name, experiment.TITLE, "", found, ()).csv())
    caption = f"{experiment.caption(laboratory, own)} {laboratory.provenance()}"
    table = Table(name, experiment.TITLE, caption, found, experiment.SHOWN)
    (out / f"{name}.md").write_text(table.markdown())
    plot(table, out / f"{name}.png")
    return table, [out / f"{name}.{kind}" for kind in ("csv", "md", "png")]
