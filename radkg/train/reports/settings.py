"""The settings of R2GenKG's stage: the switches of its ablations, and what its parts are."""

from __future__ import annotations

import dataclasses
from typing import Literal

from radkg.config import Config
from radkg.errors import ConfigError
from radkg.knowledge.records import SCALES
from radkg.model.report.generator import ADAPTATIONS, Adaptation
from radkg.model.report.r2genkg_config import (
    GRAPH_MODES,
    GraphMode,
    R2GenKGConfig,
    make_published_r2genkg,
    make_small_r2genkg,
)

Size = Literal["small", "published"]
Seen = Literal["image", "findings"]


@dataclasses.dataclass(frozen=True, kw_only=True)
class R2GenKGSettings(Config):
    """What `--set` changes."""

    size: Size = "small"
    """published: over the directories that --language and --vision name"""
    graph: GraphMode = "real"
    """zero, shuffled, random: what a graph must be better than"""
    nodes: int = 300
    """of the subgraph whose nodes go on: 100, 200, 300, 400 or 500; 0: no graph at all"""
    v2kg: bool = True
    kg2v: bool = True
    bank: bool = True
    sight: Seen = "image"
    """findings: the model is shown what coders filed, in place of the image"""
    vocab_size: int = 2000
    """of the tokenizer that is trained on the reports"""
    node_text: str | None = None
    """directory of a BERT whose vectors of the names are the node features (published:
    Bio_ClinicalBERT); None: learnt n-grams"""
    adaptation: Adaptation | None = None
    """full, lora or frozen; None: full where the language model is our own, else frozen"""
    attention_dropout: float = 0.1
    """of the weights where nodes look at each other and at the image, as published; with 0 a
    micro-batch of the small model takes 0.6 times the processor time"""
    language_dtype: Literal["float32", "bfloat16", "float16"] = "float32"
    """of a language model that --language names"""

    def __post_init__(self) -> None:
        for name, known in (
            ("size", ("small", "published")),
            ("graph", GRAPH_MODES),
            ("nodes", (0, *SCALES)),
            ("sight", ("image", "findings")),
            ("adaptation", (None, *ADAPTATIONS)),
            ("language_dtype", ("float32", "bfloat16", "float16")),
        ):
            if getattr(self, name) not in known:
                listed = ", ".join(str(each) for each in known if each is not None)
                raise ConfigError(f"{name} {getattr(self, name)!r} is none of {listed}")
        for name in ("v2kg", "kg2v", "bank"):
            if not isinstance(getattr(self, name), bool):
                raise ConfigError(f"{name} {getattr(self, name)!r} is neither true nor false")
        if not 0 <= self.attention_dropout < 1:
            raise ConfigError(f"attention_dropout {self.attention_dropout!r}: give 0 to below 1")
        if not isinstance(self.vocab_size, int) or self.vocab_size < 300:
            raise ConfigError(f"vocab_size {self.vocab_size!r}: give 300 or more")

    def make_config(self) -> R2GenKGConfig:
        """Return the sizes, before anything is known of graph, bank, images and language model."""
        is_small = self.size == "small"
        config = make_small_r2genkg(self.vocab_size) if is_small else make_published_r2genkg()
        assert config.graph is not None
        graph = dataclasses.replace(config.graph, attention_dropout=self.attention_dropout)
        return dataclasses.replace(
            config,
            graph=graph,
            cross_dropout=self.attention_dropout,
            v2kg=self.v2kg,
            kg2v=self.kg2v,
            adaptation=self.adaptation or config.adaptation,
            language_dtype=self.language_dtype,
        )
