"""Generation, engine against engine, on one core: one JSON with speeds, ratios and agreement.

    nice -n 10 python -m tests.benchmarks.decode --model DIRECTORY --reports 100

The sentences are those of Open-i's test reports, each once, target `copy`; every engine gets the
same ones. Speed is per second of CPU time with one thread; equality is of texts, with transformers'
`generate` at batch 16: of all, and of those that are valid there (the others no grammar can equal).
What CTranslate2 writes invalid, and so repairs, is in its time. Without --model the weights are
random: then nothing is valid, and only the first three engines can be compared.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from radkg.archive import open_archive
from radkg.extractor.vlm import read_model
from radkg.model.config import make_small_config
from radkg.model.generate.decode import TransformersEngine
from radkg.model.generate.engine_ctranslate2 import CTranslate2Engine
from radkg.model.generate.grammar import Grammar, is_valid
from radkg.model.language import Prompt
from radkg.model.vlmkg.vlm import VisionLanguageModel
from radkg.schema.records import Study
from radkg.train.silver import count_sentences
from tests.benchmarks.grammar import small_language

Run = Callable[[Sequence[Prompt]], list[str]]


class Anything(Grammar):
    """No grammar at all: what it costs is the difference."""

    def __init__(self, vocab_size: int) -> None:
        self._ids = np.arange(vocab_size)

    def make_matcher(self, prompt: Prompt) -> Any:
        """Return one that accepts every token."""
        return self

    def consume_token(self, token: int) -> bool:
        """Accept."""
        return True

    def is_error(self) -> bool:
        """No error."""
        return False

    def list_allowed(self, matchers: Sequence[Any]) -> Any:
        """Return all tokens for all rows."""
        return self._ids, np.ones((len(matchers), len(self._ids)), dtype=bool)


def by_transformers(model: VisionLanguageModel, batch_size: int, budget: int) -> Run:
    """Return transformers' own `generate`: greedy, padded on the left, sorted by length."""
    language = model.language

    @torch.inference_mode()
    def run(prompts: Sequence[Prompt]) -> list[str]:
        encoded = [language.encode_prompt(prompt) for prompt in prompts]
        order = sorted(range(len(prompts)), key=lambda i: len(encoded[i]))
        texts = [""] * len(prompts)
        for start in range(0, len(order), batch_size):
            some = order[start : start + batch_size]
            width = max(len(encoded[i]) for i in some)
            padding = [width - len(encoded[i]) for i in some]
            ids = torch.tensor([[language.pad_id] * p + encoded[i] for i, p in zip(some, padding)])  # noqa: B905
            mask = torch.tensor([[0] * p + [1] * (width - p) for p in padding])
            output = model.model.generate(
                input_ids=ids,
                attention_mask=mask,
                do_sample=False,
                max_new_tokens=budget,
                eos_token_id=language.eos_id,
                pad_token_id=language.pad_id,
            )
            for i, row in zip(some, output[:, width:].tolist(), strict=True):
                texts[i] = language.decode(row)
        return texts

    return run


def by_engine(engine: Any, budget: int) -> Run:
    """Return one of radkg's engines."""

    def run(prompts: Sequence[Prompt]) -> list[str]:
        return [g.text for g in engine.generate(prompts, None, max_new_tokens=budget)]

    return run


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--model", type=Path, help="model directory; random small weights without")
    parser.add_argument("--reports", type=int, default=100)
    parser.add_argument("--batches", type=int, nargs="+", default=[1, 16, 64])
    parser.add_argument("--budget", type=int, default=128, help="tokens of one output")
    parser.add_argument("--rounds", type=int, default=1, help="the best of so many counts")
    args = parser.parse_args()
    torch.set_num_threads(1)
    archive = open_archive("openi")
    test = [r for r in archive.index().to_pylist() if r["split"] == "test"]
    studies = [s for s in archive.read(test[: args.reports]) if isinstance(s, Study)]
    texts = list(count_sentences(studies))
    if args.model:
        model = read_model(args.model)
    else:
        torch.manual_seed(0)
        model = VisionLanguageModel(make_small_config(), small_language(texts, 3072)).eval()
    vocab_size, names = model.config.language.vocab_size, model.config.names
    grammar = Grammar(model.language, vocab_size, names)
    prompts = [Prompt("copy", text) for text in texts]
    known = frozenset(names)
    reference: list[str] = []
    valid: list[bool] = []
    rows: list[dict[str, Any]] = []
    for batch in sorted(args.batches, key=lambda b: b != 16):  # the reference comes first
        free = TransformersEngine(model, Anything(vocab_size), batch_size=batch)
        strict = TransformersEngine(model, grammar, batch_size=batch)
        quantised = {
            kind: CTranslate2Engine(strict, names, compute_type=kind, batch_size=batch)
            for kind in ("float32", "int8")
        }
        runs: dict[str, Run] = {
            "transformers generate": by_transformers(model, batch, args.budget),
            "own loop, no grammar": by_engine(free, args.budget),
            "transformers engine": by_engine(strict, args.budget),
            **{f"ctranslate2 {k}": by_engine(e, args.budget) for k, e in quantised.items()},
        }
        for name, run in runs.items():
            run(prompts[:4])  # warm: imports, conversion, first allocations
            best = float("inf")
            for engine in quantised.values():
                engine.repaired = 0
            for _ in range(args.rounds):
                start = time.process_time()
                output = run(prompts)
                best = min(best, time.process_time() - start)
            if not reference:
                reference = output
                valid = [is_valid(t, p, known) for t, p in zip(output, prompts, strict=True)]
            same = [one == other for one, other in zip(output, reference, strict=True)]
            kind = name.removeprefix("ctranslate2 ")
            row: dict[str, Any] = {
                "engine": name,
                "batch": batch,
                "sentences_per_cpu_second": round(len(prompts) / best, 1),
                "reports_per_cpu_second": round(len(studies) / best, 1),
                "equal": round(sum(same) / len(same), 4),
                "equal_where_valid": round(
                    sum(s for s, v in zip(same, valid, strict=True) if v) / max(1, sum(valid)), 4
                ),
            }
            if kind in quantised:
                row["repaired"] = quantised[kind].repaired // args.rounds
            speed = row["sentences_per_cpu_second"]
            row["ratio"] = round(speed / rows[0]["sentences_per_cpu_second"], 2) if rows else 1.0
            rows.append(row)
    print(
        json.dumps(
            {
                "model": str(args.model.name) if args.model else "random",
                "reports": len(studies),
                "sentences": len(prompts),
                "valid": sum(valid),
                "cores": os.cpu_count(),
                "runs": rows,
            },
            indent=1,
        )
    )


if __name__ == "__main__":
    main()
