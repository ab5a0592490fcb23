"""Tokens per second, MFU and memory of both training stages at the published sizes.

    python -m tests.benchmarks.gpu_train
    python -m tests.benchmarks.gpu_train --attention sdpa,flash_attention_2 --tokens 16384
    python -m tests.benchmarks.gpu_train --tiny

Needs torch, transformers, tokenizers and safetensors only. Random weights and tokens; the loop is
radkg.train.trainer's. Prints a table and one line of JSON.
"""

from __future__ import annotations

import argparse
import gc
import json
import random
from typing import Any

import torch
import transformers

from radkg.model.flops import count_training_flops, find_peak_flops
from radkg.model.vlmkg.vlm import IGNORED, STAGE_NAMES, StageName, VisionLanguageModel
from radkg.train.trainer import TrainConfig, Trainer
from tests.benchmarks.gpu_machine import about, table, wait
from tests.benchmarks.gpu_model import config, model

COLUMNS = [
    *("stage", "attention", "rows", "tokens", "padding", "tokens/s", "MFU", "ms/step"),
    *("weights+optimizer GiB", "activations GiB"),
]


def batch(
    made: VisionLanguageModel, stage: StageName, tokens: int, length: int, ragged: bool
) -> dict[str, torch.Tensor]:
    """Return rows of random tokens, of which the last third is output; ragged: 70 to 100 % full."""
    rng = random.Random(0)
    rows = max(1, tokens // length)
    generator = torch.Generator().manual_seed(0)
    ids = torch.randint(0, made.config.language.vocab_size, (rows, length), generator=generator)
    mask = torch.ones_like(ids)
    for row in range(rows if ragged else 0):
        mask[row, rng.randint(7 * length // 10, length) :] = 0
    labels = ids.masked_fill(torch.arange(length) < 2 * length // 3, IGNORED)
    made_batch = {
        "input_ids": ids,
        "attention_mask": mask,
        "labels": labels.masked_fill(mask == 0, IGNORED),
    }
    if stage == "vlm_kg":
        assert made.config.projector is not None
        width = made.config.projector.dim_in
        made_batch["features"] = torch.randn((rows, 1, width), generator=generator)
        made_batch["is_view"] = torch.ones((rows, 1), dtype=torch.bool)
        made_batch["has_image"] = torch.ones(rows, dtype=torch.bool)
    return made_batch


def measure(
    stage: StageName, attention: str, ragged: bool, device: torch.device, args: argparse.Namespace
) -> dict[str, Any]:
    """Return the figures of one stage."""
    made = model(config(tiny=args.tiny), device, torch.float32)  # as trained: fp32 weights
    made.model.set_attn_implementation(attention)
    settings = TrainConfig(precision=args.precision, batch_tokens=args.tokens)
    trainer = Trainer(made, settings, 1000, stage=stage, device=device)
    one = batch(made, stage, args.tokens, args.length, ragged)
    for _ in range(args.warmup):
        trainer.step([one])
    gc.collect()
    held = peak = None
    if device.type == "cuda":
        wait(device)
        held = torch.cuda.memory_allocated(device) / 2**30
        torch.cuda.reset_peak_memory_stats(device)
    results = [trainer.step([one]) for _ in range(args.steps)]
    if held is not None:
        peak = torch.cuda.max_memory_allocated(device) / 2**30
    # a step reads its loss back, so its own clock has waited for the device
    took = sorted(r.seconds for r in results)[len(results) // 2]
    first = results[0]
    flops = count_training_flops(made, first.tokens, first.outputs, first.rows, first.images)
    limit, source = find_peak_flops(device, args.precision)
    return {
        "stage": stage,
        "attention": attention,
        "rows": first.rows,
        "tokens": first.tokens,
        "padding": round(first.padding, 3),
        "tokens_per_s": first.tokens / took,
        "mfu": flops / took / limit if limit else None,
        "ms_per_step": 1000 * took,
        "weights_and_optimizer_gib": held,
        "activations_gib": peak - held if held is not None and peak is not None else None,
        "peak_flops": limit,
        "peak_from": source,
        "loss": results[-1].loss,
    }


def main(argv: list[str] | None = None) -> dict[str, Any]:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--tokens", type=int, default=16_384, help="of a micro-batch")
    parser.add_argument("--length", type=int, default=512, help="tokens of a row")
    parser.add_argument("--attention", default="sdpa", help="implementations, comma between them")
    parser.add_argument("--precision", choices=["bf16", "fp32"], default="bf16")
    parser.add_argument("--steps", type=int, default=10)
    parser.add_argument("--warmup", type=int, default=3)
    parser.add_argument("--tiny", action="store_true", help="tiny sizes: seconds on a CPU")
    args = parser.parse_args(argv)
    if args.tiny:
        args.tokens, args.length, args.steps, args.warmup = 128, 32, 2, 1
    device = torch.device("cuda" if torch.cuda.is_available() and not args.tiny else "cpu")
    found: list[dict[str, Any]] = []
    for stage in STAGE_NAMES:
        for attention in args.attention.split(","):
            for ragged in (False, True):
                try:
                    found.append(measure(stage, attention, ragged, device, args))
                except (ImportError, ValueError) as error:  # that implementation is not installed
                    found.append({"stage": stage, "attention": attention, "missing": str(error)})
                if device.type == "cuda":
                    torch.cuda.empty_cache()
    result = {
        "benchmark": "train",
        **about(device),
        "transformers": transformers.__version__,
        "precision": args.precision,
        "tiny": args.tiny,
        "measured": found,
    }
    keys = ["stage", "attention", "rows", "tokens", "padding", "tokens_per_s", "mfu"]
    keys += ["ms_per_step", "weights_and_optimizer_gib", "activations_gib"]
    print(f"{result['device']}, {result['date']}, commit {result['commit']}, {args.precision}")
    print(table(COLUMNS, [[row.get(key) for key in keys] for row in found]))
    for row in found:
        if "missing" in row:
            print(f"not measured: {row['stage']}, {row['attention']}: {row['missing']}")
    print(json.dumps(result))
    return result


if __name__ == "__main__":
    main()
