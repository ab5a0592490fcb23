"""From which confidence on a model's codes are given: chosen on studies held out of training."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from radkg.extractor.coded import select_codes
from radkg.extractor.vlm import VlmExtractor
from radkg.gold.coded import CodedStudies
from radkg.gold.codes import Gold
from radkg.gold.filing import list_gold_triplets
from radkg.metrics import Score, score
from radkg.model.checkpoint import CONFIG, parse_config, read_config
from radkg.model.config import ModelConfig
from radkg.private import write_text
from radkg.schema.codes import Codes
from radkg.schema.records import Condition

GRID = tuple(i / 20 for i in range(20))  # 0 to 0.95
MIN_PRECISION = 0.6  # of what the image alone adds to an extraction


def choose_thresholds(
    directory: Path, held_out: CodedStudies
) -> dict[Condition, tuple[int, Score]]:
    """Set the thresholds of a model directory; return how right its triplets then are.

    Chosen is the best F1 of triplets under each condition (with images: on the studies that have
    one at hand at which the model looks), and from where on MIN_PRECISION of the triplets of the
    image alone are right. The answer has the number of studies beside the score.
    """
    config = parse_config(ModelConfig, read_config(directory), directory)
    config = _set(directory, config.clear_thresholds())
    extractor = VlmExtractor(directory, "report")
    seen = held_out.select_with_image()
    studies_by_condition: dict[Condition, CodedStudies] = {"report": held_out}
    if config.projector is not None and len(seen):
        looked_at = extractor.choose_condition("image").is_looked_at(seen.studies)
        seen = seen.choose(i for i, is_looked_at in enumerate(looked_at) if is_looked_at)
        if len(seen):
            studies_by_condition |= {"image+report": seen, "image": seen}
    found = {
        condition: extractor.choose_condition(condition).read_codes(coded.studies)
        for condition, coded in studies_by_condition.items()
    }

    def score_under(condition: Condition, settings: ModelConfig) -> Score:
        codes = [select_codes(codes, condition, settings) for codes in found[condition]]
        return _score(codes, studies_by_condition[condition].golds)

    def choose_best(condition: Condition, limits: Sequence[dict[str, Any]]) -> ModelConfig:
        tried = [dataclasses.replace(config, **limit) for limit in limits]
        return max(tried, key=lambda settings: score_under(condition, settings).f1)

    pairs = [(t, n) for t in GRID for n in GRID if n >= t]
    config = choose_best(
        "report", [{"report_threshold": t, "normal_threshold": n} for t, n in pairs]
    )
    if "image" in studies_by_condition:
        config = choose_best("image+report", [{"both_threshold": t} for t in GRID])
        by_image = [dataclasses.replace(config, image_threshold=t) for t in GRID]
        sure = [c for c in by_image if score_under("image", c).precision >= MIN_PRECISION]
        config = choose_best("image", [{"image_threshold": t} for t in GRID])
        sure_threshold = sure[0].image_threshold if sure else 1.0
        config = dataclasses.replace(config, sure_threshold=sure_threshold)
    _set(directory, config)
    return {
        condition: (len(coded), score_under(condition, config))
        for condition, coded in studies_by_condition.items()
    }


def _score(codes: Sequence[Codes], golds: Sequence[Gold]) -> Score:
    return score(
        [list_gold_triplets(gold) for gold in golds],
        [frozenset(triplet for triplet, _ in one.triplets) for one in codes],
    )


def _set(directory: Path, config: ModelConfig) -> ModelConfig:
    write_text(directory / CONFIG, config.to_json())
    return config
