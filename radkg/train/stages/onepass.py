"""What the one-pass extractor learns: sentences with the rules' reading, or a RadGraph file's.

`prepare` writes them as JSON lines that a person can read.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from radkg.archive import open_archive
from radkg.model import checkpoint
from radkg.model.onepass.batches import collate, encode, list_part_kinds
from radkg.model.onepass.network import OnePass, OnePassConfig
from radkg.model.onepass.words import WordTable
from radkg.schema.records import Study
from radkg.train.radgraph import read_radgraph_sentences
from radkg.train.silver import SilverSentence, count_sentences, invent_sentences, label_sentences
from radkg.train.stage_task import Batch, ModelCard, StagePaths, TrainJob, TrainStage

_SENTENCES = "sentences.jsonl"
_REPEATS = 6  # of a real sentence: invented ones are many and stranger


def prepare(job: TrainJob, stage: TrainStage, paths: StagePaths) -> None:
    """Write the sentences and the network's sizes."""
    archive = open_archive(job.archive)
    records = [r for r in archive.index().to_pylist() if r["split"] == "train"][: job.limit]
    real = count_sentences(s for s in archive.read(records) if isinstance(s, Study))
    number = stage.count_invented(job)
    made = invent_sentences(real, number, stage.config.seed) if number else ()
    found: list[SilverSentence] = []
    if not job.only_radgraph:
        found += label_sentences(sorted(real), only_stated=False) * _REPEATS
        found += label_sentences(made, only_stated=False)
    config = OnePassConfig(parts=list_part_kinds(found))
    if job.radgraph:
        found += read_radgraph_sentences(Path(job.radgraph))
    with (paths.data / _SENTENCES).open("w") as file:
        for sentence in found:
            file.write(json.dumps(dataclasses.asdict(sentence)) + "\n")
    (paths.data / checkpoint.CONFIG).write_text(config.to_json())


def open_task(job: TrainJob, stage: TrainStage, paths: StagePaths) -> OnePassTask:
    """Return the task with random weights."""
    values = checkpoint.read_config(paths.data)
    config = checkpoint.parse_config(OnePassConfig, values, paths.data)
    with (paths.data / _SENTENCES).open() as file:
        found = [_read(json.loads(line)) for line in file]
    torch.manual_seed(stage.config.seed)
    return OnePassTask(OnePass(config), found)


def finish(job: TrainJob, paths: StagePaths, directory: Path) -> ModelCard:
    """Return what the card says; the directory is complete."""
    return ModelCard(what="A one-pass extractor: word tagger and biaffine relations, for reports.")


class OnePassTask:
    """The network and its sentences as numbers."""

    def __init__(self, model: OnePass, found: Sequence[SilverSentence]) -> None:
        self.model = model
        self._config = model.config
        self._table = WordTable(model.config.buckets)
        self._rows = encode(found, self._table, model.config.parts)
        self.lengths = [len(row.words) for row in self._rows]

    def collate(self, members: Sequence[int], seed: int) -> Batch:
        """Return the batch; nothing in it is random."""
        return collate([self._rows[i] for i in members], self._table)

    def save(self, directory: Path, weights: dict[str, Tensor], notes: str) -> None:
        """Write the model directory, in half precision."""
        checkpoint.save(directory, self._config.to_json(), weights, card=notes, half=True)


def _read(values: dict[str, Any]) -> SilverSentence:
    return SilverSentence(
        values["sentence"],
        *(tuple(tuple(one) for one in values[name]) for name in ("spans", "links", "parts")),
    )
