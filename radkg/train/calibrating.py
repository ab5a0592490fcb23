"""The calibration of a reader of sentences, fitted on annotated sentences kept out of training."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from radkg.extractor.sentencewise import ReadSentences
from radkg.metrics import score
from radkg.metrics.calibration import bin_by_confidence, compute_calibration_error
from radkg.model.calibration import Calibration, compute_logits
from radkg.schema.linearize import Reading, Span
from radkg.schema.records import RelationType
from radkg.train.labelled import LabelledSentence, read_labelled_sentences

Outcome = tuple[float, bool]  # confidence in [0, 1], whether the annotators say the same
_STEPS = 50  # of Newton's method, which needs about ten
_PENALTY = 1e-3  # added to the curvature, which is nothing where every answer is sure


def calibrate_reader(read: ReadSentences, limit: int | None) -> tuple[Calibration, str]:
    """Return the calibration of a reader, and how right the reader is, as Markdown for a card.

    Args:
        read: sentences to readings whose confidences are the reader's own.
        limit: only the first sentences that are kept out of training; None: all of them.
    """
    kept_out = read_labelled_sentences(kept_out=True)[:limit]
    readings = read([one.sentence for one in kept_out])
    calibration = fit_calibration(readings, kept_out)
    return calibration, describe_reading(calibration.calibrate(readings), kept_out)


def fit_calibration(
    readings: Sequence[Reading], annotated: Sequence[LabelledSentence]
) -> Calibration:
    """Return the calibration of readings whose confidences are the reader's own.

    An entity is right where the annotators mark the same span with the same label, a relation where
    both of its ends and its type are right.
    """
    entities, relations = list_outcomes(readings, annotated)
    entity_slope, entity_shift = _fit(entities)
    relation_slope, relation_shift = _fit(relations)
    return Calibration(
        entity_slope=entity_slope,
        entity_shift=entity_shift,
        relation_slope=relation_slope,
        relation_shift=relation_shift,
    )


def describe_reading(readings: Sequence[Reading], kept_out: Sequence[LabelledSentence]) -> str:
    """Return how right calibrated readings are, as Markdown for a model's card."""
    spans = score([set(one.spans) for one in kept_out], [set(r.spans) for r in readings])
    links = score(list(map(_list_facts, kept_out)), list(map(_list_facts, readings)))
    outcomes = list_outcomes(readings, kept_out)
    errors = [compute_calibration_error(bin_by_confidence(pairs)) for pairs in outcomes]
    lines = [
        f"## On the {len(kept_out)} annotated sentences that are kept out of all training",
        "",
        "| what | precision | recall | F1 | calibration error |",
        "|---|--:|--:|--:|--:|",
    ]
    for name, found, error in zip(("entities", "relations"), (spans, links), errors, strict=True):
        lines.append(
            f"| {name} | {found.precision:.3f} | {found.recall:.3f} | {found.f1:.3f} | "
            f"{error:.3f} |"
        )
    lines += ["", "The confidences were calibrated on the same sentences."]
    return "\n".join(lines) + "\n\n"


def list_outcomes(
    readings: Sequence[Reading], annotated: Sequence[LabelledSentence]
) -> tuple[list[Outcome], list[Outcome]]:
    """Return what is read, entities and relations: each confidence with whether it is right."""
    entities: list[Outcome] = []
    relations: list[Outcome] = []
    for reading, one in zip(readings, annotated, strict=True):
        spans = set(one.spans)
        links = _list_facts(one)
        for span, sure in zip(reading.spans, reading.span_confidences, strict=True):
            entities.append((sure, span in spans))
        for (h, t, r), sure in zip(reading.links, reading.link_confidences, strict=True):
            relations.append((sure, (reading.spans[h], r, reading.spans[t]) in links))
    return entities, relations


def _list_facts(one: LabelledSentence | Reading) -> set[tuple[Span, RelationType, Span]]:
    return {(one.spans[head], kind, one.spans[tail]) for head, tail, kind in one.links}


def _fit(outcomes: Sequence[Outcome]) -> tuple[float, float]:
    """Return slope and shift with the highest likelihood, found by Newton's method."""
    if not outcomes:
        return 1.0, 0.0
    logits = compute_logits([sure for sure, _ in outcomes])
    design = np.stack([logits, np.ones_like(logits)], axis=1)
    right = np.array([is_right for _, is_right in outcomes], dtype=np.float64)
    # Platt's targets: as if one more answer were right and one more wrong
    target = np.where(right > 0, (right.sum() + 1) / (right.sum() + 2), 0.0)
    target += np.where(right > 0, 0.0, 1 / ((1 - right).sum() + 2))
    found = np.array([1.0, 0.0])
    for _ in range(_STEPS):
        chance = 1 / (1 + np.exp(-design @ found))
        gradient = design.T @ (target - chance)
        curvature = (design * (chance * (1 - chance))[:, None]).T @ design
        step = np.linalg.solve(curvature + _PENALTY * np.eye(2), gradient)
        before = _measure_loss(design @ found, target)
        while _measure_loss(design @ (found + step), target) > before:
            step = step / 2  # Newton's step may go too far where most answers are right
        found = found + step
    return round(float(found[0]), 4), round(float(found[1]), 4)


def _measure_loss(logits: np.ndarray, target: np.ndarray) -> float:
    """Return the cross-entropy of the targets, summed."""
    return float(np.sum(np.logaddexp(0, logits) - target * logits))
