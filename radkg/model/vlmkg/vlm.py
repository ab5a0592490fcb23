"""The vision-language model: an image prefix before instruction and report, loss on the triplets.

B rows, T tokens, V views, C feature width, P prefix length, D language width.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, get_args

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from transformers import Qwen2ForCausalLM

from radkg.model.config import ModelConfig
from radkg.model.language import Language, make_language_model
from radkg.model.vlmkg.projector import make_projector

StageName = Literal["llm_kg", "vlm_kg"]
STAGE_NAMES: tuple[StageName, ...] = get_args(StageName)
IGNORED = -100  # label of a token that the loss leaves out


class VisionLanguageModel(nn.Module):
    """Language model and projector; the image encoder is frozen and stands outside."""

    def __init__(
        self, config: ModelConfig, language: Language, model: Qwen2ForCausalLM | None = None
    ) -> None:
        super().__init__()
        self.config = config
        self.language = language
        self.model = model or make_language_model(config.language)
        self.projector = make_projector(config.projector) if config.projector else None

    directory: Path | None = None
    """in Hugging Face's layout it stands nowhere"""

    @property
    def vocab_size(self) -> int:
        """Rows of the head."""
        return self.config.language.vocab_size

    def make_prefix(self, features: Tensor, is_view: Tensor) -> Tensor:
        """Return the prefix (B, P, D) of a study's views (B, V, C): the mean over its views.

        Args:
            features: one vector per view; what stands where there is no view does not matter.
            is_view: (B, V) bool; a row without any view gets zeros.
        """
        assert self.projector is not None
        each = self.projector(features.flatten(0, 1)).unflatten(0, features.shape[:2])
        is_none = ~is_view[:, :, None, None]  # (B, V, 1, 1)
        mean: Tensor = each.masked_fill(is_none, 0).sum(1) / (~is_none).sum(1).clamp(min=1)
        return mean

    def embed(self, ids: Tensor) -> Tensor:
        """Return the language model's embeddings (B, T, D) of tokens (B, T)."""
        embedded: Tensor = self.model.get_input_embeddings()(ids)
        return embedded

    def forward(self, batch: Mapping[str, Tensor]) -> Tensor:
        """Return the mean cross-entropy over the output tokens of a batch (see batches.py)."""
        ids, mask, labels = batch["input_ids"], batch["attention_mask"], batch["labels"]
        inputs: dict[str, Any] = {"input_ids": ids, "attention_mask": mask}
        length = 0
        if "features" in batch:
            prefix = self.make_prefix(batch["features"], batch["is_view"])
            length = prefix.shape[1]
            embedded = self.embed(ids)
            seen = batch["has_image"][:, None].expand(-1, length).to(mask.dtype)  # (B, P)
            mask = torch.cat([seen, mask], dim=1)
            inputs = {
                "inputs_embeds": torch.cat([prefix.to(embedded.dtype), embedded], dim=1),
                "attention_mask": mask,
                "position_ids": (mask.cumsum(1) - 1).clamp(min=0),
            }
        hidden = self.model.model(**inputs, use_cache=False).last_hidden_state[:, length:]
        # the head is the widest matrix: it only sees the positions that the loss counts
        targets = labels[:, 1:]
        counted = targets != IGNORED
        logits = self.model.lm_head(hidden[:, :-1][counted])
        return F.cross_entropy(logits.float(), targets[counted])

    def freeze_for(self, stage: StageName) -> list[str]:
        """Let train what a stage trains, freeze the rest, and return the names of what trains."""
        if stage == "vlm_kg" and self.projector is None:
            raise ValueError("stage vlm_kg needs a projector in the settings")
        for name, parameter in self.named_parameters():
            parameter.requires_grad = stage == "vlm_kg" or not name.startswith("projector.")
        return [name for name, parameter in self.named_parameters() if parameter.requires_grad]
