"""A stage task for tests: the tiny model on invented sentences, slow or broken on request.

`job.archive` says how: words among `slow`, `nan`, `crash`. Every worker leaves its process id.
"""

import math
import os
import time

import torch

from radkg.model import checkpoint
from radkg.model.vlmkg.batches import collate, encode
from radkg.train.stage_task import TrainStage
from radkg.train.trainer import TrainConfig
from tests.support.runs.tiny import examples, features, tiny_config, tiny_model

STEPS = 40


def stage(**changes):
    settings = {
        "learning_rate": 3e-3,
        "num_steps": STEPS,
        "batch_tokens": 128,
        "accumulate": 2,
        "log_every": 1,
        "checkpoint_every": 5,
    }
    return TrainStage(
        name="vlm_kg",
        task="tests.support.runs.stage_tasks",
        config=TrainConfig(**settings | changes),
    )


def prepare(job, stage, paths):
    (paths.data / "rows").write_text("invented")


def open_task(job, stage, paths):
    assert (paths.data / "rows").exists()
    pids = paths.out / "pids"
    pids.mkdir(exist_ok=True)
    (pids / str(os.getpid())).touch()
    return TinyTask(job.archive)


class TinyTask:
    def __init__(self, how):
        self.how = how
        self.model = tiny_model()
        self.rows = encode(examples(), self.model.language, 64)
        self.lengths = [len(row.ids) for row in self.rows]
        self.features = features()
        self.batches = 0

    def collate(self, members, seed):
        self.batches += 1
        if "slow" in self.how:
            time.sleep(0.1)
        if "crash" in self.how:
            raise KeyError("a bug of ours")
        batch = collate([self.rows[i] for i in members], self.model.language.pad_id, self.features)
        if "nan" in self.how and self.batches > 6:
            batch["features"] = torch.full_like(batch["features"], math.nan)
            batch["is_view"] = torch.ones_like(batch["is_view"])
        return batch

    def save(self, directory, weights, notes):
        tokenizer = self.model.language.tokenizer
        checkpoint.save(
            directory, tiny_config().to_json(), weights, tokenizer=tokenizer, card=notes
        )
