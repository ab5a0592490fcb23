"""An evaluation set: the studies of a split, their references, and the floors; made once.

Several extractors, or one under several conditions, are scored on one evaluation set: the same
studies, the same habits of the coders, the same floors.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from radkg.errors import ArchiveError
from radkg.evaluation.floors import Floors, make_quick_answers, make_slow_answers, train_ngram_floor
from radkg.evaluation.ngram import NgramReader
from radkg.evaluation.reference import Answer, Reference, list_references, score_floor
from radkg.gold.coded import CodedStudies, load_coded_studies
from radkg.gold.filing import Filing, fit_filing
from radkg.rules import RulesExtractor

SPLITS = ("train", "test")


@dataclass(frozen=True)
class EvaluationSet:
    """Studies to score on and to count on; make it with `open_evaluation_set`."""

    archive: str
    split: str
    images: str | None
    training: CodedStudies
    coded: CodedStudies
    without_image: int  # coded studies that were left out
    filing: Filing
    references: tuple[Reference, ...]

    @cached_property
    def ngram(self) -> NgramReader:
        """The n-gram model, trained when it is first asked for."""
        return train_ngram_floor(self.training)

    def score_floors(self, which: Floors) -> dict[str, dict[str, object]]:
        """Return the figures of the floors, the quick ones or all."""
        return {**self._quick, **(self._slow if which == "all" else {})}

    @cached_property
    def _quick(self) -> dict[str, dict[str, object]]:
        return self._scored(make_quick_answers(self.filing, self.training, self.coded.studies))

    @cached_property
    def _slow(self) -> dict[str, dict[str, object]]:
        return self._scored(make_slow_answers(self.filing, self.ngram, self.coded.studies))

    def _scored(self, answers: dict[str, list[Answer]]) -> dict[str, dict[str, object]]:
        return {name: score_floor(self.references, found) for name, found in answers.items()}


def open_evaluation_set(
    archive_uri: str, split: str = "test", images: str | None = None
) -> EvaluationSet:
    """Return the evaluation set of a split; with images, only studies that have an image.

    Raises:
        ArchiveError: the archive has no human codes, or no usable study in the split.
        ValueError: `split` is neither train nor test.
    """
    check_split(split)
    training, every = (load_coded_studies(archive_uri, name, images) for name in ("train", split))
    coded = every if images is None else every.select_with_image()
    if not coded.studies or not training.studies:
        left = f", {len(every.studies)} without an image in {images} left out" if images else ""
        raise ArchiveError(
            f"{archive_uri} has no coded study in split {split!r}{left}, or none to train"
        )
    filing = fit_filing(RulesExtractor()(training.studies), training.golds)
    return EvaluationSet(
        archive=archive_uri,
        split=split,
        images=images,
        training=training,
        coded=coded,
        without_image=len(every) - len(coded),
        filing=filing,
        references=tuple(list_references(coded, filing)),
    )


def check_split(split: str) -> None:
    """Raise ValueError where the split is neither train nor test."""
    if split not in SPLITS:
        raise ValueError(f"split {split!r} is none of {SPLITS}")
