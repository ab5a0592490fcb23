"""What a runner gets and gives back: units of studies, what a worker needs, what became of a unit.

A runner brings units to workers and their results back; the policy of a run (plan, failure budget,
publication) stands in verbs/extract.py and knows no runner.
"""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from radkg.archive import Archive
from radkg.run.isolation import Limits
from radkg.run.settings import ModelSpec
from radkg.run.units import Unit

if TYPE_CHECKING:  # it imports torch, which a driver can do without
    from radkg.model.vision.preprocessing import Preprocessing


@dataclass(frozen=True)
class Worker:
    """What a worker is made of; travels to its process."""

    archive: Archive
    model: ModelSpec
    model_id: str
    """what the model must be"""
    out: str
    """the run's storage"""
    limits: Limits


@dataclass(frozen=True)
class Work:
    """The units of a run that are not finished, and the worker for all of them."""

    units: Sequence[Unit]
    worker: Worker
    preprocessing: Preprocessing | None
    """of the model's image encoder; None: the model sees no image"""
    forecast_s: float | None
    """seconds that `radkg plan` said of this very work; None: nobody asked"""


@dataclass(frozen=True)
class UnitResult:
    """What became of a unit: its rows stand in the journal."""

    unit_id: str
    studies: int
    failed: int
    reasons: Sequence[str]
    """of the first studies that failed"""
    seconds: float
    """of the worker"""
    failed_by: Mapping[str, int] = field(default_factory=dict)
    """failed studies by the class of their reason"""
    model_seconds: float = 0.0
    """of the worker's seconds, those in the model: a GPU waits in the others"""
    worker: str = ""
    """host and process"""
    tokens: tuple[int, int] = (0, 0)
    """that a language model has read and written for the unit; 0: it counts none"""


class Runner(Protocol):
    """Works on units, somewhere."""

    def run(self, work: Work) -> Generator[UnitResult]:
        """Yield the result of each unit as the unit is finished, in any order.

        A unit that ends its process, or hangs, is begun again; its third attempt reads study by
        study. A caller that stops early closes the iterator, which ends the workers.

        Raises:
            ClusterError: the workers cannot start, or were lost; finished units stand.
            RadkgError: of the archive, the storage or the machine, of no study.
        """
        ...
