"""The base of experiments: name, title, settings as dataclass fields, caption and rows."""

from __future__ import annotations

import dataclasses
from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import ClassVar

from radkg.config import Config
from radkg.experiments.context import ExperimentContext
from radkg.experiments.table import TableRow


@dataclasses.dataclass(frozen=True, kw_only=True)
class Experiment(Config, ABC):
    """One experiment; its fields are its own settings, beside those of `ExperimentConfig`."""

    name: ClassVar[str]
    """what `radkg experiment` calls it"""
    title: ClassVar[str]
    shown: ClassVar[tuple[str, ...]]
    """names of the figures that the Markdown table and the plot show; the CSV has all"""

    @property
    def default_vision(self) -> str | None:
        """Return the image encoder for runs without --vision; None: the encoder of the model."""
        return None

    @abstractmethod
    def write_caption(self, context: ExperimentContext) -> str:
        """Return what was trained and what is compared, in a few sentences."""

    def describe_provenance(self, context: ExperimentContext) -> str:
        """Return data, budget, seed, date, commit and hardware of the figures, as sentences."""
        return context.describe_provenance()

    @abstractmethod
    def make_rows(self, context: ExperimentContext) -> Iterator[TableRow]:
        """Yield each row of the table as soon as its variant is scored.

        Raises:
            ConfigError: the experiment needs images, and the context has none.
        """
