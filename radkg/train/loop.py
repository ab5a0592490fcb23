"""The loop of one stage on one worker: batches in a fixed order, checkpoints, the loss curve.

Every worker of a stage runs it; they meet in the trainer's sums and at checkpoints.
"""

from __future__ import annotations

import contextlib
import itertools
import logging
import math
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import torch

from radkg.errors import ConfigError
from radkg.model.flops import count_training_flops, find_peak_flops
from radkg.model.vlmkg.batches import order_batches
from radkg.train.curve import Curve
from radkg.train.stage_task import StageTask
from radkg.train.trainer import Parallel, StepResult, TrainConfig, Trainer

logger = logging.getLogger(__name__)

Checkpoint = Callable[[Mapping[str, Any], int], None]  # the state, the step it was taken after


def run_stage(
    task: StageTask,
    config: TrainConfig,
    stage: str,
    out: Path,
    *,
    state: Mapping[str, Any] | None = None,
    checkpoint: Checkpoint,
    parallel: Parallel = "ddp",
    device: torch.device | None = None,
) -> Mapping[str, Any]:
    """Train until the stage has all its steps; return the last state.

    Args:
        state: what a checkpoint holds, to go on from; None to begin.
        checkpoint: called on every worker alike; only the first one's state is whole.
    """
    num_steps = config.num_steps or count_steps(task, config)
    trainer = Trainer(task.model, config, num_steps, stage=stage, parallel=parallel, device=device)
    last: Mapping[str, Any] | None = None
    if state is not None:
        trainer.load_state_dict(state)
        logger.info("stage=%s goes on after step %d of %d", stage, trainer.step_done, num_steps)
    begin = trainer.step_done * config.accumulate
    stream = itertools.islice(iterate_micro_batches(task, config), begin, None)
    with contextlib.ExitStack() as stack:
        log = _Log(trainer, out, stage, stack) if trainer.rank == 0 else None
        while trainer.step_done < num_steps:
            parts = list(enumerate(itertools.islice(stream, config.accumulate)))
            mine, fillers = trainer.take_share(parts)
            batches = [task.collate(members, trainer.compute_seed(i)) for i, members in mine]
            result = trainer.step(batches, fillers)
            if log:
                log.add(result)
            last = None
            if result.step % config.checkpoint_every == 0 or result.step == num_steps:
                last = trainer.state_dict()
                checkpoint(last, result.step)
    return last or trainer.state_dict()


class _Log:
    """What the first worker writes while it trains."""

    def __init__(
        self, trainer: Trainer, out: Path, stage: str, stack: contextlib.ExitStack
    ) -> None:
        self._trainer = trainer
        peak, source = find_peak_flops(trainer.device, trainer.config.precision)
        logger.info("stage=%s peak=%s FLOP/s per worker: %s", stage, peak, source)
        self._peak = peak * trainer.world_size if peak else None
        self._curve = stack.enter_context(Curve(out, stage, trainer.step_done, trainer.num_steps))

    def add(self, result: StepResult) -> None:
        flops = count_training_flops(
            self._trainer.unwrapped, result.tokens, result.outputs, result.rows, result.images
        )
        self._curve.count(result, flops)
        if result.step % self._trainer.config.log_every == 0 or (
            result.step == self._trainer.num_steps
        ):
            self._curve.write(result, self._peak, self._trainer.world_size)


def count_steps(task: StageTask, config: TrainConfig) -> int:
    """Return the optimizer steps that `config.epochs` passes over the examples take."""
    counts = (len(_order(task, config, epoch)) for epoch in range(config.epochs))
    return math.ceil(sum(counts) / config.accumulate)


def iterate_micro_batches(task: StageTask, config: TrainConfig) -> Iterator[list[int]]:
    """Yield the examples of each micro-batch, epoch after epoch without end."""
    for epoch in itertools.count():
        yield from _order(task, config, epoch)


def _order(task: StageTask, config: TrainConfig, epoch: int) -> list[list[int]]:
    if not task.lengths:
        raise ConfigError("there is no example to learn from: check --archive and --images")
    return order_batches(task.lengths, config.batch_tokens, config.seed, epoch)
