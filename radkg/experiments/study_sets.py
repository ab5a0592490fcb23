"""Read the studies with human codes to train on and to score on.

Where the experiment has images, a set holds only studies with a readable image, so that conditions
are compared on the same studies.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from radkg.evaluation.reference import Reference, list_references
from radkg.gold.coded import CodedStudies, load_coded_studies
from radkg.gold.codes import Gold
from radkg.gold.filing import Filing
from radkg.schema.records import Study
from radkg.train.supervision import split_held_out

SPLITS = ("dev", "test")
Images = Mapping[str, tuple[str, ...]]  # study_id -> ids of its images that have features


@dataclass(frozen=True)
class StudySet:
    """Studies, their codes, and their images."""

    coded: CodedStudies
    images: Images
    """empty where the experiment has no images"""

    @property
    def studies(self) -> tuple[Study, ...]:
        """The studies."""
        return self.coded.studies

    @property
    def golds(self) -> tuple[Gold, ...]:
        """Their human codes."""
        return self.coded.golds

    def __len__(self) -> int:
        return len(self.coded)

    def filter(self, keep: Callable[[Study], bool]) -> StudySet:
        """Return the studies for which `keep` is true."""
        coded = self.coded.choose(i for i, study in enumerate(self.studies) if keep(study))
        kept_ids = {study.study_id for study in coded.studies}
        return StudySet(coded, {name: ids for name, ids in self.images.items() if name in kept_ids})

    def draw(self, number: int, seed: int) -> StudySet:
        """Return `number` studies drawn at random, in the order of the archive."""
        ids = [study.study_id for study in self.studies]
        chosen = set(random.Random(seed).sample(ids, min(number, len(ids))))
        return self.filter(lambda study: study.study_id in chosen)

    def shuffle_images(self, seed: int) -> Images:
        """Return the images of another study for each: one fixed cycle through all of them."""
        ids = sorted(self.images)
        random.Random(seed).shuffle(ids)
        return {a: self.images[b] for a, b in zip(ids, ids[1:] + ids[:1], strict=True)}

    def list_references(self, filing: Filing) -> list[Reference]:
        """Return the references, study by study."""
        return list(list_references(self.coded, filing))


def read_study_sets(
    archive: str, images: str | None, split: str, limit: int | None
) -> tuple[CodedStudies, CodedStudies]:
    """Return the studies to train on (nine tenths of train) and those of the split to score on.

    A text that occurs in both is on one side only.
    """
    training, dev = split_held_out(load_coded_studies(archive, "train", images))
    scored = dev if split == "dev" else load_coded_studies(archive, "test", images)
    return training.take_first(limit), scored.take_first(limit)
