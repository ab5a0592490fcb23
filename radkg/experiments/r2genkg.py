"""What the parts of R2GenKG add to its reports, the graph above all.

No gain is a result, and stands in the table as any other.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import ClassVar

from radkg.errors import ConfigError
from radkg.evaluation.reports.floors import write_floors
from radkg.evaluation.reports.studies import ReportSet, make_reference, open_report_set
from radkg.experiments.base import Experiment
from radkg.experiments.context import ExperimentContext
from radkg.experiments.provenance import describe_origin
from radkg.experiments.report_arms import (
    ARMS,
    FULL,
    SHUFFLED_IMAGES,
    Arm,
    ArmBudget,
    ArmData,
    Outcome,
    run_arm,
)
from radkg.experiments.report_nats import NATS, NATS_GAIN, Nats, estimate_nats
from radkg.experiments.report_scores import BLEU, DIFFERENT, GAIN, Scored, count, score_arm
from radkg.experiments.scoring import FINDINGS, NORMAL
from radkg.experiments.table import TableRow
from radkg.gold.filing import list_gold_findings
from radkg.knowledge.store import load_knowledge
from radkg.model.report.r2genkg_config import make_small_r2genkg
from radkg.model.report.wording import train_report_tokenizer
from radkg.train.reports.examples import make_examples
from radkg.train.reports.images import list_image_locations, look
from radkg.train.reports.scores import read_written
from radkg.train.reports.settings import R2GenKGSettings
from radkg.train.supervision import split_held_out

_FLOORS = ("constant", "most_common")


@dataclasses.dataclass(frozen=True, kw_only=True)
class R2GenKGExperiment(Experiment):
    """Train the small R2GenKG with each of its parts changed, and score what it writes."""

    name: ClassVar[str] = "r2genkg"
    title: ClassVar[str] = "What the graph adds to written reports"
    shown: ClassVar[tuple[str, ...]] = (
        *(NATS, NATS_GAIN, FINDINGS, GAIN, BLEU, NORMAL, DIFFERENT),
    )

    knowledge: str = ""
    """directory of the knowledge graph, built with images"""
    seeds: int = 1
    """trainings of each arm; the seed of the first is --seed"""
    arms: tuple[str, ...] = ()
    """names of the arms to run; none: all"""
    language_steps: int = 1200
    """of the language model before it sees an image; the arms of a seed share it"""
    batch_tokens: int = 500
    """tokens of the reports in a step; their prefixes come on top"""
    learning_rate: float = 1.5e-3
    beams: int = 1
    max_new_tokens: int = 160
    """of a written report"""

    def __post_init__(self) -> None:
        known = [arm.name for arm in ARMS]
        for name in self.arms:
            if name not in known:
                raise ConfigError(f"no arm {name!r} of r2genkg: known: {', '.join(known)}")
        for name in ("seeds", "language_steps", "batch_tokens", "beams", "max_new_tokens"):
            if not isinstance(getattr(self, name), int) or getattr(self, name) < 1:
                raise ConfigError(f"{name} is {getattr(self, name)!r}: give 1 or more")

    def write_caption(self, context: ExperimentContext) -> str:
        """Return what was trained and what is compared."""
        return (
            "R2GenKG (arXiv 2508.03426) in its small sizes; every arm learns from the same studies "
            "in the same order. Under one seed all begin with the same language model, which has "
            "learnt to write behind the names of findings that coders filed, and is frozen. "
            f"{NATS}: how unlikely the true text is; lower is better. Findings: what coders would "
            "file for the written text as the rules read it, against the human codes. Zero graph: "
            "what the graph branch gives is 0. Shuffled graph: names permuted among the nodes. "
            "Random graph: edges drawn at random, names permuted. Nodes: of the subgraph that goes "
            "on, 300 in the full model. Oracle: the coders' findings in place of the image. "
            "Shuffled images: the full model is shown the images of another study. "
            f"{GAIN}, {NATS_GAIN}: paired, the same studies and seeds. Floors: the training report "
            "with the best BLEU-4, and the most frequent one, for every study."
        )

    def describe_provenance(self, context: ExperimentContext) -> str:
        """Return data, budget, seeds, date, commit and hardware of the figures, as sentences."""
        config = context.config
        on = (
            "the held-out tenth of the training split (to choose on, not to report)"
            if config.split == "dev"
            else "the test split"
        )
        return (
            f"Scored on {on}; {config.steps} steps of {self.batch_tokens} tokens an arm, after "
            f"{self.language_steps} of the language model, bf16, "
            f"{self.seeds} seed(s) from {config.seed} on; intervals draw studies and seeds again. "
            f"The range of {DIFFERENT} is over seeds. Beams: {self.beams}. {describe_origin()}"
        )

    def make_rows(self, context: ExperimentContext) -> Iterator[TableRow]:
        """Yield the floors, then each arm."""
        config = context.config
        context.require_images(self.name)
        if not self.knowledge:
            raise ConfigError(
                "experiment r2genkg needs a knowledge graph: give --set knowledge=DIR, as `radkg "
                "knowledge build --images DIR` writes it"
            )
        if config.minutes is not None:
            raise ConfigError("arms of r2genkg take equal steps: give --steps, not --minutes")
        report_set = open_report_set(config.archive, config.split, config.images)
        data = self._read(context, report_set)
        judge = _Judge(report_set, data)
        indices = judge.list_indices()
        floors = write_floors(report_set, "whole", indices, None)
        for name in _FLOORS:
            scored = judge.count([floors[name]])
            yield TableRow("floor", name.replace("_", " "), score_arm(scored, None), {})
        full: Scored | None = None
        full_nats: list[Nats] | None = None
        for arm in ARMS:
            if self.arms and arm.name not in self.arms:
                continue
            outcomes = self._run(arm, context, data)
            scored = judge.count([outcome.texts for outcome in outcomes])
            nats = [outcome.nats for outcome in outcomes]
            figures = score_arm(scored, full) | estimate_nats(nats, full_nats)
            yield TableRow(arm.group, arm.name, figures, _note(outcomes, config.steps))
            if arm.name == FULL:
                full, full_nats = scored, nats
                scored = judge.count([outcome.shuffled for outcome in outcomes])
                nats = [outcome.shuffled_nats for outcome in outcomes]
                figures = score_arm(scored, full) | estimate_nats(nats, full_nats)
                yield TableRow("full", SHUFFLED_IMAGES, figures, {})

    def _run(self, arm: Arm, context: ExperimentContext, data: ArmData) -> list[Outcome]:
        config = context.config
        budget = ArmBudget(
            steps=config.steps,
            language_steps=self.language_steps,
            batch_tokens=self.batch_tokens,
            learning_rate=self.learning_rate,
            beams=self.beams,
            max_new_tokens=self.max_new_tokens,
        )
        seeds = range(config.seed, config.seed + self.seeds)
        return [run_arm(arm, data, budget, seed, Path(config.out) / "arms") for seed in seeds]

    def _read(self, context: ExperimentContext, report_set: ReportSet) -> ArmData:
        """Return the studies of both sides, what is seen of their images, and the graph."""
        config = context.config
        knowledge = load_knowledge(Path(self.knowledge))
        training = split_held_out(report_set.training)[0].take_first(config.limit)
        scored = report_set.scored.take_first(config.limit)
        sight, seen = look(
            make_small_r2genkg().sight,
            config.vision,
            list_image_locations((*training.studies, *scored.studies)),
            Path(config.out) / "features",
            knowledge,
        )
        learnt, asked = (
            make_examples(
                part.studies,
                {s.study_id: g for s, g in zip(part.studies, part.golds, strict=True)},
                seen,
                with_text=with_text,
            )
            for part, with_text in ((training, True), (scored, False))
        )
        if not (learnt and asked):
            raise ConfigError(
                f"{len(learnt)} studies to train on, {len(asked)} to score on: check --images"
            )
        texts = [example.text for example in learnt]
        tokenizer = train_report_tokenizer(texts, R2GenKGSettings().vocab_size)
        return ArmData(knowledge, sight, seen, learnt, asked, tokenizer)


class _Judge:
    """Holds texts of the scored studies against their codes and their true texts."""

    def __init__(self, report_set: ReportSet, data: ArmData) -> None:
        self._filing = report_set.filing
        place = {study.study_id: i for i, study in enumerate(report_set.scored.studies)}
        self._indices = [place[example.study_id] for example in data.scored]
        chosen = report_set.scored.choose(self._indices)
        self._golds = [list_gold_findings(g) & self._filing.classes for g in chosen.golds]
        self._references = [make_reference(study) for study in chosen.studies]

    def list_indices(self) -> list[int]:
        """Return the places of the studies in `report_set.scored`."""
        return self._indices

    def count(self, texts: Sequence[Sequence[str]]) -> Scored:
        """Return the counts of the texts of each seed."""
        said = [
            [one.findings & self._filing.classes for one in read_written(each, self._filing)]
            for each in texts
        ]
        return count(self._golds, self._references, said, texts)


def _note(outcomes: Sequence[Outcome], steps: int) -> dict[str, str | int | float]:
    losses = [outcome.loss for outcome in outcomes]
    return {
        "steps": steps,
        "seeds": len(outcomes),
        "loss": round(sum(losses) / len(losses), 4),
        "seconds": round(sum(outcome.seconds for outcome in outcomes), 1),
    }
