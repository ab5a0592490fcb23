"""Our own small language model learns to write reports, before a prefix of vectors stands there.

    [bos] before  names of the findings  after  report eos

A published language model follows what stands before its text. Our own learns this from the names
of the findings that coders filed, in an order that changes, and `normal` where they filed none.

B rows, P tokens of the names, T tokens of the reports.
"""

from __future__ import annotations

import itertools
import random
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

from radkg.model.report.generator import ReportGenerator
from radkg.model.report.wording import collate_reports
from radkg.model.vlmkg.batches import order_batches
from radkg.train.reports.examples import ReportExample
from radkg.train.stage_task import Batch
from radkg.train.trainer import TrainConfig, Trainer

_NO_FINDING = "normal"


class WordPrompted(nn.Module):
    """A generator whose prefix is the embeddings of words."""

    def __init__(self, generator: ReportGenerator) -> None:
        super().__init__()
        self.generator = generator

    def forward(self, batch: Mapping[str, Tensor]) -> Tensor:
        """Return the mean cross-entropy over the tokens of the reports.

        Args:
            batch: that of `ReportGenerator.forward` with `prompt_ids` and `is_prompt` (B, P).
        """
        prefix = self.generator.embed(batch["prompt_ids"])
        loss: Tensor = self.generator(prefix, batch, batch["is_prompt"])
        return loss


class WordTask:
    """Findings as words, and the reports to write behind them."""

    def __init__(self, generator: ReportGenerator, examples: Sequence[ReportExample]) -> None:
        self.model = WordPrompted(generator)
        self._language = generator.language
        self._findings = [example.findings or (_NO_FINDING,) for example in examples]
        self._rows = [self._language.encode_report(example.text) for example in examples]
        self.lengths = [len(row) for row in self._rows]

    def collate(self, members: Sequence[int], seed: int) -> Batch:
        """Return the batch; `seed` decides in which order the findings stand."""
        draw = random.Random(f"{seed} {members[0]}")
        prompts = [self._ask(self._findings[i], draw) for i in members]
        longest = max(map(len, prompts))
        ids = torch.full((len(prompts), longest), self._language.pad_id)
        is_prompt = torch.zeros(len(prompts), longest, dtype=torch.bool)
        for row, prompt in enumerate(prompts):
            ids[row, : len(prompt)] = torch.tensor(prompt)
            is_prompt[row, : len(prompt)] = True
        batch = collate_reports([self._rows[i] for i in members], self._language.pad_id)
        return batch | {"prompt_ids": ids, "is_prompt": is_prompt}

    def _ask(self, findings: Sequence[str], draw: random.Random) -> list[int]:
        names = draw.sample(findings, len(findings))
        ids: list[int] = self._language.tokenizer.encode("; ".join(names) + ".").ids
        return ids


def train_language(
    generator: ReportGenerator, examples: Sequence[ReportExample], config: TrainConfig, steps: int
) -> float:
    """Train a generator to write the reports of the examples; return the loss of the last step."""
    task = WordTask(generator, examples)
    trainer = Trainer(task.model, config, steps)
    batches = itertools.chain.from_iterable(
        order_batches(task.lengths, config.batch_tokens, config.seed, epoch)
        for epoch in itertools.count()
    )
    loss = 0.0
    for number, members in enumerate(itertools.islice(batches, steps)):
        loss = trainer.step([task.collate(members, config.seed + number)]).loss
    return loss
