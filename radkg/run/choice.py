"""Choose a runner: this machine for less than about a minute of work, Ray for more.

How long the work is, `radkg plan` may have said; otherwise the first finished unit says. Units are
commits, so that Ray goes on where this machine stopped, and nothing is read twice.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Generator
from dataclasses import replace

from radkg.run.local import LocalRunner
from radkg.run.work import Runner, UnitResult, Work

logger = logging.getLogger(__name__)

LOCAL_S = 60.0  # about what a minute of work may take here


class AutoRunner:
    """Extracts units here where the work is short and no cluster is named, else on Ray.

    Args:
        local: the runner of this machine, with at least one worker.
        make_ray: returns the runner of Ray; called where Ray is chosen, for its import takes long.
    """

    def __init__(self, local: LocalRunner, make_ray: Callable[[], Runner]) -> None:
        self._local = local
        self._make_ray = make_ray

    def run(self, work: Work) -> Generator[UnitResult]:
        """Yield the results, as `Runner` says; the log says which runner it was, and why."""
        why = _why_ray(work)
        if why:
            yield from self._run_on_ray(work, why)
            return
        chosen = _FirstUnit(work, self._local.workers)
        done = set()
        for result in self._local.run(work, chosen.stays_here):
            done.add(result.unit_id)
            yield result
        left = [unit for unit in work.units if unit.unit_id not in done]
        if left:
            yield from self._run_on_ray(replace(work, units=left), chosen.why)

    def _run_on_ray(self, work: Work, why: str) -> Generator[UnitResult]:
        logger.info("runner=ray: %s", why)
        yield from self._make_ray().run(work)


class _FirstUnit:
    """Judges the work by the first unit that is finished."""

    def __init__(self, work: Work, workers: int) -> None:
        self._studies = sum(len(unit.records) for unit in work.units)
        self._workers = max(1, min(workers, len(work.units)))
        self._forecast_s = work.forecast_s
        self._here: bool | None = None
        self.why = ""

    def stays_here(self, result: UnitResult) -> bool:
        """Tell whether the units that are left are read here."""
        if self._here is None:
            seconds, source = self._forecast_s, "the plan"
            if seconds is None:
                rate = result.seconds / max(1, result.studies)
                seconds, source = rate * self._studies / self._workers, "the first unit"
            self.why = f"about {seconds:.0f} s of work here, by {source}"
            self._here = seconds <= LOCAL_S
            if self._here:
                logger.info("runner=local: %s", self.why)
        return self._here


def _why_ray(work: Work) -> str | None:
    """Return why the work goes to Ray before any of it is done; None: it may stay here."""
    if os.environ.get("RAY_ADDRESS"):
        return f"RAY_ADDRESS is {os.environ['RAY_ADDRESS']}"
    if work.worker.model.device != "cpu":
        return "GPUs are fed by processes that read images beside them"
    if work.forecast_s is not None and work.forecast_s > LOCAL_S:
        return f"the plan says about {work.forecast_s:.0f} s of work"
    return None
