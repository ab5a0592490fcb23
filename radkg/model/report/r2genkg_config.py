"""The sizes of R2GenKG, saved as config.json beside its weights; published and small.

The published sizes are those of R2GenKG (arXiv 2508.03426, and its code).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any, Literal, Self, get_args

from radkg.config import Config
from radkg.errors import ConfigError
from radkg.model.config import LanguageConfig
from radkg.model.report.config import PUBLISHED_DECODING, DecodingConfig
from radkg.model.report.generator import ADAPTATIONS, Adaptation
from radkg.model.report.wording import PUBLISHED_WORDING, SMALL_WORDING, Wording
from radkg.model.vision.tower import FEATURE_DIM, SIDE

KIND = "r2genkg"

SightKind = Literal["grid", "swin", "findings"]
GraphMode = Literal["real", "zero", "shuffled", "random"]
NodeFeatures = Literal["ngrams", "text"]
SIGHTS: tuple[SightKind, ...] = get_args(SightKind)
GRAPH_MODES: tuple[GraphMode, ...] = get_args(GraphMode)
NODE_FEATURES: tuple[NodeFeatures, ...] = get_args(NodeFeatures)


@dataclasses.dataclass(frozen=True, kw_only=True)
class SightConfig(Config):
    """What the model sees of a study, as tokens."""

    kind: SightKind = "swin"
    """grid: a frozen tower's cells; swin: a Swin transformer, trained; findings: the findings that
    coders filed, in place of any image (to find out what perfect eyes would bring)"""
    tokens: int = 49
    """of one image, or of one study's findings"""
    dim: int = 1024
    """width of a token"""
    encoder: str = ""
    """grid: the eye whose tower looks, as a directory inside this one, or `imagenet`"""
    encoder_id: str = ""
    """grid: hash of the tower's weights and preprocessing"""
    side: int = 224
    """swin: px of the square image"""
    embed_dim: int = 128
    depths: tuple[int, ...] = (2, 2, 18, 2)
    heads: tuple[int, ...] = (4, 8, 16, 32)
    window: int = 7
    findings: tuple[str, ...] = ()
    """findings: the names that have an embedding"""

    def __post_init__(self) -> None:
        if self.kind not in SIGHTS:
            raise ConfigError(f"sight {self.kind!r} is none of {', '.join(SIGHTS)}")


@dataclasses.dataclass(frozen=True, kw_only=True)
class QFormerConfig(Config):
    """The Q-Former: BERT's sizes, and those of the images that its queries look at."""

    queries: int = 14
    layers: int = 12
    width: int = 768
    heads: int = 12
    intermediate: int = 3072
    image_width: int = 1408
    """of an image token as the queries see it"""
    cross_every: int = 2
    """every so many layers, from the first on, look at the image"""
    dropout: float = 0.1


@dataclasses.dataclass(frozen=True, kw_only=True)
class GraphConfig(Config):
    """The graph branch: node features, R-GCN, fusion of the scales."""

    features: NodeFeatures = "text"
    """text: a text encoder's vector of each name; ngrams: learnt vectors of the name's words and
    of runs of its letters"""
    scales: tuple[int, ...] = (101, 206, 319, 400, 558)
    """nodes of each subgraph: the first N nodes with the edges among them"""
    chosen: int = 2
    """the scale whose nodes go on, by its place in `scales`"""
    edges: int = 0
    """of the largest subgraph"""
    relations: int = 3
    width: int = 768
    hidden: int = 384
    """width between the two layers of the R-GCN"""
    heads: int = 8
    layers: int = 2
    """of the fusion"""
    intermediate: int = 2048
    positions: int = 600
    """most nodes of a scale"""
    dropout: float = 0.1
    attention_dropout: float = 0.1
    """of the weights of the fusion's attention"""
    buckets: int = 4096
    """ngrams: rows of the matrix that n-grams are hashed to"""
    ngrams: int = 0
    """ngrams: most of one name"""
    mode: GraphMode = "real"
    """zero: what the branch gives is 0; shuffled: names permuted among the nodes; random: edges
    drawn at random, as many of each relation, and names permuted"""

    def __post_init__(self) -> None:
        if self.features not in NODE_FEATURES:
            raise ConfigError(
                f"node features {self.features!r} are none of {', '.join(NODE_FEATURES)}"
            )
        if self.mode not in GRAPH_MODES:
            raise ConfigError(f"graph {self.mode!r} is none of {', '.join(GRAPH_MODES)}")
        if not 0 <= self.chosen < len(self.scales):
            raise ConfigError(f"chosen {self.chosen}: there are {len(self.scales)} scales")
        if not 1 <= min(self.scales) <= max(self.scales) <= self.positions:
            raise ConfigError(f"scales {self.scales}: give 1 to {self.positions} nodes each")

    @property
    def nodes(self) -> int:
        """Nodes of the largest subgraph."""
        return max(self.scales)


@dataclasses.dataclass(frozen=True, kw_only=True)
class R2GenKGConfig(Config):
    """All of a model; its parts are as published where nothing else is said."""

    kind: str = KIND
    sight: SightConfig = SightConfig()
    qformer: QFormerConfig = QFormerConfig()
    graph: GraphConfig | None = GraphConfig()
    """None: no node goes on, so there are no tokens of V2KG and KG2V"""
    width: int = 1024
    """of image tokens and nodes where they look at each other"""
    cross_heads: int = 16
    cross_dropout: float = 0.1
    """of the weights of their attention"""
    v2kg: bool = True
    """whether image tokens that looked at the nodes go on"""
    kg2v: bool = True
    """whether nodes that looked at the image go on"""
    bank_size: int = 6943
    """visual tokens of the bank; 0: none"""
    bank_width: int = 768
    language: LanguageConfig | None = None
    """None: a causal language model of transformers, in the directory `language`"""
    language_dtype: Literal["float32", "bfloat16", "float16"] = "float32"
    """of that language model"""
    adaptation: Adaptation = "frozen"
    lora_rank: int = 16
    lora_alpha: float = 16.0
    hidden: int = 4096
    """width of the language model"""
    wording: Wording = PUBLISHED_WORDING
    decoding: DecodingConfig = PUBLISHED_DECODING
    language_id: str = ""
    """hash of the files in the directory `language`"""
    snapshot_id: str = ""
    """of the published extractions that the knowledge graph was counted from"""

    def __post_init__(self) -> None:
        if self.adaptation not in ADAPTATIONS:
            raise ConfigError(f"adaptation {self.adaptation!r} is none of {', '.join(ADAPTATIONS)}")
        if self.language is not None and self.language.hidden != self.hidden:
            raise ConfigError(
                f"the prefix has width {self.hidden}, the language model {self.language.hidden}"
            )
        if self.width % self.cross_heads:
            raise ConfigError(f"width {self.width} is no multiple of {self.cross_heads} heads")

    @property
    def prefix_length(self) -> int:
        """Tokens of the prefix: image, KG2V, V2KG, queries, bank."""
        image, queries, graph = self.sight.tokens, self.qformer.queries, self.graph
        seen = 0
        if graph is not None:
            seen = self.kg2v * graph.scales[graph.chosen] + self.v2kg * image
        return image + seen + queries * (2 if self.bank_size else 1)

    @classmethod
    def from_mapping(cls, values: Mapping[str, Any]) -> Self:
        """Build from a mapping with the parts as mappings."""
        parts: dict[str, type[Config]] = {
            "sight": SightConfig,
            "qformer": QFormerConfig,
            "graph": GraphConfig,
            "language": LanguageConfig,
            "wording": Wording,
            "decoding": DecodingConfig,
        }
        built = dict(values)
        for name, part in parts.items():
            if isinstance(built.get(name), Mapping):
                lists = {k: tuple(v) for k, v in built[name].items() if isinstance(v, list)}
                built[name] = part.from_mapping({**built[name], **lists})
            elif not isinstance(built.get(name), part | None):
                raise ConfigError(f"{name} {built[name]!r} is no group of settings")
        return super().from_mapping(built)


def make_published_r2genkg() -> R2GenKGConfig:
    """Return the sizes of R2GenKG on Swin-B and Llama-2-7b; the graph has no edge yet."""
    return R2GenKGConfig()


def make_small_r2genkg(vocab_size: int = 2000) -> R2GenKGConfig:
    """Return sizes that two CPU cores train in minutes, over the frozen tower of an eye."""
    width = 128
    cells = (SIDE // 32) ** 2
    return R2GenKGConfig(
        sight=SightConfig(kind="grid", tokens=cells, dim=FEATURE_DIM),
        qformer=QFormerConfig(layers=2, width=width, heads=4, intermediate=512, image_width=width),
        graph=GraphConfig(
            features="ngrams",
            scales=(100, 200, 300, 400, 500),
            width=width,
            hidden=64,
            heads=4,
            intermediate=256,
            positions=500,
        ),
        width=width,
        cross_heads=4,
        bank_size=0,
        bank_width=width,
        language=LanguageConfig(
            vocab_size=vocab_size,
            hidden=width,
            layers=3,
            heads=4,
            kv_heads=4,
            intermediate=384,
            max_positions=1024,
            rope_theta=1e4,
            eos=SMALL_WORDING.eos,
        ),
        adaptation="full",
        hidden=width,
        wording=SMALL_WORDING,
        decoding=DecodingConfig(
            min_new_tokens=0, max_new_tokens=160, repetition_penalty=1.0, length_penalty=1.0
        ),
    )
