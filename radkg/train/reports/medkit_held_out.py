"""How right a finished MedKit model is on the held-out tenth: labels and reports, beside floors."""

from __future__ import annotations

import dataclasses
import logging
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import torch

from radkg.errors import ArchiveError
from radkg.gold.codes import Gold
from radkg.gold.filing import Filing, fit_filing, list_gold_findings
from radkg.gold.held_out import is_held_out
from radkg.metrics import score
from radkg.metrics.auroc import compute_macro_auroc
from radkg.model.checkpoint import CONFIG
from radkg.private import write_text
from radkg.reporter.medkit import MedKitReporter, load_medkit
from radkg.reporter.rows import write_drafts
from radkg.rules import RulesExtractor
from radkg.schema.records import Study
from radkg.train.reports.examples import read_studies
from radkg.train.reports.scores import compute_bleu_4, read_written
from radkg.train.reports.texts import make_target
from radkg.train.stage_task import TrainJob

logger = logging.getLogger(__name__)

Shares = tuple[float, ...]  # confidence of each label

_BLIND = (
    "every image gets the same confidences: the tower died in training; train with a lower "
    "learning rate"
)
_GRID = tuple(i / 50 for i in range(1, 50))


class HeldOut(NamedTuple):
    """Studies with codes and a report."""

    studies: list[Study]
    golds: list[Gold]


def complete_medkit(job: TrainJob, directory: Path) -> str:
    """Choose the threshold of a model directory on the held-out tenth; return its figures.

    Chosen is the best F1 of the labels. "" is returned where the tenth has no study that can be
    seen, and the threshold then stays.
    """
    training, held_out = _read_parts(job)
    reporter = load_medkit(directory)
    shares = compute_confidences(reporter, held_out.studies)
    seen = [i for i, row in enumerate(shares) if row is not None]
    if not seen or not training.studies:
        return ""
    held_out = HeldOut([held_out.studies[i] for i in seen], [held_out.golds[i] for i in seen])
    known = [row for row in shares if row is not None]
    labels = reporter.config.labels
    threshold = choose_threshold(held_out.golds, known, labels)
    config = dataclasses.replace(reporter.config, threshold=threshold)
    write_text(directory / CONFIG, config.to_json())
    drafts = write_drafts(load_medkit(directory), held_out.studies)
    filing = fit_filing(RulesExtractor()(training.studies), training.golds)
    texts = [draft.text for draft in drafts]
    ((common, _),) = Counter(map(make_target, training.studies)).most_common(1)
    first = [float(label == _find_commonest(training.golds, labels)) for label in labels]
    rows = {
        "this model": (known, texts),
        "the same, image of the next study": (_shift(known), _shift(texts)),
        "the commonest label and report": ([tuple(first)] * len(known), [common] * len(texts)),
    }
    lines = [
        "## On the held-out tenth, against human codes and reports",
        "",
        "| | labels F1 | labels AUROC | findings F1 of the text | BLEU-4 | false on normal |",
        "|---|--:|--:|--:|--:|--:|",
    ]
    for name, (confidences, written) in rows.items():
        figures = _compare(held_out, confidences, written, labels, threshold, filing)
        lines.append(f"| {name} | {' | '.join(figures)} |")
    lines += [
        "",
        f"{len(texts)} studies, {len(set(texts))} different reports, {len(labels)} labels; "
        f"threshold chosen there: {threshold:.2f}",
    ]
    if len(known) > 1 and len(set(known)) == 1:
        logger.warning("model=%s %s", directory, _BLIND)
        lines += ["", f"**{_BLIND[0].upper()}{_BLIND[1:]}.**"]
    return "\n".join(lines) + "\n\n"


def choose_threshold(
    golds: Sequence[Gold], shares: Sequence[Shares], labels: Sequence[str]
) -> float:
    """Return the confidence from which on labels are called present: the best F1."""
    coded = [list_gold_findings(gold) & set(labels) for gold in golds]
    return max(
        _GRID, key=lambda limit: score(coded, [select_labels(s, labels, limit) for s in shares]).f1
    )


def select_labels(shares: Shares, labels: Sequence[str], threshold: float) -> frozenset[str]:
    """Return the labels that are called present."""
    pairs = zip(labels, shares, strict=True)
    return frozenset(label for label, share in pairs if share >= threshold)


def compute_confidences(reporter: MedKitReporter, studies: Sequence[Study]) -> list[Shares | None]:
    """Return the confidences of each study's labels; None where an image cannot be read."""
    found: list[Shares | None] = []
    for study in studies:
        try:
            logits = reporter.look([study]).logits[0]
        except ArchiveError:  # said and counted where the archive is read by a run
            found.append(None)
        else:
            found.append(tuple(torch.sigmoid(logits).tolist()))
    return found


def _read_parts(job: TrainJob) -> tuple[HeldOut, HeldOut]:
    """Return what a job learns from, and what it keeps out of that."""
    studies, golds = read_studies(job.archive, job.images, "train", job.limit)
    coded = [s for s in studies if s.study_id in golds and make_target(s)]
    parts = ([s for s in coded if is_held_out(s) == kept] for kept in (False, True))
    training, held_out = (HeldOut(part, [golds[s.study_id] for s in part]) for part in parts)
    return training, held_out


def _find_commonest(golds: Sequence[Gold], labels: Sequence[str]) -> str:
    counts = Counter(name for gold in golds for name in list_gold_findings(gold))
    return max(labels, key=lambda label: counts[label])


def _compare(
    held_out: HeldOut,
    shares: Sequence[Shares],
    texts: Sequence[str],
    labels: Sequence[str],
    threshold: float,
    filing: Filing,
) -> list[str]:
    """Return the cells of a row of the card."""
    coded = [list_gold_findings(gold) for gold in held_out.golds]
    called = [select_labels(row, labels, threshold) for row in shares]
    f1 = score([names & set(labels) for names in coded], called).f1
    auroc = compute_macro_auroc([[name in c for name in labels] for c in coded], shares)
    said = [written.findings & filing.classes for written in read_written(texts, filing)]
    findings = score([names & filing.classes for names in coded], said).f1
    bleu = compute_bleu_4([make_target(study) for study in held_out.studies], texts)
    normal = [bool(s) for s, names in zip(said, coded, strict=True) if not names]
    area = "" if auroc is None else f"{auroc:.3f}"
    return [f"{f1:.3f}", area, f"{findings:.3f}", f"{bleu:.3f}", f"{sum(normal)} of {len(normal)}"]


def _shift(rows: Sequence[object]) -> list:  # type: ignore[type-arg]
    return [rows[i - 1] for i in range(len(rows))]
