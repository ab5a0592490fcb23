"""From which confidence on a model's codes are given: chosen on studies held out of training."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path

from radkg.archive.openi_filing import gold_triplets
from radkg.extractor.coded import limited
from radkg.extractor.vlm import VlmExtractor
from radkg.metrics import Score, score
from radkg.model.checkpoint import CONFIG
from radkg.model.config import ModelConfig
from radkg.schema.codes import Codes
from radkg.supervision import Coded

BIASES = (0.0, 1.0, 2.0, 3.0)  # nats
GRID = tuple(i / 20 for i in range(20))  # 0 to 0.95
MIN_PRECISION = 0.6  # of what the image alone adds to an extraction


def choose_thresholds(directory: Path, held_out: Coded, *, with_images: bool) -> ModelConfig:
    """Set the thresholds of a model directory by held-out studies, and return its settings.

    Chosen is the best F1 of triplets, for reports and for images each, and from where on
    MIN_PRECISION of the triplets that the image alone gives are right.
    """
    extractor = VlmExtractor(directory, "report")
    config = dataclasses.replace(
        extractor.model.config,
        report_threshold=0.0,
        normal_threshold=0.0,
        both_threshold=0.0,
        image_threshold=0.0,
        sure_threshold=0.0,
        image_end_bias=0.0,
    )
    _write(directory, config)
    config = _for_reports(VlmExtractor(directory, "report"), config, held_out)
    if with_images:
        seen = held_out.choose(
            i
            for i, study in enumerate(held_out.studies)
            if any(image.location for image in study.images)
        )
        config = _for_both(VlmExtractor(directory, "image+report"), config, seen)
        config = _for_images(directory, config, seen)
    _write(directory, config)
    return config


def _for_reports(extractor: VlmExtractor, config: ModelConfig, held_out: Coded) -> ModelConfig:
    found = extractor.codes(held_out.studies)

    def f1(pair: tuple[float, float]) -> float:
        return _score([limited(codes, *pair) for codes in found], held_out).f1

    threshold, normal_threshold = max(((t, n) for t in GRID for n in GRID if n >= t), key=f1)
    return dataclasses.replace(
        config, report_threshold=threshold, normal_threshold=normal_threshold
    )


def _for_both(extractor: VlmExtractor, config: ModelConfig, held_out: Coded) -> ModelConfig:
    found = extractor.codes(held_out.studies)

    def f1(threshold: float) -> float:
        given = [limited(codes, threshold, config.normal_threshold) for codes in found]
        return _score(given, held_out).f1

    return dataclasses.replace(config, both_threshold=max(GRID, key=f1))


def _for_images(directory: Path, config: ModelConfig, held_out: Coded) -> ModelConfig:
    best = 0.0
    for bias in BIASES:
        _write(directory, dataclasses.replace(config, image_end_bias=bias))
        found = VlmExtractor(directory, "image").codes(held_out.studies)
        given = [
            (threshold, _score([limited(codes, threshold) for codes in found], held_out))
            for threshold in GRID
        ]
        threshold, score = max(given, key=lambda pair: pair[1].f1)
        if score.f1 > best:
            best = score.f1
            config = dataclasses.replace(
                config,
                image_end_bias=bias,
                image_threshold=threshold,
                sure_threshold=next((t for t, s in given if s.precision >= MIN_PRECISION), 1.0),
            )
    return config


def _score(given: Sequence[Codes], held_out: Coded) -> Score:
    return score(
        [gold_triplets(gold) for gold in held_out.golds],
        [frozenset(triplet for triplet, _ in codes.triplets) for codes in given],
    )


def _write(directory: Path, config: ModelConfig) -> None:
    (directory / CONFIG).write_text(config.to_json())
