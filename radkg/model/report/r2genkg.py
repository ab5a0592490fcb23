"""R2GenKG (arXiv 2508.03426): image, knowledge graph and bank make the prefix of a report.

    image  --------------------------------> image tokens      \\
    nodes look at the image ---------------> KG2V tokens        |
    image looks at the nodes --------------> V2KG tokens        |  one Linear to the language
    queries look at the image -------------> F_q               |   model, one LayerNorm over all
    F_q looks up the bank -----------------> bank tokens       /

B rows, V views, P image tokens, N nodes, Q queries, L prefix length, D language width.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from radkg.model.report.bank import BankLookup
from radkg.model.report.cross import CrossBlock
from radkg.model.report.generator import ReportGenerator
from radkg.model.report.graph import GraphBranch
from radkg.model.report.qformer import QFormer
from radkg.model.report.r2genkg_config import R2GenKGConfig
from radkg.model.report.sight import make_sight


class R2GenKG(nn.Module):
    """The prefix and the generator behind it.

    Args:
        config: the sizes.
        generator: a language model of width `config.hidden`.
    """

    def __init__(self, config: R2GenKGConfig, generator: ReportGenerator) -> None:
        super().__init__()
        if generator.hidden != config.hidden:
            raise ValueError(f"prefix of width {config.hidden}, generator of {generator.hidden}")
        self.config = config
        self.sight = make_sight(config.sight, config.width)
        self.to_queries = nn.Linear(config.width, config.qformer.image_width)
        self.qformer = QFormer(config.qformer)
        self.bank = (
            BankLookup(config.qformer.width, config.bank_size, config.bank_width)
            if config.bank_size
            else None
        )
        # F_q and what it finds in the bank pass the same matrix
        self.from_queries = nn.Linear(config.qformer.width, config.width)
        self.graph: GraphBranch | None = None
        if config.graph is not None:
            self.graph = GraphBranch(config.graph)
            self.from_nodes = nn.Linear(config.graph.width, config.width)
            sizes = (config.width, config.cross_heads, config.cross_dropout)
            self.v2kg = CrossBlock(*sizes) if config.v2kg else None
            self.kg2v = CrossBlock(*sizes) if config.kg2v else None
        self.to_language = nn.Linear(config.width, config.hidden)
        self.norm = nn.LayerNorm(config.hidden)
        self.generator = generator

    def forward(self, batch: Mapping[str, Tensor]) -> Tensor:
        """Return the mean cross-entropy over the tokens of the reports.

        Args:
            batch: that of `ReportGenerator.forward` with `seen` and `is_view`.
        """
        prefix = self.make_prefix(batch["seen"], batch["is_view"])
        loss: Tensor = self.generator(prefix, batch)
        return loss

    def make_prefix(self, seen: Tensor, is_view: Tensor) -> Tensor:
        """Return the prefix (B, L, D): image, KG2V, V2KG, F_q, bank.

        Args:
            seen: (B, V, ...) what `sight` looks at of each view.
            is_view: (B, V) bool; at least one view a row.
        """
        image = self.look(seen, is_view)
        queries = self.qformer(self.to_queries(image))
        parts = [image, *self._relate(image), self.from_queries(queries)]
        if self.bank is not None:
            parts.append(self.from_queries(self.bank(queries)))
        prefix: Tensor = self.norm(self.to_language(torch.cat(parts, dim=1)))
        return prefix

    def look(self, seen: Tensor, is_view: Tensor) -> Tensor:
        """Return the image tokens (B, P, W), averaged over the views token by token."""
        tokens = self.sight(seen[is_view])  # (views of all rows, P, W)
        rows = is_view.nonzero()[:, 0]
        sums = tokens.new_zeros(len(seen), *tokens.shape[1:]).index_add(0, rows, tokens)
        mean: Tensor = sums / is_view.sum(1).to(tokens.dtype)[:, None, None]
        return mean

    def _relate(self, image: Tensor) -> list[Tensor]:
        """Return KG2V (B, N, W) and V2KG (B, P, W), as far as there are any."""
        if self.graph is None:
            return []
        nodes = self.from_nodes(self.graph()).expand(len(image), -1, -1)
        found = []
        if self.kg2v is not None:
            found.append(self.kg2v(nodes, image))
        if self.v2kg is not None:
            found.append(self.v2kg(image, nodes))
        return found

    @torch.inference_mode()
    def generate(self, seen: Tensor, is_view: Tensor) -> list[list[int]]:
        """Return the tokens of each row's report, as `config.decoding` says; see make_prefix."""
        decoding = self.config.decoding
        return self.generator.generate(
            self.make_prefix(seen, is_view),
            decoding.max_new_tokens,
            decoding.beams,
            min_new_tokens=decoding.min_new_tokens,
            repetition_penalty=decoding.repetition_penalty,
            length_penalty=decoding.length_penalty,
        )
