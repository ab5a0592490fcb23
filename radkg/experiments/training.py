"""Train a variant: one seed fixes the order of examples, and all kinds get equal steps."""

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

_TRIAL_STEPS = 4  # timed steps, from which --minutes becomes a number of steps
_FRESH_RATE = 2e-3  # learning rate for random weights


@dataclass(frozen=True)
class TrainingBudget:
    """The steps, tokens and seed of a variant's training."""

    steps: int | None
    """optimizer steps for each kind of examples"""
    batch_tokens: int
    """tokens of a step with padding but without prefixes: the same examples for any prefix"""
    seed: int
    max_positions: int
    """tokens of the longest example with its prefix"""


@dataclass(frozen=True)
class TrainedVariant:
    """A trained variant, with steps, loss and seconds of its training."""

    model: VisionLanguageModel
    notes: dict[str, str | int | float]


def train(
    model: VisionLanguageModel,
    kinds: Sequence[Sequence[Example]],
    features: Mapping[str, Tensor],
    budget: TrainingBudget,
    *,
    fresh: bool,
) -> TrainedVariant:
    """Train a variant; kinds of examples take turns, and each has all the steps of the budget.

    Args:
        model: the variant, which is changed.
        kinds: the examples of each kind.
        features: features (C,) by image id.
        budget: steps, tokens and seed.
        fresh: whether the weights are random; they then learn at a higher rate.

    Raises:
        ConfigError: a kind has no example, or an example is too long.
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
    return TrainedVariant(model.eval(), notes)


def count_steps(
    seconds: float,
    budget: TrainingBudget,
    model: VisionLanguageModel,
    examples: Sequence[Example],
    features: Mapping[str, Tensor],
) -> int:
    """Return the steps that fit into `seconds`, timed on a copy of the model."""
    copied = copy.deepcopy(model)
    copied.model.set_attn_implementation("eager")
    stream = _stream(copied, examples, features, budget)
    trainer = Trainer(copied, _settings(budget, False), 1 + _TRIAL_STEPS, stage=_stage(copied))
    trainer.step([next(stream)])  # the first step is slower and not timed
    took = sum(trainer.step([next(stream)]).seconds for _ in range(_TRIAL_STEPS))
    return max(1, int(seconds * _TRIAL_STEPS / took))


def _stream(
    model: VisionLanguageModel,
    examples: Sequence[Example],
    features: Mapping[str, Tensor],
    budget: TrainingBudget,
) -> Iterator[Batch]:
    """Yield batches without end, in an order that only the seed decides."""
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
