"""The planner: sentences of the training part by their claims, and a small model that writes more.

`prepare` reads the training reports once; the language model learns a sentence from its claim in
words. `finish` chooses, on the tenth held out, from which confidence on a detail is planned.
"""

from __future__ import annotations

import json
import shutil
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import torch
from torch import Tensor

from radkg.errors import ConfigError
from radkg.extractor import SHIPPED, load_extractor
from radkg.extractor.eye import EyeReader, make_codes
from radkg.gold.coded import CodedStudies, load_coded_studies
from radkg.gold.filing import list_gold_triplets
from radkg.gold.held_out import is_held_out
from radkg.metrics.radgraph_f1 import list_related, to_graph
from radkg.model import checkpoint
from radkg.model.report.plan_writer import PlanWriter, PlanWriterConfig, collate_pairs
from radkg.model.report.wording import train_report_tokenizer
from radkg.private import open_private, write_text
from radkg.reporter.bank import BANK, BankSentence, save_bank
from radkg.reporter.claims import describe_claim
from radkg.reporter.oracle import make_codes_of_gold
from radkg.reporter.planning import (
    PlannerConfig,
    Template,
    UsualClaim,
    list_possible,
    plan_findings,
)
from radkg.reporter.reading import READERS, ClaimReader, make_text_study
from radkg.rules import RulesExtractor
from radkg.schema.drafts import Claim
from radkg.train.planner import (
    TrainingText,
    collect_sentences,
    find_sites,
    fit_usual,
    list_sided,
    read_texts,
)
from radkg.train.silver import read_training_studies
from radkg.train.stage_task import Batch, ModelCard, StagePaths, TrainJob, TrainStage
from radkg.train.supervision import split_held_out
from radkg.train.template import ConstantScorer, drop_degree, find_template, tokenise

_PAIRS = "pairs.jsonl"
_MAX_REPEATS = 8  # of one sentence: "No pneumothorax." is not all there is
_EYE = "eye"
_MIN_PRECISION = 0.5  # of the details that are planned, on the tenth held out
_MANY_REPORTS = 15  # for a template
_GRID = tuple(i / 50 for i in range(50))


def prepare(job: TrainJob, stage: TrainStage, paths: StagePaths) -> None:
    """Write the bank, the settings, and pairs of claims in words and sentences.

    Raises:
        ConfigError: the training part holds no sentence that a draft may have.
    """
    coded = split_held_out(load_coded_studies(job.archive, "train", job.images))[0].take_first(
        job.limit
    )
    studies = [s for s in read_training_studies(job.archive, job.limit) if not is_held_out(s)]
    texts = read_texts(studies)
    reader = ClaimReader([load_extractor(name) for name in READERS])
    bank = collect_sentences(texts, reader)
    if not bank:
        raise ConfigError(f"{len(studies)} training reports hold no sentence that a draft may have")
    usual = fit_usual(texts, coded, reader)
    config = PlannerConfig(
        writer=PlanWriterConfig(),
        archive=job.archive,
        sited=find_sites(coded),
        sided=list_sided(coded),
        usual=usual,
        templates=_find_templates(texts, coded, bank, usual),
    )
    write_text(paths.data / checkpoint.CONFIG, config.to_json())
    save_bank(bank, paths.data / BANK)
    pairs = [pair for one in bank for pair in _make_pairs(one)]
    with open_private(paths.data / _PAIRS) as file:
        for claim, sentence in pairs:
            file.write(json.dumps([claim, sentence]) + "\n")
    assert config.writer is not None
    tokenizer = train_report_tokenizer(
        (text for pair in pairs for text in pair), config.writer.language.vocab_size
    )
    tokenizer.save(str(paths.data / checkpoint.TOKENIZER))


def open_task(job: TrainJob, stage: TrainStage, paths: StagePaths) -> PlannerTask:
    """Return the task with random weights."""
    values = checkpoint.read_config(paths.data)
    config = checkpoint.parse_config(PlannerConfig, values, paths.data)
    assert config.writer is not None
    torch.manual_seed(stage.config.seed)
    model = PlanWriter(config.writer, checkpoint.read_tokenizer(paths.data))
    with (paths.data / _PAIRS).open() as file:
        pairs = [json.loads(line) for line in file]
    return PlannerTask(model, config, pairs, paths.data / BANK)


class PlannerTask:
    """The language model, and its pairs as tokens."""

    def __init__(
        self,
        model: PlanWriter,
        config: PlannerConfig,
        pairs: Sequence[tuple[str, str]],
        bank: Path,
    ) -> None:
        self.model = model
        self._config, self._bank = config, bank
        language = model.language
        self._rows = [(language.encode_text(c), language.encode_report(s)) for c, s in pairs]
        self.lengths = [len(claim) + len(sentence) for claim, sentence in self._rows]

    def collate(self, members: Sequence[int], seed: int) -> Batch:
        """Return the batch of these pairs."""
        return collate_pairs([self._rows[i] for i in members], self.model.language)

    def save(self, directory: Path, weights: dict[str, Tensor], notes: str) -> None:
        """Write the directory with its bank, in half precision; a tied head is the embedding."""
        head = "generator.model.lm_head.weight"
        checkpoint.save(
            directory,
            self._config.to_json(),
            {name: weight for name, weight in weights.items() if name != head},
            tokenizer=self.model.language.tokenizer,
            card=notes,
            half=True,
        )
        shutil.copy(self._bank, directory / BANK)


def finish(job: TrainJob, paths: StagePaths, directory: Path) -> ModelCard:
    """Take the eye in, choose the threshold of details, and return what the card says."""
    config = checkpoint.parse_config(PlannerConfig, checkpoint.read_config(directory), directory)
    if job.vision:
        shutil.copytree(job.vision, directory / _EYE)
        config = replace(config, eye=_EYE)
    figures = ""
    if job.images:
        eye = EyeReader(Path(job.vision) if job.vision else SHIPPED["small"] / "vision")
        threshold, figures = choose_details(job, eye)
        config = replace(config, detail_threshold=threshold)
    write_text(directory / checkpoint.CONFIG, config.to_json())
    return ModelCard(
        what="A planner: sentences by their claims, and a small model that writes more of them.",
        scope="writes English sentences on chest radiographs, from plans.",
        targets="- Sentences stand here as hashes; their words come from the installed archive.\n",
        holds_out=True,
        figures=figures,
    )


def choose_details(job: TrainJob, eye: EyeReader) -> tuple[float, str]:
    """Return from which confidence on half of the details are right, and how many are, in words.

    A detail is a site, a side or a degree of a finding that the eye gives. Where no confidence is
    enough it is 1: no detail is planned.
    """
    coded = load_coded_studies(job.archive, "train", job.images)
    held_out = split_held_out(coded)[1].take_first(job.limit).select_with_image()
    found: list[tuple[float, bool]] = []
    read = eye.compute_confidences(held_out.studies)
    for row, gold in zip(read, held_out.golds, strict=True):
        if row is None:
            continue
        codes = make_codes(row, eye.config)
        names = {name for name, _ in eye.select(codes).findings}
        sites = {t for (h, r, t), _ in codes.triplets if r == "located_at" and h in names}
        truth = list_gold_triplets(gold)
        found += [
            (confidence, (head, relation, tail) in truth)
            for (head, relation, tail), confidence in codes.triplets
            if (head in names if relation == "located_at" else tail in names | sites)
        ]
    for threshold in _GRID:
        sure = [is_right for confidence, is_right in found if confidence >= threshold]
        if sure and sum(sure) >= _MIN_PRECISION * len(sure):
            said = f"{sum(sure)} of {len(sure)} details of confidence {threshold:.2f} and more"
            return threshold, f"On the tenth held out {said} are right.\n"
    return 1.0, "On the tenth held out no confidence makes half of the details right.\n"


def _find_templates(
    texts: Sequence[TrainingText],
    coded: CodedStudies,
    bank: Sequence[BankSentence],
    usual: Sequence[UsualClaim],
) -> tuple[Template, ...]:
    """Return a template for each set of usual claims that findings leave in many studies.

    Each is near to all reports: near to those of its own studies alone, templates were learnt by
    heart (BLEU-4 on the tenth held out .137 instead of .161).
    """
    rules = RulesExtractor()
    graphs = [list_related(to_graph(row)) for row in rules([text.study for text in texts])]
    words = [[token for one in text.sentences for token in tokenise(one)] for text in texts]
    own = rules([make_text_study(one.text) for one in bank])
    entities = {b.text: list_related(to_graph(row)) for b, row in zip(bank, own, strict=True)}
    place = {text.study.study_id: i for i, text in enumerate(texts)}
    members: defaultdict[frozenset[int], list[int]] = defaultdict(list)
    everything = frozenset(range(len(usual)))
    for study, gold in zip(coded.studies, coded.golds, strict=True):
        stated = plan_findings(make_codes_of_gold(gold), PlannerConfig(), {})
        if study.study_id in place:
            members[list_possible(stated, usual)].append(place[study.study_id])
    members[everything] = list(range(len(texts)))
    scorer = ConstantScorer(words, graphs)
    found: dict[Template, None] = {}
    for possible in sorted(members, key=lambda one: (one != everything, -len(one), sorted(one))):
        those = members[possible]
        if len(those) < _MANY_REPORTS:
            continue
        claims = [usual[i].claim for i in sorted(possible)]
        text = find_template(bank, frozenset(claims), scorer, entities)
        made = {drop_degree(claim) for one in text for claim in one.claims}
        stated_usual = tuple(i for i in sorted(possible) if usual[i].claim in made)
        found[Template(stated_usual, tuple(one.sentence_id for one in text))] = None
    return tuple(found)


def _make_pairs(one: BankSentence) -> list[tuple[str, str]]:
    """Return what the model learns from a sentence of one claim: the claim in words, and it."""
    claims: set[Claim] = set(one.claims)
    if len(claims) > 1:
        return []
    return [(describe_claim(one.claims[0]), one.text)] * min(one.count, _MAX_REPEATS)
