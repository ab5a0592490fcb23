"""Prefill and decode tokens per second at the published sizes, and the share of the roofline.

    python -m tests.benchmarks.gpu_decode
    python -m tests.benchmarks.gpu_decode --batches 1,16 --new-tokens 128
    python -m tests.benchmarks.gpu_decode --tiny

Needs torch, transformers, tokenizers and safetensors only; the grammar is measured where llguidance
is installed, vLLM where it is. All routes have the same random weights, prompts and allowed tokens:

engine     radkg.model.generate.decode, the same few tokens allowed at every step
generate   transformers' generate under the same mask
grammar    radkg.model.generate.decode under the grammar of each sentence: rows end when they end
vllm       vLLM with the same allowed tokens

Each with the report alone and with an image prefix that eight prompts share. Decode is what is left
of the whole time without that of one token. The roofline is the bytes that a route must read for
one step (weights, its part of the head, keys and values) over the measured copy bandwidth. Prints a
table and one line of JSON.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
import transformers
from torch import Tensor
from transformers import LogitsProcessor, LogitsProcessorList

from radkg.errors import ExtractorError
from radkg.model.generate.decode import TransformersEngine
from radkg.model.generate.grammar import Grammar
from radkg.model.language import Prompt
from radkg.model.vlmkg.vlm import VisionLanguageModel
from tests.benchmarks.gpu_machine import about, copy_bandwidth, seconds, table
from tests.benchmarks.gpu_model import config, model, sentences

SHARED = 8  # prompts of one image
HEAD_ROWS = 256  # positions that the engine's full head sees at once
COLUMNS = [
    *("route", "input", "batch", "prompt tokens", "prefill tokens/s", "decode tokens/s"),
    *("ms/step", "share of roofline", "equal to engine"),
]
Route = Callable[[int], list[tuple[int, ...]]]  # number of new tokens to the tokens of each prompt


class OpenGrammar:
    """Allows the same tokens at every step, never the end."""

    def __init__(self, allowed: Sequence[int]) -> None:
        self._ids = np.array(allowed, dtype=np.int64)

    def make_matcher(self, prompt: Prompt) -> OpenGrammar:
        return self

    def consume_token(self, token: int) -> bool:
        return True

    def is_error(self) -> bool:
        return False

    def list_allowed(self, matchers: Sequence[OpenGrammar]) -> tuple[np.ndarray, np.ndarray]:
        return self._ids, np.ones((len(matchers), len(self._ids)), dtype=bool)


class Only(LogitsProcessor):
    """Leaves generate the same tokens."""

    def __init__(self, allowed: Tensor) -> None:
        self._allowed = allowed

    def __call__(self, input_ids: Tensor, scores: Tensor) -> Tensor:
        masked = torch.full_like(scores, -torch.inf)
        masked[:, self._allowed] = scores[:, self._allowed]
        return masked


@dataclass
class Bench:
    """A batch of prompts, with or without images, and the routes over it."""

    model: VisionLanguageModel
    prompts: list[Prompt]
    prefixes: Tensor | None
    allowed: list[int]

    @property
    def ids(self) -> list[list[int]]:
        return [self.model.language.encode_prompt(prompt) for prompt in self.prompts]

    @property
    def positions(self) -> int:
        """Prompt tokens and prefix positions of all rows."""
        prefix = 0 if self.prefixes is None else self.prefixes.shape[1]
        return sum(len(ids) + prefix for ids in self.ids)

    def engine(self, grammar: Any) -> Route:
        engine = TransformersEngine(self.model, grammar, batch_size=len(self.prompts))

        def run(new_tokens: int) -> list[tuple[int, ...]]:
            found = engine.generate(self.prompts, self.prefixes, max_new_tokens=new_tokens)
            return [generation.token_ids for generation in found]

        return run

    def generate(self) -> Route:
        device, pad = self.model.model.device, self.model.language.pad_id
        width = max(map(len, self.ids))
        ids = torch.tensor([[pad] * (width - len(i)) + i for i in self.ids], device=device)
        mask = torch.tensor([[0] * (width - len(i)) + [1] * len(i) for i in self.ids])
        only = LogitsProcessorList([Only(torch.tensor(self.allowed, device=device))])
        inputs: dict[str, Tensor] = {"input_ids": ids, "attention_mask": mask.to(device)}
        if self.prefixes is not None:
            inputs = self._embedded(ids, mask)

        @torch.inference_mode()
        def run(new_tokens: int) -> list[tuple[int, ...]]:
            found = self.model.model.generate(
                **inputs,
                max_new_tokens=new_tokens,
                do_sample=False,
                logits_processor=only,
                pad_token_id=pad,
            )
            return [tuple(row[-new_tokens:]) for row in found.tolist()]

        return run

    def _embedded(self, ids: Tensor, mask: Tensor) -> dict[str, Tensor]:
        """Return embeddings with the prefix between padding and prompt."""
        assert self.prefixes is not None
        length = self.prefixes.shape[1]
        with torch.inference_mode():
            text = self.model.embed(ids)
            rows = []
            for row, prompt in enumerate(self.prompts):
                assert prompt.image is not None
                start = int((mask[row] == 0).sum())
                prefix = self.prefixes[prompt.image].to(text.dtype)
                rows.append(torch.cat([text[row, :start], prefix, text[row, start:]]))
        seen = torch.ones((len(rows), ids.shape[1] + length), dtype=torch.int64)
        for row in range(len(rows)):
            seen[row, : int((mask[row] == 0).sum())] = 0
        return {"inputs_embeds": torch.stack(rows), "attention_mask": seen.to(ids.device)}


def step_bytes(bench: Bench, new_tokens: int, *, sparse_head: bool) -> float:
    """Return the bytes that one decoding step of the whole batch must read."""
    settings, rows = bench.model.config.language, len(bench.prompts)
    size = bench.model.model.dtype.itemsize
    layers = sum(p.numel() for p in bench.model.model.model.layers.parameters())
    head = settings.vocab_size * settings.hidden
    if sparse_head:  # the allowed rows now, the whole head once in so many positions
        passes = max(1.0, rows * new_tokens / HEAD_ROWS) / new_tokens
        head = round(len(bench.allowed) * settings.hidden + passes * head)
    width = settings.kv_heads * settings.hidden // settings.heads
    context = bench.positions + rows * new_tokens / 2
    return size * (layers + head + 2 * settings.layers * width * context)


def measure(
    name: str, run: Route, bench: Bench, bandwidth: float, args: argparse.Namespace, like: Any
) -> tuple[dict[str, Any], list[tuple[int, ...]]]:
    """Return the figures of a route, and what it wrote."""
    device, rows = bench.model.model.device, len(bench.prompts)
    written = run(args.new_tokens)
    first = seconds(lambda: run(1), device, args.repeats)
    whole = seconds(lambda: run(args.new_tokens), device, args.repeats)
    steps = max(map(len, written)) - 1
    tokens = sum(map(len, written)) - rows
    decode = max(whole - first, 1e-9)
    must = step_bytes(bench, args.new_tokens, sparse_head=name == "engine")
    equal = [a == b for a, b in zip(written, like or written, strict=True)]
    fixed = name != "grammar"
    return {
        "route": name,
        "input": "report" if bench.prefixes is None else "image+report",
        "batch": rows,
        "prompt_tokens": bench.positions,
        "prefill_tokens_per_s": bench.positions / first,
        "decode_tokens_per_s": tokens / decode,
        "ms_per_step": 1000 * decode / max(1, steps),
        "bytes_per_step": must if fixed else None,
        "roofline_share": must * steps / decode / bandwidth if fixed else None,
        "equal": sum(equal) / len(equal) if like and fixed else None,
    }, written


def vllm_route(bench: Bench) -> Route:
    """Return vLLM's route; ImportError where it is not installed."""
    from vllm import LLM, SamplingParams

    with tempfile.TemporaryDirectory() as folder:
        bench.model.model.save_pretrained(folder)
        engine = LLM(folder, skip_tokenizer_init=True, gpu_memory_utilization=0.4)

    def run(new_tokens: int) -> list[tuple[int, ...]]:
        sampling = SamplingParams(
            temperature=0,
            max_tokens=new_tokens,
            ignore_eos=True,
            detokenize=False,
            allowed_token_ids=bench.allowed,
        )
        prompts = [{"prompt_token_ids": ids} for ids in bench.ids]
        found = engine.generate(prompts, sampling, use_tqdm=False)
        return [tuple(one.outputs[0].token_ids) for one in found]

    return run


def make_bench(
    made: VisionLanguageModel, rows: int, args: argparse.Namespace, *, images: bool
) -> Bench:
    """Return a batch of prompts, each eight of one image."""
    texts = sentences(rows, args.words)
    allowed = list(range(10, 10 + args.allowed))
    if not images:
        return Bench(made, [Prompt("copy", text) for text in texts], None, allowed)
    assert made.config.projector is not None
    number = -(-rows // SHARED)
    generator = torch.Generator().manual_seed(0)
    features = torch.randn((number, 1, made.config.projector.dim_in), generator=generator)
    features = features.to(made.model.device, made.model.dtype)
    with torch.inference_mode():
        seen = torch.ones((number, 1), dtype=torch.bool, device=features.device)
        prefixes = made.make_prefix(features, seen)
    prompts = [Prompt("codes", text, i // SHARED) for i, text in enumerate(texts)]
    return Bench(made, prompts, prefixes, allowed)


def main(argv: list[str] | None = None) -> dict[str, Any]:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--batches", default="1,16,64,256", help="prompts, comma between them")
    parser.add_argument("--words", type=int, default=24, help="of a sentence")
    parser.add_argument("--new-tokens", type=int, default=64)
    parser.add_argument("--allowed", type=int, default=128, help="tokens that the mask allows")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--tiny", action="store_true", help="tiny sizes, fp32: seconds on a CPU")
    args = parser.parse_args(argv)
    if args.tiny:
        args.batches, args.words, args.new_tokens, args.repeats = "1,4", 4, 6, 1
    device = torch.device("cuda" if torch.cuda.is_available() and not args.tiny else "cpu")
    dtype = torch.float32 if args.tiny else torch.bfloat16
    made = model(config(tiny=args.tiny), device, dtype).eval()
    bandwidth = copy_bandwidth(device, 8 if args.tiny else 1024)
    missing: dict[str, str] = {}
    found: list[dict[str, Any]] = []
    language = made.config.language
    grammar: Grammar | None = None
    try:
        grammar = Grammar(made.language, language.vocab_size, ("cardi", "effu"))
    except ExtractorError as error:
        missing["grammar"] = f"{error}: measured without mask of the sentence"
    for images in (False, True):
        for rows in map(int, args.batches.split(",")):
            bench = make_bench(made, rows, args, images=images)
            route = bench.engine(OpenGrammar(bench.allowed))
            figures, written = measure("engine", route, bench, bandwidth, args, None)
            found.append(figures)
            found.append(measure("generate", bench.generate(), bench, bandwidth, args, written)[0])
            if grammar is not None:
                route = bench.engine(grammar)
                found.append(measure("grammar", route, bench, bandwidth, args, None)[0])
    try:
        for rows in map(int, args.batches.split(",")):
            bench = make_bench(made, rows, args, images=False)
            found.append(measure("vllm", vllm_route(bench), bench, bandwidth, args, None)[0])
    except ImportError as error:
        missing["vllm"] = f"not installed: {error}"
    result = {
        "benchmark": "decode",
        **about(device),
        "transformers": transformers.__version__,
        "precision": str(dtype).removeprefix("torch."),
        "copy_bandwidth_bytes_per_s": bandwidth,
        "new_tokens": args.new_tokens,
        "tiny": args.tiny,
        "missing": missing,
        "measured": found,
    }
    keys = ["route", "input", "batch", "prompt_tokens", "prefill_tokens_per_s"]
    keys += ["decode_tokens_per_s", "ms_per_step", "roofline_share", "equal"]
    print(
        f"{result['device']}, {result['date']}, commit {result['commit']}, {result['precision']}, "
        f"copy bandwidth {bandwidth / 1e9:.0f} GB/s, {args.new_tokens} new tokens"
    )
    print(table(COLUMNS, [[row[key] for key in keys] for row in found]))
    for name, why in missing.items():
        print(f"not measured: {name}: {why}")
    print(json.dumps(result))
    return result


if __name__ == "__main__":
    main()
