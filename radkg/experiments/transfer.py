"""Train on one acquisition system of Open-i and test on the other.

Open-i does not say from which of its two hospital systems a study comes. Its DICOM headers say
whose software wrote them (Agfa or Siemens). That nearly splits the collection in two, by detector
and by wording: a shift of acquisition, and only probably one of institution. With --other,
institutions.py runs instead.
"""

from __future__ import annotations

import csv
import dataclasses
import gzip
from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import ClassVar

from radkg.archive import open_archive
from radkg.archive.formats.openi import OpenI
from radkg.errors import ConfigError
from radkg.experiments.base import Experiment
from radkg.experiments.context import ExperimentContext
from radkg.experiments.examples import make_examples
from radkg.experiments.scoring import FINDINGS, NORMAL, TRIPLETS
from radkg.experiments.study_sets import StudySet
from radkg.experiments.table import TableRow
from radkg.model.vision.encoders import IMAGENET
from radkg.schema.records import Condition

_WRITERS = {
    "Agfa": ("MITRA", "Agfa", "AGFA"),  # Mitra was bought by Agfa in 2002
    "Siemens": ("SIEMENS",),
}


@dataclasses.dataclass(frozen=True, kw_only=True)
class TransferExperiment(Experiment):
    """Train on each acquisition system, and on both; test on each."""

    name: ClassVar[str] = "transfer"
    title: ClassVar[str] = "Trained on one system, tested on the other"
    shown: ClassVar[tuple[str, ...]] = (TRIPLETS, "modify F1", "located_at F1", FINDINGS, NORMAL)

    conditions: tuple[Condition, ...] = ("report", "image")
    """conditions under which codes are compared; those with images need --images"""
    vision: str = IMAGENET
    """image encoder for runs without --vision: the encoder of the model has seen both sides"""

    @property
    def default_vision(self) -> str:
        """Return an encoder that has seen neither side."""
        return self.vision

    def write_caption(self, context: ExperimentContext) -> str:
        """Return what was trained and what is compared."""
        return (
            "Target codes; studies whose DICOM headers were written by Agfa's (or Mitra's) "
            "software alone against those by Siemens' alone, the others left out. Open-i does not "
            "label its two hospital systems: this is a shift of acquisition and, by the wording, "
            "of readers, not a proven one of institution. The language model starts from random "
            "weights and the image encoder is ImageNet's unless --vision names another, so that "
            "neither has seen the other side; as many training studies on both sides, drawn at "
            "random; both: half of either."
        )

    def make_rows(self, context: ExperimentContext) -> Iterator[TableRow]:
        """Yield each pair of a side to train on and a side to test on."""
        writers = read_header_writers(context.config.archive)
        seed = context.config.seed
        sides = {
            name: (
                _select_side(context.training, name, writers),
                _select_side(context.scored, name, writers),
            )
            for name in _WRITERS
        }
        number = min(len(training) for training, _ in sides.values())
        if not number or not all(len(scored) for _, scored in sides.values()):
            raise ConfigError("a side has no study: raise --limit")
        for condition in self.conditions:
            if condition != "report" and context.config.images is None:
                continue
            for side in (*sides, "both"):
                parts = (
                    [sides[side][0].draw(number, seed)]
                    if side in sides
                    else [training.draw(number // 2, seed) for training, _ in sides.values()]
                )
                examples = [
                    example
                    for part in parts
                    for example in make_examples(part, condition, context.aligned, part.images)
                ]
                projector = context.make_projector_config() if condition != "report" else None
                model = context.make_model(projector, fresh=True)
                variant = context.train(model, examples, fresh=True)
                for tested, (_, scored) in sides.items():
                    figures, seconds = context.score(
                        variant.model, condition, scored.images, scored
                    )
                    notes = {
                        **variant.notes,
                        "training studies": sum(len(part) for part in parts),
                        "tested studies": len(scored),
                        "seconds of reading": seconds,
                    }
                    yield TableRow(
                        f"{condition}, tested on {tested}", f"trained on {side}", figures, notes
                    )


def read_header_writers(archive: str) -> dict[str, set[str]]:
    """Return the makers of the software that wrote each subject's DICOM headers, by subject_id.

    Raises:
        ConfigError: the archive has no DICOM metadata.
    """
    found = open_archive(archive)
    if not isinstance(found, OpenI) or found.metadata is None:
        raise ConfigError(
            f"{archive} has no DICOM metadata to tell its systems apart: take openi, or give "
            "--other"
        )
    writers: defaultdict[str, set[str]] = defaultdict(set)
    with gzip.open(found.metadata, "rt", newline="") as file:
        for row in csv.DictReader(file):
            creator = row["Private Creator"]
            written = {name for name, starts in _WRITERS.items() if creator.startswith(starts)}
            writers[row["Patient ID"]] |= written or {"unknown"}
    return dict(writers)


def _select_side(part: StudySet, name: str, writers: Mapping[str, set[str]]) -> StudySet:
    return part.filter(lambda study: writers.get(study.subject_id) == {name})
