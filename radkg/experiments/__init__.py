"""Experiments on small variants: `run` trains them, compares them on human codes, writes a table.

An experiment is one module with a subclass of `Experiment` in base.py; to add one, write its module
and name its class in EXPERIMENTS. All training happens in this process, without Ray, on as many
threads as torch has.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from radkg.errors import ConfigError
from radkg.experiments.base import Experiment
from radkg.experiments.conditions import ConditionsExperiment
from radkg.experiments.context import ExperimentContext
from radkg.experiments.institutions import InstitutionsExperiment
from radkg.experiments.medkit import MedKitExperiment
from radkg.experiments.plot import plot
from radkg.experiments.prefix import PrefixExperiment
from radkg.experiments.projector import ProjectorExperiment
from radkg.experiments.prompts import PromptsExperiment
from radkg.experiments.r2genkg import R2GenKGExperiment
from radkg.experiments.settings import ExperimentConfig
from radkg.experiments.table import Table, TableRow
from radkg.experiments.transfer import TransferExperiment
from radkg.private import make_directory, write_text

EXPERIMENTS: tuple[type[Experiment], ...] = (
    ConditionsExperiment,
    ProjectorExperiment,
    PrefixExperiment,
    PromptsExperiment,
    R2GenKGExperiment,
    MedKitExperiment,
    TransferExperiment,  # with --other: InstitutionsExperiment
)

logger = logging.getLogger(__name__)


def run(
    name: str, config: ExperimentConfig, settings: Mapping[str, Any] | None = None
) -> tuple[Table, list[Path]]:
    """Run an experiment; return its table and the paths of its files under `config.out`.

    The CSV grows row by row, so that a stopped run leaves its finished rows.

    Args:
        name: name of one of EXPERIMENTS.
        config: data, model and budget, which all experiments share.
        settings: own settings of the experiment that differ from the defaults.

    Raises:
        ConfigError: there is no such experiment or setting, or the experiment needs --images.
    """
    known = {each.name: each for each in EXPERIMENTS}
    if name not in known:
        raise ConfigError(f"no experiment {name!r}: known: {', '.join(known)}")
    chosen = known[name]
    if chosen is TransferExperiment and config.other is not None:
        chosen = InstitutionsExperiment
    experiment = chosen.from_mapping(settings or {})
    context = ExperimentContext(config, experiment.default_vision)
    out = Path(config.out)
    make_directory(out)
    write_text(
        out / f"{name}.config.json",
        f'{{"experiment": {config.to_json().strip()},\n"own": {experiment.to_json().strip()}}}\n',
    )
    found: list[TableRow] = []
    for row in experiment.make_rows(context):
        logger.info("experiment=%s row=%s", name, row.name)
        found.append(row)
        write_text(out / f"{name}.csv", Table(name, experiment.title, "", found, ()).to_csv())
    caption = f"{experiment.write_caption(context)} {experiment.describe_provenance(context)}"
    table = Table(name, experiment.title, caption, found, experiment.shown)
    write_text(out / f"{name}.md", table.to_markdown())
    plot(table, out / f"{name}.png")
    return table, [out / f"{name}.{kind}" for kind in ("csv", "md", "png")]
