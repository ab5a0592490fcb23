"""The arms of R2GenKG's ablation: what each is, its training, what it writes, kept on disk.

All arms learn from the same studies in the same order, with as many steps. Under one seed all begin
with the same language model, which has learnt to write behind the names of findings, and stays as
it is, as R2GenKG's does.
"""

from __future__ import annotations

import dataclasses
import itertools
import json
import logging
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_model, save_model
from tokenizers import Tokenizer
from torch import Tensor

import radkg
from radkg.experiments.report_nats import Nats, measure_nats
from radkg.knowledge.records import SCALES, Knowledge
from radkg.model.report.generator import ReportGenerator
from radkg.model.report.r2genkg_config import SightConfig
from radkg.private import make_directory, write_text
from radkg.train.loop import iterate_micro_batches
from radkg.train.reports.examples import ReportExample, ReportTask
from radkg.train.reports.held_out import write_texts
from radkg.train.reports.language_start import train_language
from radkg.train.reports.making import build_model, make_blueprint
from radkg.train.reports.settings import R2GenKGSettings
from radkg.train.trainer import TrainConfig, Trainer

logger = logging.getLogger(__name__)

FULL, SHUFFLED_IMAGES = "full", "full, shuffled images"


@dataclass(frozen=True)
class Arm:
    """One variant of the model."""

    group: str
    name: str
    settings: Mapping[str, Any]
    """what differs from the full model"""


ARMS = (
    Arm("full", FULL, {}),
    Arm("graph", "zero graph", {"graph": "zero"}),
    Arm("graph", "shuffled graph", {"graph": "shuffled"}),
    Arm("graph", "random graph", {"graph": "random"}),
    *(Arm("nodes", f"{n} nodes", {"nodes": n}) for n in (0, *SCALES) if n != 300),
    Arm("parts", "no V2KG", {"v2kg": False}),
    Arm("parts", "no KG2V", {"kg2v": False}),
    Arm("parts", "no bank", {"bank": False}),
    Arm("oracle", "oracle findings", {"sight": "findings"}),
)
"""`full` comes first: the others are compared with it, and it is shown shuffled images as well"""


@dataclass(frozen=True)
class ArmData:
    """What all arms share."""

    knowledge: Knowledge
    sight: SightConfig
    seen: Mapping[str, Tensor]
    """what is seen of each image, by image id"""
    training: Sequence[ReportExample]
    scored: Sequence[ReportExample]
    tokenizer: Tokenizer


@dataclass(frozen=True, kw_only=True)
class ArmBudget:
    """How an arm trains, and writes."""

    steps: int
    language_steps: int
    """of the language model before, without images"""
    batch_tokens: int
    learning_rate: float
    beams: int
    max_new_tokens: int

    def make_train_config(self, steps: int, seed: int) -> TrainConfig:
        """Return how an arm, or its language model before, trains."""
        return TrainConfig(
            num_steps=steps,
            batch_tokens=self.batch_tokens,
            learning_rate=self.learning_rate,
            weight_decay=0.05,
            betas=(0.9, 0.98),
            precision="bf16",
            seed=seed,
        )


@dataclass(frozen=True)
class Outcome:
    """What an arm wrote of the scored studies under one seed."""

    texts: tuple[str, ...]
    shuffled: tuple[str, ...]
    """of the images of other studies, with the same weights; () for arms other than `full`"""
    nats: Nats
    """of the true texts"""
    shuffled_nats: Nats
    """of the true texts beside the images of other studies; () for arms other than `full`"""
    loss: float
    seconds: float


def run_arm(arm: Arm, data: ArmData, budget: ArmBudget, seed: int, kept: Path) -> Outcome:
    """Train an arm and let it write, unless `kept` holds what it wrote under the same settings.

    Args:
        arm: the variant.
        data: what it learns from, and what it is asked.
        budget: steps and beams.
        seed: of weights, order and a disturbed graph.
        kept: directory of finished arms, and of the language models that they begin with.
    """
    key = _hash(dict(arm.settings), data, budget, seed)
    path = kept / f"{arm.name.replace(' ', '-')}-{seed}-{key}.json"
    if path.is_file():
        logger.info("arm=%s seed=%d stands already", arm.name, seed)
        return _parse(json.loads(path.read_text()))
    make_directory(kept)
    outcome = _train(arm, data, budget, seed, kept)
    temporary = path.with_suffix(".tmp")
    write_text(temporary, json.dumps(dataclasses.asdict(outcome)))
    temporary.replace(path)
    return outcome


def _train(arm: Arm, data: ArmData, budget: ArmBudget, seed: int, kept: Path) -> Outcome:
    # attention with dropout takes most of a step on a CPU
    settings = R2GenKGSettings(**arm.settings, adaptation="frozen", attention_dropout=0.0)
    blueprint = make_blueprint(
        settings, data.knowledge, data.sight, data.training, data.tokenizer, seed=seed
    )
    decoding = dataclasses.replace(
        blueprint.config.decoding, beams=budget.beams, max_new_tokens=budget.max_new_tokens
    )
    config = dataclasses.replace(blueprint.config, decoding=decoding)
    model = build_model(dataclasses.replace(blueprint, config=config), None, seed)
    start = time.perf_counter()
    _start_language(model.generator, data, budget, seed, kept)
    task = ReportTask(model, data.training, data.seen)
    train_config = budget.make_train_config(budget.steps, seed)
    trainer = Trainer(model, train_config, budget.steps)
    stream = itertools.islice(iterate_micro_batches(task, train_config), budget.steps)
    losses = [trainer.step([task.collate(members, seed)]).loss for members in stream]
    model.eval()
    others = shuffle_images(data.scored) if arm.name == FULL else []
    last = losses[-max(1, budget.steps // 10) :]
    return Outcome(
        tuple(write_texts(model, data.scored, data.seen)),
        tuple(write_texts(model, others, data.seen)),
        measure_nats(model, data.scored, data.seen),
        measure_nats(model, others, data.seen),
        round(sum(last) / len(last), 4),
        round(time.perf_counter() - start, 1),
    )


def _start_language(
    generator: ReportGenerator, data: ArmData, budget: ArmBudget, seed: int, kept: Path
) -> None:
    """Give the generator the language model of this seed, which the first arm trains."""
    path = kept / f"language-{seed}-{_hash('language', data, budget, seed)}.safetensors"
    if not path.is_file():
        generator.requires_grad_(True)
        config = budget.make_train_config(budget.language_steps, seed)
        loss = train_language(generator, data.training, config, budget.language_steps)
        logger.info("language seed=%d loss=%.3f", seed, loss)
        save_model(generator, str(path))
    load_model(generator, path)
    generator.requires_grad_(False)


def shuffle_images(examples: Sequence[ReportExample]) -> list[ReportExample]:
    """Return the studies, each with the images of another: one fixed cycle through all."""
    ids = [example.image_ids for example in examples]
    order = torch.randperm(len(ids), generator=torch.Generator().manual_seed(0)).tolist()
    given = dict(zip(order, order[1:] + order[:1], strict=True))
    return [
        dataclasses.replace(example, image_ids=ids[given[i]]) for i, example in enumerate(examples)
    ]


def _hash(what: Any, data: ArmData, budget: ArmBudget, seed: int) -> str:
    """Return the hash of all that decides what an arm writes."""
    parts = [
        radkg.__version__,
        what,
        dataclasses.asdict(budget),
        seed,
        data.knowledge.facts.get("knowledge_id"),
        data.sight.encoder_id,
        [dataclasses.asdict(example) for example in (*data.training, *data.scored)],
    ]
    return sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:12]


def _parse(values: Mapping[str, Any]) -> Outcome:
    lists = {k: tuple(v) for k, v in values.items() if isinstance(v, list)}
    for name in ("nats", "shuffled_nats"):
        lists[name] = tuple((nats, tokens) for nats, tokens in lists[name])
    return Outcome(**{**values, **lists})
