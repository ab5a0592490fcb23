"""One training loop for every model: AdamW, warm-up and cosine, accumulation, bf16, DDP or FSDP.

What a step learns is a function of (seed, step) alone: the micro-batches of a step are fixed, and
the workers that happen to be there share them. So are its random numbers. Hence nothing but
weights, optimizer and step has to be saved, and a run goes on with another number of workers.

A model that trains (a Trainable) is an nn.Module whose forward(batch) returns the mean loss of a
batch; `freeze_for(stage)` and `parameter_groups()` are optional. Torch only: no Ray here.
"""

from __future__ import annotations

import contextlib
import dataclasses
import logging
import math
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal, get_args

import torch
import torch.distributed as dist
from torch import Tensor, nn

from radkg.config import Config
from radkg.errors import ConfigError, TrainingError

logger = logging.getLogger(__name__)

Batch = Mapping[str, Tensor]
Precision = Literal["fp32", "bf16"]
Parallel = Literal["ddp", "fsdp"]
PARALLELS: tuple[Parallel, ...] = get_args(Parallel)
IGNORED = -100
_STRIDE = 1_000_003  # a prime: seeds of neighbouring steps and batches do not meet


@dataclasses.dataclass(frozen=True, kw_only=True)
class TrainConfig(Config):
    """How a stage trains; the published recipe of VLM-KG where nothing else is said."""

    epochs: int = 3
    """passes over the examples"""
    num_steps: int | None = None
    """optimizer steps; None: as many as the epochs hold"""
    batch_tokens: int = 8192
    """tokens of one micro-batch, padding included; rows where the model reads no text"""
    accumulate: int = 1
    """micro-batches of one optimizer step, shared by all workers"""
    learning_rate: float = 2e-5
    """highest rate"""
    projector_learning_rate: float = 1e-4
    """highest rate of parameters whose name starts with `projector`"""
    weight_decay: float = 0.01
    """of matrices; norms and biases have none"""
    betas: tuple[float, float] = (0.9, 0.999)
    """of AdamW"""
    warmup: float = 0.03
    """share of the steps in which the rate rises, in [0, 1)"""
    clip_norm: float = 1.0
    """highest norm of the gradient"""
    precision: Precision = "fp32"
    """of the arithmetic; the weights are float32 in any case"""
    seed: int = 0
    """decides order, random weights and dropout"""
    log_every: int = 10
    """steps between two lines of metrics"""
    checkpoint_every: int = 200
    """steps between two checkpoints; the last step always makes one"""

    def __post_init__(self) -> None:
        if self.precision not in get_args(Precision):
            raise ConfigError(f"precision {self.precision!r} is none of fp32, bf16")
        if not 0 <= self.warmup < 1:
            raise ConfigError(f"warmup {self.warmup:g} is no share in [0, 1)")
        counts = ("epochs", "batch_tokens", "accumulate", "log_every", "checkpoint_every")
        for name in counts:
            if getattr(self, name) < 1:
                raise ConfigError(f"{name} is {getattr(self, name)}: give 1 or more")
        if self.num_steps is not None and self.num_steps < 1:
            raise ConfigError(f"num_steps is {self.num_steps}: give 1 or more")
        for name in ("learning_rate", "projector_learning_rate", "clip_norm"):
            if not getattr(self, name) > 0:
                raise ConfigError(f"{name} is {getattr(self, name)}: give more than 0")


@dataclasses.dataclass(frozen=True, slots=True)
class StepResult:
    """What one optimizer step did, over all workers."""

    step: int
    """steps done, this one included"""
    loss: float
    """mean over the output tokens"""
    tokens: int
    """tokens read, padding left out"""
    outputs: int
    """tokens (or rows) that the loss counts"""
    rows: int
    images: int
    """rows with an image"""
    padding: float
    """share of the positions that is padding, in [0, 1]"""
    grad_norm: float
    """before clipping"""
    learning_rate: float
    seconds: float


class Trainer:
    """Trains a model; on every worker alike where torch.distributed is initialised.

    Args:
        model: a Trainable; moved to `device` and wrapped, `unwrapped` is the model itself.
        stage: given to the model's `freeze_for`, where it has one.
        parallel: how several workers share the work; without effect for one.

    Raises:
        ConfigError: a step has fewer micro-batches than there are workers.
    """

    def __init__(
        self,
        model: nn.Module,
        config: TrainConfig,
        num_steps: int,
        *,
        stage: str | None = None,
        parallel: Parallel = "ddp",
        device: torch.device | None = None,
    ) -> None:
        self.config = config
        self.num_steps = num_steps
        self.step_done = 0
        self.device = device or torch.device("cpu")
        self.rank = dist.get_rank() if dist.is_initialized() else 0
        self.world_size = dist.get_world_size() if dist.is_initialized() else 1
        if self.world_size > config.accumulate:
            raise ConfigError(
                f"{self.world_size} workers, but a step has {config.accumulate} micro-batch(es) to "
                "share: raise `accumulate` or take fewer workers"
            )
        self.unwrapped = model.to(self.device).train()
        freeze = getattr(model, "freeze_for", None)
        if stage and freeze:
            trained = freeze(stage)
            logger.info("stage=%s trains=%d of %d", stage, len(trained), _count(model))
        self.trains = [n for n, p in model.named_parameters() if p.requires_grad]
        self.model = _wrap_for_workers(self.unwrapped, parallel, config.precision, self.world_size)
        self._sharded = parallel == "fsdp" and self.world_size > 1
        self._optimizer = torch.optim.AdamW(
            _groups(self.unwrapped, config), betas=config.betas, fused=self.device.type == "cuda"
        )

    def take_share(self, members: Sequence[Any]) -> tuple[list[Any], int]:
        """Return this worker's part of a step's micro-batches, and how many of it are fillers.

        Workers must take part in equally many passes; a filler is read and weighs nothing.
        """
        mine = list(members[self.rank :: self.world_size])
        passes = math.ceil(len(members) / self.world_size)
        fillers = passes - len(mine)
        return mine + [members[0]] * fillers, fillers

    def step(self, batches: Sequence[Batch], fillers: int = 0) -> StepResult:
        """Take one optimizer step on this worker's micro-batches; the last `fillers` do not count.

        The loss of a micro-batch weighs as many output tokens as it has, so that splitting a step
        into more or fewer micro-batches, or over workers, changes nothing.

        Raises:
            TrainingError: the loss or the gradient is not finite; the weights are not touched.
        """
        start = time.perf_counter()
        rate = self.compute_learning_rate(self.step_done)
        for group in self._optimizer.param_groups:
            group["lr"] = rate * group["scale"]
        sizes = [_size(batch) for batch in batches[: len(batches) - fillers]]
        counted = self._sum(torch.tensor(sizes).reshape(-1, 5).sum(0)).tolist()
        outputs, tokens, positions, rows, images = counted
        losses = []
        for i, batch in enumerate(batches):
            torch.manual_seed(self.compute_seed(i * self.world_size + self.rank))
            weight = sizes[i][0] if i < len(sizes) else 0
            last = i == len(batches) - 1
            moved = {k: v.to(self.device, non_blocking=True) for k, v in batch.items()}
            with self._together(last), self._autocast():
                loss = self.model(moved)
                # DDP and FSDP average over the workers; the sum is meant
                (loss * (weight * self.world_size / outputs)).backward()
            losses.append(loss.detach().double() * (weight / outputs))
        norm = nn.utils.clip_grad_norm_(
            [p for p in self.model.parameters() if p.requires_grad], self.config.clip_norm
        )
        norm = norm.full_tensor() if hasattr(norm, "full_tensor") else norm
        mean = self._sum(torch.stack(losses).sum())
        total, length, *parts = torch.stack([mean, norm.double(), *losses]).tolist()
        self._check(total, length, parts, rate)
        self._optimizer.step()
        self._optimizer.zero_grad(set_to_none=True)
        self.step_done += 1
        return StepResult(
            step=self.step_done,
            loss=total,
            tokens=tokens,
            outputs=outputs,
            rows=rows,
            images=images,
            padding=1 - tokens / positions,
            grad_norm=length,
            learning_rate=rate,
            seconds=time.perf_counter() - start,
        )

    def compute_learning_rate(self, step: int) -> float:
        """Return the rate of a step, counted from 0: a line up, then half a cosine down to 0."""
        warm = math.ceil(self.config.warmup * self.num_steps)
        if step < warm:
            return self.config.learning_rate * (step + 1) / warm
        done = (step - warm) / max(1, self.num_steps - warm)
        return self.config.learning_rate * 0.5 * (1 + math.cos(math.pi * min(1.0, done)))

    def compute_seed(self, micro_batch: int) -> int:
        """Return the seed of a micro-batch of the coming step, whoever reads it."""
        number = (self.config.seed * _STRIDE + self.step_done) * _STRIDE + micro_batch
        return number % 2**63

    def state_dict(self) -> dict[str, Any]:
        """Return everything that a run needs to go on, whole and on the CPU.

        Every worker must call it; with FSDP only the first gets the weights.
        """
        from torch.distributed.checkpoint.state_dict import StateDictOptions, get_state_dict

        options = StateDictOptions(full_state_dict=True, cpu_offload=True)
        model, optimizer = get_state_dict(self.model, self._optimizer, options=options)
        return {
            "model": model,
            "optimizer": optimizer,
            "step": self.step_done,
            "run": self._run(),
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on where `state` was taken, with any number of workers and either way to share.

        Raises:
            TrainingError: the state is of a run with other settings.
        """
        from torch.distributed.checkpoint.state_dict import StateDictOptions, set_state_dict

        if state["run"] != self._run():
            changed = sorted(k for k, v in self._run().items() if state["run"].get(k) != v)
            raise TrainingError(
                f"the checkpoint is of a run with another {', '.join(changed)}: take the settings "
                "of that run, or start over in another --out"
            )
        set_state_dict(
            self.model,
            self._optimizer,
            model_state_dict=state["model"],
            optim_state_dict=state["optimizer"],
            options=StateDictOptions(full_state_dict=True),
        )
        self.step_done = state["step"]

    def _run(self) -> dict[str, Any]:
        """Return what must not change while a run goes on."""
        free = ("log_every", "checkpoint_every", "epochs")
        settings = dataclasses.asdict(self.config)
        return {k: v for k, v in settings.items() if k not in free} | {"num_steps": self.num_steps}

    def _sum(self, values: Tensor) -> Tensor:
        if self.world_size == 1:
            return values
        values = values.to(self.device)
        dist.all_reduce(values)
        return values

    def _autocast(self) -> contextlib.AbstractContextManager[Any]:
        return torch.autocast(
            self.device.type, dtype=torch.bfloat16, enabled=self.config.precision == "bf16"
        )

    @contextlib.contextmanager
    def _together(self, last: bool) -> Iterator[None]:
        """Let the workers add up their gradients in the last pass of a step only."""
        if self._sharded:
            self.model.set_requires_gradient_sync(last)  # type: ignore[operator]
            yield
        elif self.world_size > 1 and not last:
            with self.model.no_sync():  # type: ignore[operator]
                yield
        else:
            yield

    def _check(self, loss: float, norm: float, parts: list[float], rate: float) -> None:
        if math.isfinite(loss) and math.isfinite(norm):
            return
        self._optimizer.zero_grad(set_to_none=True)
        bad = [i for i, part in enumerate(parts) if not math.isfinite(part)]
        where = (
            f"micro-batch {bad[0] * self.world_size + self.rank + 1} of {self.config.accumulate}"
            if bad
            else "its gradient"
            if math.isfinite(loss)
            else "a micro-batch of another worker"
        )
        raise TrainingError(
            f"step {self.step_done + 1} of {self.num_steps}: loss {loss:g}, gradient norm "
            f"{norm:g}, in {where}, at learning rate {rate:.3g}, precision "
            f"{self.config.precision}: the weights of the step before stand; lower the learning "
            "rate or clip_norm, try precision fp32, or look for a broken example in that batch"
        )


def _wrap_for_workers(
    model: nn.Module, parallel: Parallel, precision: str, world_size: int
) -> nn.Module:
    """Return the model as the workers share it."""
    if world_size == 1:
        return model
    if parallel == "ddp":
        from torch.nn.parallel import DistributedDataParallel

        # a batch without an image leaves the projector out
        return DistributedDataParallel(model, find_unused_parameters=True)
    from torch.distributed.fsdp import MixedPrecisionPolicy, fully_shard

    policy = MixedPrecisionPolicy()
    if precision == "bf16":
        policy = MixedPrecisionPolicy(param_dtype=torch.bfloat16, reduce_dtype=torch.float32)
    for module in list(model.modules()):
        if isinstance(module, nn.ModuleList):  # the layers of a transformer
            for layer in module:
                fully_shard(layer, mp_policy=policy)
    fully_shard(model, mp_policy=policy)
    return model


def _groups(model: nn.Module, config: TrainConfig) -> list[dict[str, Any]]:
    """Return AdamW's groups; `scale` is a group's factor on the scheduled rate.

    A model may say its own with `parameter_groups()`: mappings of `params` and `rate`.
    """
    own = getattr(model, "parameter_groups", None)
    if own:
        rates = {id(p): group["rate"] for group in own() for p in group["params"]}
    else:
        faster = config.projector_learning_rate / config.learning_rate
        rates = {id(p): faster for n, p in model.named_parameters() if n.startswith("projector")}
    groups: dict[tuple[float, bool], list[nn.Parameter]] = {}
    for parameter in model.parameters():
        if parameter.requires_grad:
            key = (rates.get(id(parameter), 1.0), parameter.dim() > 1)
            groups.setdefault(key, []).append(parameter)
    return [
        {
            "params": parameters,
            "weight_decay": config.weight_decay if decays else 0.0,
            "scale": scale,
            "lr": 0.0,
        }
        for (scale, decays), parameters in groups.items()
    ]


def _size(batch: Batch) -> tuple[int, int, int, int, int]:
    """Return a batch's output tokens, tokens, positions, rows and images.

    A batch without text has rows in place of tokens.
    """
    rows = len(next(iter(batch.values())))
    images = int(batch["has_image"].sum()) if "has_image" in batch else 0
    if "attention_mask" not in batch:
        return rows, rows, rows, rows, images
    mask, labels = batch["attention_mask"], batch.get("labels")
    outputs = rows if labels is None else int((labels != IGNORED).sum())
    return outputs, int(mask.sum()), mask.numel(), rows, images


def _count(model: nn.Module) -> int:
    return sum(1 for _ in model.parameters())
