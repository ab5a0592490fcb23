"""Generation through transformers' own `generate`, for chat models of any architecture.

It takes whatever transformers takes. It reads each prompt whole: what prompts have in common is
read again in every batch, which engine_continuous.py does once.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import torch
from torch import Tensor
from transformers import GenerationConfig, LogitsProcessor, LogitsProcessorList

from radkg.model.generate.decode import Generation, TextModel, cut_batches, make_generation
from radkg.model.generate.grammar import Grammar
from radkg.model.generate.masking import filter_scores
from radkg.model.language import Prompt

if TYPE_CHECKING:
    from llguidance import LLMatcher

_BATCH_SIZE = 8  # prompts with a guide and examples have thousands of tokens


class GenerateEngine:
    """Greedy decoding of text prompts, in batches of like length."""

    def __init__(self, model: TextModel, grammar: Grammar, batch_tokens: int | None = None) -> None:
        self.model = model
        self.grammar = grammar
        self.batch_tokens = batch_tokens
        self._device = threading.Lock()  # one call computes, others wait

    @torch.inference_mode()
    def generate(
        self, prompts: Sequence[Prompt], prefixes: Tensor | None, *, max_new_tokens: int
    ) -> list[Generation]:
        """Return one generation per prompt, in order (see Engine); a chat model takes no prefix."""
        done: dict[Prompt, Generation] = {}
        pending = [(self.model.language.encode_prompt(p), p) for p in dict.fromkeys(prompts)]
        pending.sort(key=lambda row: len(row[0]))
        lengths = [len(ids) for ids, _ in pending]
        with self._device:
            for start, end in cut_batches(lengths, _BATCH_SIZE, self.batch_tokens):
                rows = pending[start:end]
                for (_, prompt), made in zip(rows, self._batch(rows, max_new_tokens), strict=True):
                    done[prompt] = made
        return [done[prompt] for prompt in prompts]

    def _batch(
        self, rows: Sequence[tuple[list[int], Prompt]], max_new_tokens: int
    ) -> list[Generation]:
        eos, device = self.model.language.eos_id, self.model.model.device
        width = max(len(ids) for ids, _ in rows)
        ids = [[eos] * (width - len(ids)) + ids for ids, _ in rows]
        is_prompt = [[0] * (width - len(ids)) + [1] * len(ids) for ids, _ in rows]
        inputs = {
            "input_ids": torch.tensor(ids, device=device),
            "attention_mask": torch.tensor(is_prompt, device=device),
        }
        prompts = [prompt for _, prompt in rows]
        return generate_batch(self.model, self.grammar, prompts, inputs, max_new_tokens)


def generate_batch(
    model: TextModel,
    grammar: Grammar,
    prompts: Sequence[Prompt],
    inputs: Mapping[str, Tensor],
    max_new_tokens: int,
) -> list[Generation]:
    """Return one generation per prompt of a batch, in order, greedily decoded.

    Args:
        model: that generates.
        grammar: of the model.
        prompts: whose grammars bind the outputs.
        inputs: what the model takes: (B, T) ids and mask, padded on the left, and images if any.
        max_new_tokens: budget of one output, with the token that ends it.
    """
    eos = model.language.eos_id
    chooser = _Chooser(grammar, prompts, eos)
    model.model.generate(
        **inputs,
        logits_processor=LogitsProcessorList([chooser]),
        # not the model's own: it may sample, or forbid to repeat
        generation_config=GenerationConfig(  # type: ignore[no-untyped-call]
            do_sample=False, max_new_tokens=max_new_tokens, eos_token_id=eos, pad_token_id=eos
        ),
    )
    return [
        make_generation(
            model, prompt, ids, logprobs, finished=ids[-1] == eos and not matcher.is_error()
        )
        for prompt, ids, logprobs, matcher in zip(
            prompts, chooser.tokens, chooser.logprobs, chooser.matchers, strict=True
        )
    ]


class _Chooser(LogitsProcessor):
    """Lets through what the grammars allow, and notes what is chosen with its probability."""

    def __init__(self, grammar: Grammar, prompts: Sequence[Prompt], eos: int) -> None:
        self.tokens: list[list[int]] = [[] for _ in prompts]
        self.logprobs: list[list[float]] = [[] for _ in prompts]
        self.matchers: list[LLMatcher] = [grammar.make_matcher(prompt) for prompt in prompts]
        self._grammar = grammar
        self._eos = eos

    def __call__(self, input_ids: Tensor, scores: Tensor) -> Tensor:
        """Return the scores (B, V) of the next token with -inf where it is not allowed."""
        masked, logprobs = filter_scores(self._grammar, self.matchers, scores)
        for row, token in enumerate(masked.argmax(dim=1).tolist()):
            if self.tokens[row][-1:] == [self._eos]:  # its output has ended
                continue
            self.tokens[row].append(token)
            self.logprobs[row].append(logprobs[row])
            if token != self._eos:
                self.matchers[row].consume_token(token)
        return masked
