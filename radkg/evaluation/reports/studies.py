"""The studies that reports are scored on, their true texts, and the training part beside them.

Test: NegBio's list of Open-i, without texts that stand word for word in training. Dev: the tenth of
the training part that nothing learns from, to choose on. Either way a study has usable human codes
and a text, and an image at hand where images are given; how many are left out is counted.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, get_args

from radkg.archive import open_archive
from radkg.errors import ArchiveError, ConfigError
from radkg.gold.coded import CodedStudies, load_coded_studies
from radkg.gold.filing import Filing, fit_filing
from radkg.gold.held_out import is_held_out
from radkg.metrics.wording import split_report
from radkg.rules import RulesExtractor
from radkg.schema.records import Study
from radkg.train.supervision import split_held_out

Split = Literal["dev", "test"]
SPLITS: tuple[Split, ...] = get_args(Split)
Part = Literal["whole", "findings"]
PARTS: tuple[Part, ...] = get_args(Part)
"""what of a report is the reference: findings and impression, or the findings alone"""
_SECTIONS: dict[Part, tuple[str, ...]] = {
    "whole": ("findings", "impression"),
    "findings": ("findings",),
}


@dataclass(frozen=True)
class ReportSet:
    """Studies to score on and to draw floors from; make it with `open_report_set`."""

    archive: str
    split: Split
    images: str | None
    training: CodedStudies  # each with a text
    scored: CodedStudies
    left_out: Mapping[str, int]  # studies of the split that are not scored, by the reason
    known: frozenset[str]  # the ids of all studies of the archive
    filing: Filing


def open_report_set(archive_uri: str, split: str = "test", images: str | None = None) -> ReportSet:
    """Return the studies of a split; with images, only those that have an image at hand.

    Raises:
        ArchiveError: the archive has no human codes, or nothing to score or to train on.
        ConfigError: the split is neither dev nor test.
    """
    if split not in SPLITS:
        raise ConfigError(f"split {split!r} is none of {', '.join(SPLITS)}")
    every = load_coded_studies(archive_uri, "train", images)
    if split == "dev":
        training, coded = split_held_out(every)
        uncoded = sum(map(is_held_out, every.uncoded))
    else:
        training, coded = every, load_coded_studies(archive_uri, "test", images)
        uncoded = len(coded.uncoded)
    index = open_archive(archive_uri).index().to_pylist()
    leaked = sum(row["split"] is None for row in index) if split == "test" else 0
    at_hand = coded.select_with_image() if images else coded
    scored = select_with_text(at_hand)
    if not scored.studies or not training.studies:
        raise ArchiveError(
            f"{archive_uri} has no coded study with a text in split {split!r}"
            + (f" and an image in {images}" if images else "")
            + ", or none to train"
        )
    return ReportSet(
        archive=archive_uri,
        split=split,
        images=images,
        training=select_with_text(training),
        scored=scored,
        left_out={
            "text_in_training": leaked,
            "no_usable_codes": uncoded,
            "no_image": len(coded) - len(at_hand),
            "no_text": len(at_hand) - len(scored),
        },
        known=frozenset(row["study_id"] for row in index),
        filing=fit_filing(RulesExtractor()(training.studies), training.golds),
    )


def select_with_text(coded: CodedStudies, part: Part = "whole") -> CodedStudies:
    """Return the studies whose report has that part."""
    return coded.choose(i for i, study in enumerate(coded.studies) if make_reference(study, part))


def make_reference(study: Study, part: Part = "whole") -> str:
    """Return the sections of a report that a draft is held against, a line end between them."""
    wanted = [s for name in _SECTIONS[part] for s in study.sections if s.name == name]
    texts = (study.report[s.start : s.end].strip() for s in wanted)
    return "\n".join(text for text in texts if text)


def split_text(text: str, part: Part) -> list[str]:
    """Return the tokens of a text that is held against a part of a report.

    Against the findings alone, as papers do on Open-i, the mark of a removed word is a word.
    """
    return split_report(text, keep_removed=part == "findings")
