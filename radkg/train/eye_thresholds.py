"""From which confidence on an eye's codes are given: chosen on studies held out of its training."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Sequence

from radkg.extractor.coded import limit_codes
from radkg.gold.coded import CodedStudies
from radkg.gold.filing import list_gold_findings, list_gold_triplets
from radkg.metrics import Score, score
from radkg.model.vision.eye import EyeConfig
from radkg.schema.codes import Codes

_GRID = tuple(i / 50 for i in range(50))  # 0 to 0.98
_MAX_FALSE = 0.1  # of the normal studies: share with a finding that is given
_MIN_PRECISION = 0.6  # of what goes into an extraction


def choose_eye_thresholds(
    config: EyeConfig,
    found: Sequence[Codes],
    abnormal: Sequence[float],
    held_out: CodedStudies,
) -> EyeConfig:
    """Return the settings with the best F1 of findings, then of triplets, then a sure threshold.

    At most `_MAX_FALSE` of the normal studies have a finding, where any threshold reaches that.

    Args:
        config: the eye's settings.
        found: all codes of each study.
        abnormal: how sure [0, 1] each study is abnormal.
        held_out: the studies, with their human codes.
    """
    findings = [list_gold_findings(gold) for gold in held_out.golds]
    triplets = [list_gold_triplets(gold) for gold in held_out.golds]

    def rate(gate: float, threshold: float) -> tuple[bool, float]:
        given = _limit(found, abnormal, gate, threshold)
        names = [frozenset(name for name, _ in codes.findings) for codes in given]
        normal = [bool(n) for n, gold in zip(names, findings, strict=True) if not gold]
        is_fair = sum(normal) <= _MAX_FALSE * len(normal)
        return is_fair, score(findings, names).f1

    gate, threshold = max(itertools.product(_GRID, _GRID), key=lambda pair: rate(*pair))

    def rate_triplets(threshold: float) -> Score:
        given = _limit(found, abnormal, gate, threshold)
        return score(triplets, [frozenset(t for t, _ in codes.triplets) for codes in given])

    best = max(_GRID, key=lambda one: rate_triplets(one).f1)
    sure = [one for one in _GRID if rate_triplets(one).precision >= _MIN_PRECISION]
    return dataclasses.replace(
        config,
        abnormal_threshold=gate,
        finding_threshold=threshold,
        triplet_threshold=best,
        sure_threshold=sure[0] if sure else 1.0,
    )


def _limit(
    found: Sequence[Codes], abnormal: Sequence[float], gate: float, threshold: float
) -> list[Codes]:
    """Return the codes that two thresholds leave of each study."""
    nothing = Codes((), ())
    return [
        limit_codes(codes, threshold) if sure >= gate else nothing
        for codes, sure in zip(found, abnormal, strict=True)
    ]


def describe_eye(
    config: EyeConfig,
    found: Sequence[Codes],
    abnormal: Sequence[float],
    held_out: CodedStudies,
) -> str:
    """Return the card's figures, beside those of the same codes given to other studies."""
    findings = [list_gold_findings(gold) for gold in held_out.golds]
    triplets = [list_gold_triplets(gold) for gold in held_out.golds]
    gate = config.abnormal_threshold
    names = [
        frozenset(name for name, _ in codes.findings)
        for codes in _limit(found, abnormal, gate, config.finding_threshold)
    ]
    facts = [
        frozenset(triplet for triplet, _ in codes.triplets)
        for codes in _limit(found, abnormal, gate, config.triplet_threshold)
    ]
    normal = [bool(n) for n, gold in zip(names, findings, strict=True) if not gold]
    lines = ["## The eye on the held-out tenth, against the human codes", ""]
    lines += [
        "| read | findings P | R | F1 | triplets P | R | F1 |",
        "|---|--:|--:|--:|--:|--:|--:|",
    ]
    for what, shift in (("image", 0), ("image of the next study", 1)):
        moved = [names[i - shift] for i in range(len(names))]
        moved_facts = [facts[i - shift] for i in range(len(facts))]
        one, other = score(findings, moved), score(triplets, moved_facts)
        figures = (one.precision, one.recall, one.f1, other.precision, other.recall, other.f1)
        lines.append(f"| {what} | " + " | ".join(f"{figure:.3f}" for figure in figures) + " |")
    settings = dataclasses.asdict(config).items()
    chosen = ", ".join(f"{k} {v:.2f}" for k, v in settings if k.endswith("_threshold"))
    lines += [
        "",
        f"{sum(normal)} of {len(normal)} normal studies have a finding. Thresholds chosen there: "
        f"{chosen}",
    ]
    return "\n".join(lines) + "\n\n"
