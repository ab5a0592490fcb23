"""Train the variants of MedKit, and write and score the reports of each.

S seeds, N studies, L labels.
"""

from __future__ import annotations

import dataclasses
import logging
import time
from collections import Counter
from collections.abc import Sequence
from itertools import islice
from pathlib import Path
from typing import NamedTuple

import torch
from tokenizers import Tokenizer
from torch import Tensor

from radkg.errors import ConfigError
from radkg.evaluation.reports.studies import make_reference, open_report_set
from radkg.experiments.ranking_scores import estimate_auroc
from radkg.experiments.report_scores import (
    Scored,
    compute_f1,
    count,
    estimate_over_seeds,
    score_arm,
)
from radkg.experiments.scoring import Figures
from radkg.experiments.settings import ExperimentConfig
from radkg.gold.coded import CodedStudies
from radkg.gold.codes import Gold
from radkg.gold.filing import list_gold_findings
from radkg.knowledge.counting import GraphCounter
from radkg.knowledge.phrases import describe_labels
from radkg.knowledge.records import Knowledge
from radkg.model.report.medkit import MedKit
from radkg.model.report.medkit_config import MedKitConfig, make_small_medkit
from radkg.model.report.wording import train_report_tokenizer
from radkg.rules import RulesExtractor
from radkg.schema.arrow import to_table
from radkg.schema.records import Study
from radkg.train.eye import list_frequent
from radkg.train.loop import iterate_micro_batches
from radkg.train.reports.examples import ReportExample, make_examples
from radkg.train.reports.images import list_image_locations, read_squares
from radkg.train.reports.medkit_held_out import Shares, choose_threshold, select_labels
from radkg.train.reports.medkit_starts import start_base, start_student
from radkg.train.reports.medkit_task import MedKitTask, list_labels
from radkg.train.reports.scores import read_written
from radkg.train.supervision import split_held_out
from radkg.train.trainer import TrainConfig, Trainer

logger = logging.getLogger(__name__)

LABELS, AREA = "labels F1", "labels AUROC"
_MIN_STUDIES = 20  # with a finding, for it to be a label
_LOOKED_AT_ONCE, _WRITTEN_AT_ONCE = 16, 16
_RATE = 1.5e-3


class Answers(NamedTuple):
    """What a variant says of the scored studies."""

    shares: list[Shares]
    """confidence of each label, by study"""
    threshold: float
    """chosen on the held-out tenth"""
    texts: list[str]


@dataclasses.dataclass(frozen=True)
class Part:
    """Studies with codes, a report and images."""

    examples: list[ReportExample]
    studies: list[Study]
    golds: list[Gold]
    images: dict[str, Tensor]
    """(S, S) uint8 by image id"""

    @property
    def views(self) -> list[list[Tensor]]:
        """The images of each study, (1, S, S) in [0, 1]."""
        return [
            [self.images[i][None].float() / 255 for i in example.image_ids]
            for example in self.examples
        ]


class MedKitVariants:
    """The data of all variants, read once; labels, knowledge and tokenizer are of the training.

    Args:
        config: data and budget.
        side: of the images, in px.
        vocab_size: of the tokenizer.
        max_new_tokens: of a report that is written.

    Raises:
        ConfigError: there are too few studies.
    """

    def __init__(
        self, config: ExperimentConfig, side: int, vocab_size: int, max_new_tokens: int
    ) -> None:
        self._config, self._side = config, side
        found = open_report_set(config.archive, config.split, config.images)
        is_dev = config.split == "dev"
        learnt, held = (found.training, found.scored) if is_dev else split_held_out(found.training)
        self.filing = found.filing
        self.training = self._make_part(learnt, round(1.2 * side), with_text=True)
        self.held_out = self._make_part(held, side)
        self.scored = self.held_out if is_dev else self._make_part(found.scored, side)
        labels = list_frequent([e.findings for e in self.training.examples], _MIN_STUDIES)
        if not labels or not self.held_out.examples:
            raise ConfigError(
                f"{len(self.training.examples)} studies to learn from and "
                f"{len(self.held_out.examples)} to choose on are too few: raise --limit"
            )
        self.knowledge = count_knowledge(self.training.studies)
        texts = [example.text for example in self.training.examples]
        sentences = tuple(describe_labels(labels, self.knowledge))
        self.tokenizer: Tokenizer = train_report_tokenizer([*texts, *sentences], vocab_size)
        small = make_small_medkit(labels, sentences, vocab_size)
        decoding = dataclasses.replace(small.decoding, max_new_tokens=max_new_tokens)
        self.config: MedKitConfig = dataclasses.replace(small, side=side, decoding=decoding)
        self._prevalence = list_labels(self.training.examples, labels).mean(0)

    def train_base(self, seed: int) -> Path:
        """Train the first stage; return its model directory."""
        directory = Path(self._config.out) / "bases" / str(seed)
        training = start_base(self.config, self.tokenizer, self._prevalence, seed)
        task = MedKitTask(training, self.training.examples, self.training.images)
        self._fit(task, "medkit_base", seed)
        task.save(directory, training.state_dict(), "a base of an experiment\n")
        return directory

    def train_student(self, config: MedKitConfig, seed: int, base: Path) -> MedKit:
        """Train the second stage with these terms and sentences; return the student."""
        training = start_student(config, self.tokenizer, self._prevalence, seed, base)
        task = MedKitTask(training, self.training.examples, self.training.images)
        self._fit(task, "medkit_student", seed)
        return training.student.eval()

    def ask(self, model: MedKit, shift: int = 0) -> Answers:
        """Return what a model says of the scored studies.

        Args:
            model: in evaluation mode.
            shift: 1: every study is shown the images of the one before it.
        """
        labels = self.config.labels
        seen = model.look(self.held_out.views, _LOOKED_AT_ONCE)
        threshold = choose_threshold(self.held_out.golds, _to_shares(seen.logits), labels)
        if model.prompts is not None:
            model.prompts.threshold = threshold
        views = self.scored.views
        views = [views[i - shift] for i in range(len(views))]
        texts: list[str] = []
        shares: list[Shares] = []
        for start in range(0, len(views), _WRITTEN_AT_ONCE):
            seen = model.look(views[start : start + _WRITTEN_AT_ONCE], _LOOKED_AT_ONCE)
            texts += model.write(seen)
            shares += _to_shares(seen.logits)
        return Answers(shares, threshold, texts)

    def make_floor(self) -> Answers:
        """Return a floor that looks at nothing: the commonest label and the commonest report."""
        golds, labels = self.training.golds, self.config.labels
        counts = Counter(name for gold in golds for name in list_gold_findings(gold))
        first = max(labels, key=lambda label: counts[label])
        ((text, _),) = Counter(e.text for e in self.training.examples).most_common(1)
        number = len(self.scored.examples)
        return Answers([tuple(float(n == first) for n in labels)] * number, 0.5, [text] * number)

    def count(self, answers: Sequence[Answers]) -> Scored:
        """Return the counts of a variant's texts, seed by seed."""
        classes = self.filing.classes
        texts = [one.texts for one in answers]
        said = [[w.findings & classes for w in read_written(own, self.filing)] for own in texts]
        filed = [names & classes for names in self._coded]
        return count(filed, [make_reference(s) for s in self.scored.studies], said, texts)

    def score(self, answers: Sequence[Answers], full: Scored | None) -> Figures:
        """Return the figures of a variant; `full` is what its texts are compared with."""
        labels = self.config.labels
        known = [names & set(labels) for names in self._coded]
        called = [[select_labels(s, labels, a.threshold) for s in a.shares] for a in answers]
        counts = [
            [(len(g & s), len(s), len(g)) for g, s in zip(known, own, strict=True)]
            for own in called
        ]
        has = [[name in names for name in labels] for names in known]
        return {
            LABELS: estimate_over_seeds(counts, compute_f1),
            AREA: estimate_auroc(has, [one.shares for one in answers]),
            **score_arm(self.count(answers), full),
        }

    @property
    def _coded(self) -> list[frozenset[str]]:
        return [list_gold_findings(gold) for gold in self.scored.golds]

    def _fit(self, task: MedKitTask, stage: str, seed: int) -> None:
        budget = self._config
        config = TrainConfig(
            num_steps=budget.steps,
            batch_tokens=budget.batch_tokens,
            learning_rate=_RATE,
            weight_decay=0.05,
            betas=(0.9, 0.98),
            precision="bf16",
            seed=seed,
        )
        trainer = Trainer(task.model, config, budget.steps, stage=stage)
        start, loss = time.perf_counter(), 0.0
        for members in islice(iterate_micro_batches(task, config), budget.steps):
            loss = trainer.step([task.collate(members, trainer.compute_seed(0))]).loss
        seconds = time.perf_counter() - start
        logger.info("stage=%s seed=%d loss=%.3f seconds=%.0f", stage, seed, loss, seconds)

    def _make_part(self, coded: CodedStudies, side: int, *, with_text: bool = False) -> Part:
        coded = coded.take_first(self._config.limit)
        golds = {s.study_id: g for s, g in zip(coded.studies, coded.golds, strict=True)}
        images = read_squares(side, list_image_locations(coded.studies))
        examples = make_examples(coded.studies, golds, images, with_text=with_text)
        by_id = {study.study_id: study for study in coded.studies}
        kept = [by_id[example.study_id] for example in examples]
        return Part(examples, kept, [golds[study.study_id] for study in kept], images)


def count_knowledge(studies: Sequence[Study]) -> Knowledge:
    """Return the knowledge graph of what the rules read in these studies' reports."""
    counter = GraphCounter()
    for batch in to_table(RulesExtractor()(studies)).to_batches():
        counter.add(batch)
    counted = counter.build()
    return Knowledge(counted.nodes, counted.edges, {})


def _to_shares(logits: Tensor) -> list[Shares]:
    return [tuple(row) for row in torch.sigmoid(logits).tolist()]
