"""The generator that all report models share: a prefix of vectors in, a report out.

    [bos] before  PREFIX  after  report eos          loss on `report eos` alone

The language model is any causal one of transformers. It trains whole, or with LoRA, or not at all.

B rows, P prefix length, T tokens of the reports, D width of the language model.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, get_args

import torch
from tokenizers import Tokenizer
from torch import Tensor, nn
from torch.nn import functional as F
from transformers import (
    AutoModelForCausalLM,
    GenerationConfig,
    LogitsProcessor,
    LogitsProcessorList,
    PreTrainedModel,
)

from radkg.errors import ExtractorError
from radkg.model.language import load_published_weights
from radkg.model.report.lora import add_lora
from radkg.model.report.masks import NoMasks
from radkg.model.report.wording import IGNORED, ReportLanguage

Adaptation = Literal["full", "lora", "frozen"]
ADAPTATIONS: tuple[Adaptation, ...] = get_args(Adaptation)


class ReportGenerator(nn.Module):
    """A causal language model that goes on behind a prefix.

    Args:
        model: the language model.
        language: its tokenizer with the text around the prefix.
        adaptation: what trains: all of it, a LoRA correction of its attention, or nothing.
    """

    model: Any  # transformers' own annotations are partial

    def __init__(
        self,
        model: PreTrainedModel,
        language: ReportLanguage,
        adaptation: Adaptation = "full",
        *,
        lora_rank: int = 16,
        lora_alpha: float = 16,
    ) -> None:
        super().__init__()
        self.model = model
        self.language = language
        if adaptation == "lora":
            add_lora(model, lora_rank, lora_alpha)
        elif adaptation == "frozen":
            model.requires_grad_(False)
        self._no_masks: NoMasks | None = None

    @property
    def hidden(self) -> int:
        """D, the width of a prefix."""
        width: int = self.model.get_input_embeddings().weight.shape[1]
        return width

    def embed(self, ids: Tensor) -> Tensor:
        """Return the language model's embeddings (..., D) of tokens (...)."""
        embedded: Tensor = self.model.get_input_embeddings()(ids)
        return embedded

    def forward(
        self, prefix: Tensor, batch: Mapping[str, Tensor], prefix_mask: Tensor | None = None
    ) -> Tensor:
        """Return the mean cross-entropy over the tokens of the reports.

        Args:
            prefix: (B, P, D).
            batch: `input_ids`, `attention_mask` and `labels` (B, T), as collate_reports makes them.
            prefix_mask: (B, P) bool, what is there; None: all.
        """
        ids, labels = batch["input_ids"], batch["labels"]
        prompt, seen = self._prompt(prefix, prefix_mask)
        embedded = torch.cat([prompt, self.embed(ids)], dim=1)
        seen = torch.cat([seen, batch["attention_mask"].to(seen.dtype)], dim=1)
        logits = self.model(
            inputs_embeds=embedded,
            attention_mask=seen,
            position_ids=(seen.cumsum(1) - 1).clamp(min=0),
            use_cache=False,
            logits_to_keep=ids.shape[1] + 1,
        ).logits[:, :-1]  # (B, T, V): each position says the next token
        return F.cross_entropy(logits.flatten(0, 1).float(), labels.flatten(), ignore_index=IGNORED)

    @torch.inference_mode()
    def generate(
        self,
        prefix: Tensor,
        max_new_tokens: int,
        beams: int = 1,
        *,
        min_new_tokens: int = 0,
        repetition_penalty: float = 1.0,
        length_penalty: float = 1.0,
        prefix_mask: Tensor | None = None,
        grammar: LogitsProcessor | None = None,
    ) -> list[list[int]]:
        """Return the tokens of each row's report, without the end; no sampling.

        Args:
            prefix: (B, P, D).
            max_new_tokens: budget of one report, with its end.
            beams: hypotheses of the beam search; 1: greedy.
            min_new_tokens: the end is not written before.
            repetition_penalty: a logit of a token that stands already is divided by it.
            length_penalty: exponent of the length that divides a beam's log-probability.
            prefix_mask: (B, P) bool, what is there; None: all.
            grammar: forbids further tokens; for a greedy search alone.
        """
        if max_new_tokens < 1 or beams < 1:
            raise ValueError(f"max_new_tokens {max_new_tokens}, beams {beams}: at least 1")
        prompt, seen = self._prompt(prefix, prefix_mask)
        language = self.language
        if self._no_masks is None:
            size = self.model.get_output_embeddings().weight.shape[0]
            self._no_masks = NoMasks(language.tokenizer, language.eos_id, size)
        settings: dict[str, Any] = {"length_penalty": length_penalty} if beams > 1 else {}
        was_training = self.model.training
        self.model.eval()
        plan: Any = GenerationConfig
        found = self.model.generate(
            inputs_embeds=prompt,
            attention_mask=seen,
            logits_processor=LogitsProcessorList([self._no_masks, *([grammar] if grammar else [])]),
            generation_config=plan(
                do_sample=False,
                num_beams=beams,
                max_new_tokens=max_new_tokens,
                min_new_tokens=min_new_tokens,
                repetition_penalty=repetition_penalty,
                eos_token_id=language.eos_id,
                pad_token_id=language.pad_id,
                **settings,
            ),
        )
        self.model.train(was_training)
        return [_cut(row, language.eos_id) for row in found.tolist()]

    def _prompt(self, prefix: Tensor, prefix_mask: Tensor | None) -> tuple[Tensor, Tensor]:
        """Return the vectors (B, L, D) up to the report, and which of them are there (B, L)."""
        rows = len(prefix)
        fixed = [
            torch.tensor(ids, dtype=torch.int64, device=prefix.device)
            for ids in (self.language.before, self.language.after)
        ]
        before, after = (self.embed(ids).expand(rows, -1, -1) for ids in fixed)
        seen = torch.ones(prefix.shape[:2], device=prefix.device, dtype=torch.int64)
        if prefix_mask is not None:
            seen = prefix_mask.to(torch.int64)
        ones = [seen.new_ones(rows, len(ids)) for ids in fixed]
        prompt = torch.cat([before, prefix.to(before.dtype), after], dim=1)
        return prompt, torch.cat([ones[0], seen, ones[1]], dim=1)


def read_causal_language(
    directory: Path, dtype: torch.dtype = torch.float32
) -> tuple[PreTrainedModel, Tokenizer]:
    """Return a published causal language model from its Hugging Face directory.

    Raises:
        ExtractorError: a file is missing or damaged, or the weights do not fit the settings.
    """
    try:
        json.loads((directory / "config.json").read_text())
        tokenizer = Tokenizer.from_file(str(directory / "tokenizer.json"))
    except Exception as error:  # tokenizers raises a bare Exception
        raise ExtractorError(f"{directory} is no model directory: {error}") from error
    model: PreTrainedModel = load_published_weights(AutoModelForCausalLM, directory, dtype)
    return model, tokenizer


def _cut(ids: list[int], eos_id: int) -> list[int]:
    return ids[: ids.index(eos_id)] if eos_id in ids else ids
