"""MedKit (Expert Systems with Applications 296:129003): image, labels, knowledge, report.

    images ──> tower ──> tokens ──> projector ──> image prefix ┐
                            └─────> labels ──> their sentences ┴──> language model ──> report

The minimal reading of the paper, whose code does not hold the model. Training is in
medkit_training.py.

N images, B studies, T tokens, C channels, L labels, P prefix length, Q prompt length, D width of
the language model.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from radkg.model.report.generator import ReportGenerator
from radkg.model.report.labelled import LabelledEncoder, Seen
from radkg.model.report.medkit_config import MedKitConfig
from radkg.model.report.prompts import LabelPrompts
from radkg.model.vision.tokens import make_token_encoder
from radkg.model.vision.tower import FEATURE_DIM, Tower


class MedKit(nn.Module):
    """A labelled encoder, a projector, the prompt of the labels, and a generator.

    Args:
        config: sizes, labels and sentences.
        generator: the language model.
        tower: the 2D tower to start from; None: random weights.
    """

    def __init__(
        self, config: MedKitConfig, generator: ReportGenerator, tower: Tower | None = None
    ) -> None:
        super().__init__()
        self.config = config
        self.vision = make_labelled_encoder(config, tower)
        self.projector = nn.Sequential(  # R2GenGPT's, on whose code MedKit stands
            nn.Linear(FEATURE_DIM, generator.hidden), nn.LayerNorm(generator.hidden)
        )
        self.generator = generator
        self.prompts = (
            LabelPrompts(
                config.sentences, generator.language, config.threshold, config.most_prompted
            )
            if config.sentences
            else None
        )

    def make_prefix(self, tokens: Tensor, logits: Tensor) -> tuple[Tensor, Tensor]:
        """Return the prefix (B, T + Q, D) and which of it is there, (B, T + Q).

        Args:
            tokens: (B, T, C) of the encoder, or (B, T, D) that the projector has seen already.
            logits: (B, L); no gradient passes from the report to the labels through the prompt.
        """
        prefix = self.projector(tokens)
        seen = torch.ones(prefix.shape[:2], dtype=torch.bool, device=prefix.device)
        if self.prompts is None:
            return prefix, seen
        ids, is_word = self.prompts.encode(logits)
        embedded = self.generator.embed(ids).to(prefix.dtype)
        return torch.cat([prefix, embedded], 1), torch.cat([seen, is_word], 1)

    @torch.inference_mode()
    def look(self, studies: Sequence[Sequence[Tensor]], at_once: int) -> Seen:
        """Return tokens (B, T, C) and logits (B, L) of studies: the means over their views.

        Args:
            studies: the views of each study, at least one: images (1, S, S) or volumes
                (1, D, S, S) in [0, 1].
            at_once: views that the encoder looks at together.
        """
        views = [view for own in studies for view in own]
        device = self.vision.head.weight.device
        parts = [
            self.vision(torch.stack(views[i : i + at_once]).to(device))
            for i in range(0, len(views), at_once)
        ]
        counts = [len(own) for own in studies]
        tokens, logits = (
            torch.stack([own.float().mean(0) for own in torch.split(torch.cat(each), counts)])
            for each in zip(*parts, strict=True)
        )
        return Seen(tokens, logits)

    @torch.inference_mode()
    def write(self, seen: Seen) -> list[str]:
        """Return the report of each study, "" where the model ends at once."""
        prefix, is_there = self.make_prefix(*seen)
        decoding = self.config.decoding
        found = self.generator.generate(
            prefix,
            decoding.max_new_tokens,
            decoding.beams,
            min_new_tokens=decoding.min_new_tokens,
            repetition_penalty=decoding.repetition_penalty,
            length_penalty=decoding.length_penalty,
            prefix_mask=is_there,
        )
        return [self.generator.language.decode_report(ids) for ids in found]


def make_labelled_encoder(config: MedKitConfig, tower: Tower | None = None) -> LabelledEncoder:
    """Return an encoder of the kind that the settings name, with a head that knows nothing."""
    encoder = make_token_encoder(
        config.tokens, tower or Tower(), config.side, config.depth, config.num_tokens
    )
    return LabelledEncoder(encoder, len(config.labels))
