"""What a stage of MedKit learns: studies with one of their images, labels and a report.

B rows, L labels, S side of the kept images in px.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
from torch import Tensor

from radkg.model.report.medkit_files import save_medkit
from radkg.model.report.medkit_training import MedKitTraining
from radkg.model.report.wording import collate_reports
from radkg.train.reports.examples import ReportExample
from radkg.train.stage_task import Batch

_STUDENT = "student."


class MedKitTask:
    """The model of a stage and its examples: a StageTask.

    Args:
        model: the student, beside its teacher where it has one.
        examples: the studies.
        images: grey images (S, S) uint8 by image id.
    """

    def __init__(
        self,
        model: MedKitTraining,
        examples: Sequence[ReportExample],
        images: Mapping[str, Tensor],
    ) -> None:
        self.model = model
        self._examples, self._images = examples, images
        self._findings = list_labels(examples, model.student.config.labels)
        language = model.student.generator.language
        self._pad_id = language.pad_id
        self._rows = [language.encode_report(example.text) for example in examples]
        self.lengths = [len(row) for row in self._rows]

    def collate(self, members: Sequence[int], seed: int) -> Batch:
        """Return the batch; `seed` decides which of its images stands for a study."""
        rng = random.Random(seed)
        shown = [rng.choice(self._examples[i].image_ids) for i in members]
        return {
            "pixels": torch.stack([self._images[image_id] for image_id in shown]),
            "findings": self._findings[list(members)],
            "has_image": torch.ones(len(shown), dtype=torch.bool),
            **collate_reports([self._rows[i] for i in members], self._pad_id),
        }

    def save(self, directory: Path, weights: dict[str, Tensor], notes: str) -> None:
        """Write the student's model directory, in half precision."""
        own = {
            name.removeprefix(_STUDENT): weight
            for name, weight in weights.items()
            if name.startswith(_STUDENT)
        }
        save_medkit(directory, self.model.student, own, notes)


def list_labels(examples: Sequence[ReportExample], labels: Sequence[str]) -> Tensor:
    """Return which labels each study has, (B, L) 0 or 1."""
    rows = [[float(label in example.findings) for label in labels] for example in examples]
    return torch.tensor(rows).view(len(examples), len(labels))
