"""The two stages of MedKit as Trainables: the base, then a student beside the frozen base.

B rows, T tokens, L labels, S side of the kept images in px, D slices.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Self

import torch
from torch import Tensor, nn

from radkg.model.report.distill import (
    DistillConfig,
    compute_feature_loss,
    compute_label_loss,
    compute_teacher_loss,
    record_levels,
)
from radkg.model.report.labelled import LabelledEncoder, Seen
from radkg.model.report.medkit import MedKit
from radkg.model.vision.tower_training import augment

_FROZEN_BLOCKS = 3  # edges and textures stay ImageNet's
_TOWER_RATE = 0.05  # of the learning rate: at 0.3 all images looked alike after 100 steps


class MedKitTraining(nn.Module):
    """A model that trains, beside a teacher that does not.

    Args:
        student: what learns; of the first stage, the base.
        distill: the weight of each term.
        teacher: frozen; None: there is none, and its terms are left out.
    """

    def __init__(
        self, student: MedKit, distill: DistillConfig, teacher: LabelledEncoder | None = None
    ) -> None:
        super().__init__()
        self.student = student
        self.distill = distill
        self.teacher = teacher.requires_grad_(False) if teacher is not None else None

    def train(self, mode: bool = True) -> Self:
        """Set the student's mode; a teacher is never in training."""
        super().train(mode)
        if self.teacher is not None:
            self.teacher.eval()
        return self

    def freeze_for(self, stage: str) -> list[str]:
        """Let train all but the first blocks of the tower; return the names of what trains."""
        tower = self.student.vision.tokens.tower
        for part in (tower.stem, *tower.blocks[:_FROZEN_BLOCKS]):
            part.requires_grad_(False)
        return [name for name, weight in self.named_parameters() if weight.requires_grad]

    def parameter_groups(self) -> list[dict[str, object]]:
        """Return the groups with a rate of their own, as shares of the learning rate."""
        return [{"params": list(self.student.vision.parameters()), "rate": _TOWER_RATE}]

    def forward(self, batch: Mapping[str, Tensor]) -> Tensor:
        """Return the loss of a batch.

        Args:
            batch: `pixels` (B, S, S) or (B, D, S, S) uint8, `findings` (B, L) 0 or 1, and the
                reports as collate_reports makes them.
        """
        images = batch["pixels"][:, None].float() / 255
        if self.training and images.ndim == 4:
            images = augment(images, self.student.config.side)
        seen, loss = self.compute_label_terms(images, batch["findings"])
        prefix, is_there = self.student.make_prefix(*seen)
        report: Tensor = self.student.generator(prefix, batch, is_there)
        return report + loss

    def compute_label_terms(self, images: Tensor, findings: Tensor) -> tuple[Seen, Tensor]:
        """Return what the student sees of images (B, 1, ...), and all terms but the report's."""
        distill, student = self.distill, self.student.vision
        levels = distill.feature_levels if self.teacher is not None else ()
        with record_levels(student.tokens.tower.blocks, levels) as ours:
            seen: Seen = student(images)
        loss = seen.logits.new_zeros(())
        if distill.label_weight:
            loss = loss + distill.label_weight * compute_label_loss(seen.logits, findings)
        if self.teacher is not None and distill.needs_teacher:
            with torch.no_grad(), record_levels(self.teacher.tokens.tower.blocks, levels) as theirs:
                shown: Seen = self.teacher(images)
            if distill.teacher_weight:
                divergence = compute_teacher_loss(seen.logits, shown.logits, distill.temperature)
                loss = loss + distill.teacher_weight * divergence
            if levels:
                loss = loss + distill.feature_weight * compute_feature_loss(ours, theirs)
        return seen, loss
