"""From which confidence on a model's codes are given: chosen on studies held out of training."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from pathlib import Path

from radkg.archive.openi_filing import gold_triplets
from radkg.extractor.coded import limited
from radkg.extractor.vlm import VlmExtractor
from radkg.metrics import Score, score
from radkg.model.checkpoint import CONFIG
from radkg.model.config import ModelConfig
from radkg.schema.codes import Codes
from radkg.supervision import Coded

GRID = tuple(i / 20 for i in range(20))  # 0 to 0.95
MAX_FALSE = 0.015  # share of normal reports that may get a code; the issue of a false alarm
MIN_PRECISION = 0.6  # of what the image alone adds to an extraction


def choose_thresholds(directory: Path, held_out: Coded, *, with_images: bool) -> ModelConfig:
    """Set the thresholds of a model directory by held-out studies, and return its settings.

    Reports: the best F1 of triplets among those that give at most MAX_FALSE of the normal reports a
    code, or, where there is none, the fewest. Images: the best F1, and from where on MIN_PRECISION
    of the triplets are right.
    """
    extractor = VlmExtractor(directory, "report")
    config = dataclasses.replace(
        extractor.model.config,
        report_threshold=0.0,
        normal_threshold=0.0,
        image_threshold=0.0,
        sure_threshold=0.0,
    )
    _write(directory, config)
    config = _for_reports(VlmExtractor(directory, "report"), config, held_out)
    if with_images:
        seen = held_out.choose(
            i
            for i, study in enumerate(held_out.studies)
            if any(image.location for image in study.images)
        )
        config = _for_images(VlmExtractor(directory, "image"), config, seen)
    _write(directory, config)
    return config


def _for_reports(extractor: VlmExtractor, config: ModelConfig, held_out: Coded) -> ModelConfig:
    found = extractor.codes(held_out.studies)
    num_normal = sum(gold.normal for gold in held_out.golds)
    best = (False, 0, 0.0)  # few enough false alarms, how many fewer, F1
    for threshold in GRID:
        for normal_threshold in GRID:
            given = [limited(codes, threshold, normal_threshold) for codes in found]
            false = sum(
                bool(codes.triplets)
                for codes, gold in zip(given, held_out.golds, strict=True)
                if gold.normal
            )
            is_few = false <= MAX_FALSE * num_normal
            value = (is_few, 0 if is_few else -false, _score(given, held_out).f1)
            if value > best:
                best = value
                config = dataclasses.replace(
                    config, report_threshold=threshold, normal_threshold=normal_threshold
                )
    return config


def _for_images(extractor: VlmExtractor, config: ModelConfig, held_out: Coded) -> ModelConfig:
    found = extractor.codes(held_out.studies)

    def at(threshold: float) -> Score:
        return _score([limited(codes, threshold, 0.0) for codes in found], held_out)

    return dataclasses.replace(
        config,
        image_threshold=max(GRID, key=lambda threshold: at(threshold).f1),
        sure_threshold=_first(GRID, lambda threshold: at(threshold).precision >= MIN_PRECISION),
    )


def _score(given: Sequence[Codes], held_out: Coded) -> Score:
    return score(
        [gold_triplets(gold) for gold in held_out.golds],
        [frozenset(triplet for triplet, _ in codes.triplets) for codes in given],
    )


def _first(grid: Sequence[float], is_enough: Callable[[float], bool]) -> float:
    """Return the first value that is enough; 1 where none is."""
    return next((value for value in grid if is_enough(value)), 1.0)


def _write(directory: Path, config: ModelConfig) -> None:
    (directory / CONFIG).write_text(config.to_json())
