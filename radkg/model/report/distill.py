"""What a student learns from labels and from a frozen teacher: losses that know no model.

    L = L_report + l1 BCE(student, labels) + l2 T^2 KL(teacher || student at temperature T)
                 + l3 MSE of the feature maps at some levels of the tower

MedKit (Expert Systems with Applications 296:129003) names the KL loss between label distributions
and several levels; its weights, temperature and teacher are not published. A label is a yes or no,
so its distribution is Bernoulli; T^2 keeps the gradient's size (Hinton et al., arXiv 1503.02531).

N rows, L labels, K channels.
"""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Iterator, Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from radkg.config import Config
from radkg.errors import ConfigError


@dataclasses.dataclass(frozen=True, kw_only=True)
class DistillConfig(Config):
    """The weight of each term beside the report's cross-entropy; 0 leaves a term out."""

    label_weight: float = 1.0
    """l1, of the labels"""
    teacher_weight: float = 1.0
    """l2, of the teacher's label distributions"""
    temperature: float = 2.0
    """T"""
    feature_weight: float = 0.0
    """l3, of the feature maps"""
    feature_levels: tuple[int, ...] = ()
    """blocks of the tower, counted from 0, behind which the maps are compared"""

    def __post_init__(self) -> None:
        weights = (self.label_weight, self.teacher_weight, self.feature_weight)
        if min(weights) < 0:
            raise ConfigError(f"a weight of {min(weights):g}: give 0 or more")
        if not self.temperature > 0:
            raise ConfigError(f"temperature {self.temperature:g}: give more than 0")
        if bool(self.feature_weight) != bool(self.feature_levels):
            raise ConfigError("feature_weight and feature_levels go together: give both or none")

    @property
    def needs_teacher(self) -> bool:
        """Whether a term looks at the teacher."""
        return bool(self.teacher_weight or self.feature_weight)


def compute_label_loss(logits: Tensor, labels: Tensor) -> Tensor:
    """Return the mean binary cross-entropy of logits (N, L) and labels (N, L) in [0, 1]."""
    return functional.binary_cross_entropy_with_logits(logits.float(), labels.float())


def compute_teacher_loss(student: Tensor, teacher: Tensor, temperature: float) -> Tensor:
    """Return T^2 times the mean Bernoulli KL of teacher and student logits (N, L) over T."""
    ours, theirs = student.float() / temperature, teacher.float() / temperature
    share = torch.sigmoid(theirs)
    divergence = share * (functional.logsigmoid(theirs) - functional.logsigmoid(ours)) + (
        1 - share
    ) * (functional.logsigmoid(-theirs) - functional.logsigmoid(-ours))
    return temperature**2 * divergence.mean()


def compute_feature_loss(student: Sequence[Tensor], teacher: Sequence[Tensor]) -> Tensor:
    """Return the mean squared difference of maps (N, K, ...), the mean over their levels.

    Each cell is normalised over its channels first, so that all levels weigh alike.

    Raises:
        ValueError: there is no level, or their numbers differ.
    """
    if not student or len(student) != len(teacher):
        raise ValueError(f"{len(student)} levels of the student, {len(teacher)} of the teacher")
    losses = [
        functional.mse_loss(_normalise(ours), _normalise(theirs))
        for ours, theirs in zip(student, teacher, strict=True)
    ]
    return torch.stack(losses).mean()


def _normalise(maps: Tensor) -> Tensor:
    cells = maps.float().movedim(1, -1)
    return functional.layer_norm(cells, cells.shape[-1:])


@contextlib.contextmanager
def record_levels(blocks: nn.Sequential, levels: Sequence[int]) -> Iterator[list[Tensor]]:
    """Yield a list that holds, after a forward pass, the maps (N, K, ...) behind each level.

    Raises:
        ConfigError: there is no such block.
    """
    if levels and not 0 <= min(levels) <= max(levels) < len(blocks):
        raise ConfigError(f"feature_levels {tuple(levels)}: blocks 0 to {len(blocks) - 1} exist")
    found: list[Tensor] = []
    hooks = [
        blocks[level].register_forward_hook(lambda _module, _inputs, maps: found.append(maps))
        for level in sorted(levels)
    ]
    try:
        yield found
    finally:
        for hook in hooks:
            hook.remove()
