"""The graph branch of R2GenKG: node features, one R-GCN over every scale, the fusion.

It sees no image, so that in use it is computed once.

N nodes, E edges, W width, K n-grams of a name.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any, Self

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from radkg.model.report.fusion import ScaleFusion
from radkg.model.report.r2genkg_config import GraphConfig
from radkg.model.report.rgcn import RGCN

_WORD = re.compile(r"\w+")
_LENGTHS = (3, 4)  # letters of an n-gram, with the marks of a word's ends


@dataclass(frozen=True)
class GraphTensors:
    """A knowledge graph as tensors, its most frequent nodes first."""

    names: Tensor
    """(N, K) hashed n-grams, 0 for none, or (N, W) vectors of a text encoder"""
    heads: Tensor
    """(E,) int64, rows of nodes"""
    tails: Tensor
    relations: Tensor
    """(E,) int64, rows of the known relations"""


class NameEmbedding(nn.Module):
    """A name's vector: the mean of learnt vectors of its words and of runs of their letters."""

    def __init__(self, buckets: int, width: int) -> None:
        super().__init__()
        self.bag = nn.EmbeddingBag(buckets, width, mode="mean", padding_idx=0)

    def forward(self, names: Tensor) -> Tensor:
        """Return (N, W) of hashed n-grams (N, K)."""
        vectors: Tensor = self.bag(names)
        return vectors


class GraphBranch(nn.Module):
    """A knowledge graph, and the nodes of one scale that come out of it.

    The graph stands in buffers, so that it is saved with the weights.
    """

    names: Tensor
    heads: Tensor
    tails: Tensor
    relations: Tensor

    def __init__(self, config: GraphConfig) -> None:
        super().__init__()
        self.config = config
        if config.features == "text":
            names = torch.zeros(config.nodes, config.width)
        else:
            names = torch.zeros(config.nodes, config.ngrams, dtype=torch.int64)
            self.embedding = NameEmbedding(config.buckets, config.width)
        self.register_buffer("names", names)
        for name in ("heads", "tails", "relations"):
            self.register_buffer(name, torch.zeros(config.edges, dtype=torch.int64))
        self.rgcn = RGCN(config.width, config.hidden, config.relations, config.dropout)
        self.fusion = ScaleFusion(
            config.width,
            len(config.scales),
            config.positions,
            config.heads,
            config.layers,
            config.intermediate,
            config.dropout,
            config.attention_dropout,
        )
        self._cached: Tensor | None = None
        hook: Any = self.register_load_state_dict_post_hook
        hook(lambda module, keys: module._forget())

    def fill(self, graph: GraphTensors) -> None:
        """Take a graph of the settings' sizes."""
        for name in ("names", "heads", "tails", "relations"):
            getattr(self, name).copy_(getattr(graph, name))
        self._forget()

    def forward(self) -> Tensor:
        """Return the nodes (N, W) of the chosen scale; the same ones again where nothing learns."""
        if self.training or torch.is_grad_enabled():
            return self.compute_nodes()
        if self._cached is None:
            self._cached = self.compute_nodes()
        return self._cached

    def compute_nodes(self) -> Tensor:
        """Return the nodes (N, W) of the chosen scale."""
        config = self.config
        if config.mode == "zero":
            return torch.zeros(config.scales[config.chosen], config.width, device=self.heads.device)
        nodes = self.embedding(self.names) if config.features == "ngrams" else self.names
        fused: list[Tensor] = self.fusion(
            [self.rgcn(nodes[:number], *self._cut(number)) for number in config.scales]
        )
        return fused[config.chosen]

    def train(self, mode: bool = True) -> Self:
        """Set the mode as any module does, and forget what was computed."""
        self._forget()
        return super().train(mode)

    def _cut(self, number: int) -> tuple[Tensor, Tensor, Tensor]:
        """Return the edges among the first nodes."""
        inside = (self.heads < number) & (self.tails < number)
        return self.heads[inside], self.tails[inside], self.relations[inside]

    def _apply(self, fn: Callable[..., Any], recurse: bool = True) -> Self:
        self._forget()  # its device or type may be another one
        apply: Any = super()._apply
        moved: Self = apply(fn, recurse)
        return moved

    def _forget(self) -> None:
        self._cached = None


def hash_names(names: Sequence[str], buckets: int) -> Tensor:
    """Return the hashed n-grams (N, K) int64 of names, from 1 on; 0 fills the rows up."""
    rows = [sorted({_hash(part, buckets) for part in _cut_name(name)}) for name in names]
    longest = max((len(row) for row in rows), default=0)
    return torch.stack([F.pad(torch.tensor(row), (0, longest - len(row))) for row in rows])


def vary_graph(graph: GraphTensors, config: GraphConfig, seed: int) -> GraphTensors:
    """Return the graph as `config.mode` says: as it is, or with names or edges drawn anew.

    Names are permuted within what each smaller scale leaves, so that a scale keeps its names.
    """
    if config.mode not in ("shuffled", "random"):
        return graph
    draw = torch.Generator().manual_seed(seed)
    bounds = [0, *sorted(set(config.scales))]
    order = torch.cat(
        [
            low + torch.randperm(high - low, generator=draw)
            for low, high in itertools.pairwise(bounds)
        ]
    )
    names = graph.names[order]
    if config.mode == "shuffled":
        return GraphTensors(names, graph.heads, graph.tails, graph.relations)
    heads, tails = torch.randint(config.nodes, (2, len(graph.heads)), generator=draw)
    return GraphTensors(names, heads, tails, graph.relations)


def _cut_name(name: str) -> set[str]:
    """Return words of a name, with marks at their ends, and the runs of letters in them."""
    words = [f"<{word}>" for word in _WORD.findall(name.lower())]
    runs = {word[i : i + n] for word in words for n in _LENGTHS for i in range(len(word) - n + 1)}
    return {*words, *runs} or {"<>"}


def _hash(part: str, buckets: int) -> int:
    digest = blake2b(part.encode(), digest_size=8).digest()
    return 1 + int.from_bytes(digest, "big") % (buckets - 1)
