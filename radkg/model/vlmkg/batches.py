"""Examples to batches: tokens once, rows of like length together, the same order for one seed.

B rows, T tokens, V views, C feature width.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from radkg.errors import ConfigError
from radkg.model.language import Language, Prompt
from radkg.model.vlmkg.vlm import IGNORED
from radkg.schema.linearize import Target

Batch = dict[str, Tensor]
_BUCKETS = 50  # batches' worth of rows that are sorted together: little padding, still shuffled


@dataclass(frozen=True, slots=True)
class Example:
    """One thing to learn: what to write for a sentence ("" for none) and the study's images."""

    target: Target
    sentence: str
    output: str
    image_ids: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class EncodedExample:
    """An example as tokens; the loss counts those from `num_prompt` on."""

    ids: tuple[int, ...]
    num_prompt: int
    image_ids: tuple[str, ...]


def encode(
    examples: Sequence[Example], language: Language, max_length: int
) -> list[EncodedExample]:
    """Return the examples as tokens.

    Raises:
        ConfigError: an example is longer than `max_length`; it is not cut in silence.
    """
    rows = []
    for example in examples:
        prompt = language.encode_prompt(Prompt(example.target, example.sentence))
        ids = (*prompt, *language.encode_output(example.output))
        if len(ids) > max_length:
            raise ConfigError(
                f"an example has {len(ids)} tokens, more than {max_length}: raise max_length or "
                f"leave it out: {example.sentence[:60]!r}"
            )
        rows.append(EncodedExample(ids, len(prompt), example.image_ids))
    return rows


def order_batches(
    lengths: Sequence[int], batch_tokens: int, seed: int, epoch: int
) -> list[list[int]]:
    """Return the rows of each batch of an epoch: at most `batch_tokens` with padding."""
    shuffle = random.Random(f"{seed}/{epoch}")
    order = list(range(len(lengths)))
    shuffle.shuffle(order)
    mean = max(1, sum(lengths) // max(1, len(lengths)))
    chunk = max(1, _BUCKETS * batch_tokens // mean)
    batches: list[list[int]] = []
    for start in range(0, len(order), chunk):
        now: list[int] = []
        for i in sorted(order[start : start + chunk], key=lambda i: lengths[i]):
            if now and (len(now) + 1) * lengths[i] > batch_tokens:
                batches.append(now)
                now = []
            now.append(i)
        batches.append(now)
    shuffle.shuffle(batches)
    return batches


def collate(rows: Sequence[EncodedExample], pad_id: int, features: Mapping[str, Tensor]) -> Batch:
    """Return one batch: padding on the right, and the images' features where a row has any."""
    length = max(len(row.ids) for row in rows)
    ids = torch.full((len(rows), length), pad_id)
    mask = torch.zeros((len(rows), length), dtype=torch.int64)
    labels = torch.full((len(rows), length), IGNORED)
    for i, row in enumerate(rows):
        tokens = torch.tensor(row.ids)
        ids[i, : len(tokens)] = tokens
        mask[i, : len(tokens)] = 1
        labels[i, row.num_prompt : len(tokens)] = tokens[row.num_prompt :]
    batch = {"input_ids": ids, "attention_mask": mask, "labels": labels}
    if any(row.image_ids for row in rows):
        batch |= stack_views([row.image_ids for row in rows], features)
    return batch


def stack_views(studies: Sequence[Sequence[str]], features: Mapping[str, Tensor]) -> Batch:
    """Return `features` (B, V, C), `is_view` (B, V) and `has_image` (B,) of studies' images."""
    width = next(iter(features.values())).shape[-1]
    views = max(1, *(len(ids) for ids in studies))
    stacked = torch.zeros((len(studies), views, width))
    is_view = torch.zeros((len(studies), views), dtype=torch.bool)
    for i, ids in enumerate(studies):
        for j, image_id in enumerate(ids):
            stacked[i, j] = features[image_id]
            is_view[i, j] = True
    return {"features": stacked, "is_view": is_view, "has_image": is_view.any(1)}
