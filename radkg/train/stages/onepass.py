"""What the one-pass extractor learns: annotated sentences, and as many invented ones.

Each time a sentence is met, it is varied anew (train/variation.py). Invented are findings in turns
of speech that the annotated texts hardly hold (train/frames.py), and sentences put together anew
with the rules' reading (silver).

`prepare` writes the sentences as JSON lines that a person can read.
"""

from __future__ import annotations

import dataclasses
import json
import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from radkg.extractor.onepass import OnePassExtractor
from radkg.model import checkpoint
from radkg.model.onepass.batches import collate, encode
from radkg.model.onepass.network import OnePass, OnePassConfig
from radkg.model.onepass.words import WordTable
from radkg.private import open_private, write_text
from radkg.schema.sentences import find_words
from radkg.train.calibrating import calibrate_reader
from radkg.train.frames import frame_findings
from radkg.train.labelled import ANNOTATED, LabelledSentence, read_labelled_sentences
from radkg.train.radgraph import read_radgraph_sentences
from radkg.train.silver import (
    invent_sentences,
    label_sentences,
    list_training_sentences,
    read_training_studies,
)
from radkg.train.stage_task import Batch, ModelCard, StagePaths, TrainJob, TrainStage
from radkg.train.teacher import read_teacher
from radkg.train.variation import Variation

_SENTENCES = "sentences.jsonl"
_REPEATS = 8  # of an annotated sentence in one pass over all sentences
_HIDDEN = 0.1  # share of a batch's words that are shown by their runs of characters alone


def prepare(job: TrainJob, stage: TrainStage, paths: StagePaths) -> None:
    """Write the sentences and the network's sizes."""
    found: list[LabelledSentence] = []
    if not job.only_radgraph:
        annotated = read_labelled_sentences()[: job.limit]
        found += annotated * _REPEATS
        if job.teacher:
            found += read_teacher(job.teacher, job.archive, job.limit)
        else:
            found += _invent_others(job, stage, annotated)
        found += frame_findings(annotated, stage.count_invented(job), stage.config.seed)
    if job.radgraph:
        found += read_radgraph_sentences(Path(job.radgraph))
    with open_private(paths.data / _SENTENCES) as file:
        for sentence in found:
            file.write(json.dumps(dataclasses.asdict(sentence)) + "\n")
    write_text(paths.data / checkpoint.CONFIG, OnePassConfig().to_json())


def _invent_others(
    job: TrainJob, stage: TrainStage, annotated: Sequence[LabelledSentence]
) -> list[LabelledSentence]:
    """Return invented sentences with the rules' reading, made out of the archive's and these."""
    sources = list_training_sentences(read_training_studies(job.archive, job.limit))
    sources += [one.sentence for one in annotated]
    made = invent_sentences(sources, stage.count_invented(job), stage.config.seed, mild=True)
    return label_sentences(made, only_stated=False)


def open_task(job: TrainJob, stage: TrainStage, paths: StagePaths) -> OnePassTask:
    """Return the task with random weights."""
    values = checkpoint.read_config(paths.data)
    config = checkpoint.parse_config(OnePassConfig, values, paths.data)
    with (paths.data / _SENTENCES).open() as file:
        found = [_read(json.loads(line)) for line in file]
    torch.manual_seed(stage.config.seed)
    return OnePassTask(OnePass(config), found)


def finish(job: TrainJob, paths: StagePaths, directory: Path) -> ModelCard:
    """Calibrate the model on the sentences kept out of training; return what the card says."""
    read = OnePassExtractor(directory).read_sentences
    calibration, figures = calibrate_reader(read, job.limit)
    config = checkpoint.parse_config(OnePassConfig, checkpoint.read_config(directory), directory)
    config = dataclasses.replace(config, calibration=calibration)
    write_text(directory / checkpoint.CONFIG, config.to_json())
    return ModelCard(
        what="A one-pass extractor: word tagger and relations between spans, for reports.",
        targets=ANNOTATED,
        figures=figures,
    )


class OnePassTask:
    """The network and its sentences."""

    def __init__(self, model: OnePass, found: Sequence[LabelledSentence]) -> None:
        self.model = model
        self._config = model.config
        self._table = WordTable(model.config.buckets)
        counted = [(one, len(find_words(one.sentence))) for one in found]
        self._found = [one for one, length in counted if length]
        self.lengths = [length for _, length in counted if length]
        self._variation = Variation(self._found)

    def collate(self, members: Sequence[int], seed: int) -> Batch:
        """Return the batch; `seed` decides how its sentences vary and which words are hidden."""
        rng = random.Random(seed)
        varied = [self._variation.vary(self._found[i], rng) for i in members]
        return collate(encode(varied, self._table), self._table, _HIDDEN, seed)

    def save(self, directory: Path, weights: dict[str, Tensor], notes: str) -> None:
        """Write the model directory, in half precision."""
        checkpoint.save(directory, self._config.to_json(), weights, card=notes, half=True)


def _read(values: dict[str, Any]) -> LabelledSentence:
    return LabelledSentence(
        values["sentence"],
        *(tuple(tuple(one) for one in values[name]) for name in ("spans", "links")),
    )
