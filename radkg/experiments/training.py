"""Training of a variant: the same order of examples for one seed, as many steps for each kind."""

from __future__ import annotations

import copy
import logging
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from torch import Tensor

from radkg.errors import ConfigError
from radkg.model.vlmkg.batches import Batch, Example, collate, encode, order_batches
from radkg.model.vlmkg.vlm import StageName, VisionLanguageModel
from radkg.train.trainer import TrainConfig, Trainer

logger = logging.getLogger(__name__)

_TRIAL_STEPS = 4  # that are timed, where minutes are asked for
_FRESH_RATE = 2e-3  # learning rate of random weights


@dataclass(frozen=True)
class TrainingBudget:
    """What a variant may cost."""

    steps: int | None
    """optimizer steps for each kind of examples"""
    batch_tokens: int
    """of a step, padding included and prefixes left out: the same examples for any prefix"""
    seed: int
    max_positions: int
    """tokens of the longest example with its prefix"""


@dataclass(frozen=True)
class Trained:
    """A variant, and what its training took."""

    model: VisionLanguageModel
    notes: dict[str, str | int | float]


def train(
    model: VisionLanguageModel,
    kinds: Sequence[Sequence[Example]],
    features: Mapping[str, Tensor],
    budget: TrainingBudget,
    *,
    fresh: bool,
) -> Trained:
    """Train a variant; kinds of examples take turns, each has all the steps of the budget.

    Args:
        fresh: the weights are random ones, which learn at a higher rate.

    Raises:
        ConfigError: a kind has no example, or one that is too long.
    """
    assert budget.steps is not None
    # the attention that is fastest in bf16 on a CPU
    model.model.set_attn_implementation("eager")
    streams = [_stream(model, kind, features, budget) for kind in kinds]
    num_steps = budget.steps * len(streams)
    trainer = Trainer(model, _settings(budget, fresh), num_steps, stage=_stage(model))
    start = time.perf_counter()
    losses = [trainer.step([next(streams[i % len(streams)])]).loss for i in range(num_steps)]
    last = losses[-max(1, num_steps // 10) :]
    notes: dict[str, str | int | float] = {
        "steps": num_steps,
        "examples": sum(len(kind) for kind in kinds),
        "loss": round(sum(last) / len(last), 4),
        "seconds of training": round(time.perf_counter() - start, 1),
    }
    logger.info("trained %s", " ".join(f"{k.replace(' ', '_')}={v}" for k, v in notes.items()))
    return Trained(model.eval(), notes)


def count_steps(
    seconds: float,
    budget: TrainingBudget,
    model: VisionLanguageModel,
    examples: Sequence[Example],
    features: Mapping[str, Tensor],
) -> int:
    """Return the steps that fit into the time, measured on a copy of the model."""
    copied = copy.deepcopy(model)
    copied.model.set_attn_implementation("eager")
    stream = _stream(copied, examples, features, budget)
    trainer = Trainer(copied, _settings(budget, False), 1 + _TRIAL_STEPS, stage=_stage(copied))
    trainer.step([next(stream)])  # the first one is slower
    took = sum(trainer.step([next(stream)]).seconds for _ in range(_TRIAL_STEPS))
    return max(1, int(seconds * _TRIAL_STEPS / took))


def _stream(
    model: VisionLanguageModel,
    examples: Sequence[Example],
    features: Mapping[str, Tensor],
    budget: TrainingBudget,
) -> Iterator[Batch]:
    """Yield batches without end, in an order that the seed fixes alone."""
    projector = model.config.projector
    limit = budget.max_positions - (projector.prefix_length if projector else 0)
    rows = encode(examples, model.language, limit)
    if not rows:
        raise ConfigError("there is no example to learn from: check --archive and --limit")
    lengths = [len(row.ids) for row in rows]
    epoch = 0
    while True:
        for members in order_batches(lengths, budget.batch_tokens, budget.seed, epoch):
            yield collate([rows[i] for i in members], model.language.pad_id, features)
        epoch += 1


def _settings(budget: TrainingBudget, fresh: bool) -> TrainConfig:
    return TrainConfig(
        learning_rate=_FRESH_RATE if fresh else 3e-4,
        projector_learning_rate=_FRESH_RATE if fresh else 1e-3,
        betas=(0.9, 0.95),
        precision="bf16",
        batch_tokens=budget.batch_tokens,
        seed=budget.seed,
    )


def _stage(model: VisionLanguageModel) -> StageName:
    return "llm_kg" if model.projector is None else "vlm_kg"
