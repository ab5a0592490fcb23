"""The sizes of a model, saved as config.json beside its weights; those of the two presets."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any, Literal, Self, get_args

from radkg.config import Config
from radkg.errors import ConfigError
from radkg.model.calibration import UNCALIBRATED, Calibration

ProjectorKind = Literal["mapper", "linear-1", "linear-n", "mlp"]
PROJECTORS: tuple[ProjectorKind, ...] = get_args(ProjectorKind)


@dataclasses.dataclass(frozen=True, kw_only=True)
class LanguageConfig(Config):
    """A causal language model of the Qwen2 architecture."""

    vocab_size: int = 151_936
    hidden: int = 1024
    layers: int = 24
    heads: int = 16
    kv_heads: int = 16
    intermediate: int = 2816
    max_positions: int = 32_768
    rope_theta: float = 1e6
    norm_eps: float = 1e-6
    tied: bool = True
    """one matrix for embedding and head"""
    instruct_copy: str = "List what this sentence of a chest X-ray report states.\nSentence:"
    instruct_codes: str = "List the codes of this chest X-ray study.\nReport:"
    separator: str = "\nTriplets:"
    """stands between what is read and what is written"""
    eos: str = "<|endoftext|>"
    """token that ends the output, and pads"""

    def __post_init__(self) -> None:
        sizes = (self.vocab_size, self.hidden, self.layers, self.heads, self.kv_heads)
        if min(*sizes, self.intermediate, self.max_positions) < 1:
            raise ConfigError("every size of a language model is at least 1")
        if self.hidden % self.heads or self.heads % self.kv_heads:
            raise ConfigError(
                f"hidden {self.hidden}, heads {self.heads}, kv_heads {self.kv_heads}: each must be "
                "a multiple of the next"
            )


@dataclasses.dataclass(frozen=True, kw_only=True)
class ProjectorConfig(Config):
    """How image features become the prefix of the language model."""

    kind: ProjectorKind = "mapper"
    dim_in: int = 512
    """width of the image features"""
    dim_out: int = 1024
    """hidden width of the language model"""
    clip_length: int = 64
    """k: tokens that the features are spread over; mapper only"""
    prefix_length: int = 64
    """n: tokens of the prefix; 1 for linear-1"""
    layers: int = 8
    heads: int = 8
    mlp_ratio: int = 2
    bottleneck: int = 256
    """inner width of the mlp"""

    def __post_init__(self) -> None:
        if self.kind not in PROJECTORS:
            raise ConfigError(f"projector {self.kind!r} is none of {', '.join(PROJECTORS)}")
        sizes = (self.dim_in, self.dim_out, self.clip_length, self.prefix_length, self.layers)
        if min(*sizes, self.heads, self.mlp_ratio, self.bottleneck) < 1:
            raise ConfigError("every size of a projector is at least 1")
        if self.kind == "linear-1" and self.prefix_length != 1:
            raise ConfigError("linear-1 makes one token: set prefix_length to 1")
        if self.kind == "mapper" and self.dim_out % self.heads:
            raise ConfigError(f"width {self.dim_out} is no multiple of {self.heads} heads")


@dataclasses.dataclass(frozen=True, kw_only=True)
class VisionConfig(Config):
    """Which image encoder made the features that the projector was trained on."""

    encoder: str = "imagenet"
    """name or directory, as radkg.model.vision.encoders.load_encoder takes it"""
    encoder_id: str = ""
    """hash of its weights and preprocessing; a model refuses the features of another one"""


@dataclasses.dataclass(frozen=True, kw_only=True)
class ModelConfig(Config):
    """A vision-language model, or, without a projector, its text-only first stage."""

    kind: str = "vlm"
    language: LanguageConfig = LanguageConfig()
    projector: ProjectorConfig | None = None
    vision: VisionConfig | None = None
    names: tuple[str, ...] = ()
    """the closed vocabulary of the target `codes`"""
    copy_reader: str | None = None
    """one-pass model that reads the target `copy`: a shipped name, or a directory inside this one;
    None: the language model does"""
    calibration: Calibration = UNCALIBRATED
    """of what the language model reads of a sentence"""
    report_threshold: float = 0.0
    """a code is given only with at least this confidence [0, 1]"""
    normal_threshold: float = 0.0
    """a report none of whose codes has this confidence has none"""
    both_threshold: float = 0.0
    """confidence of a code where report and image are read together"""
    image_threshold: float = 0.0
    """confidence of a code where only the image is read"""
    sure_threshold: float = 0.0
    """confidence from which what the image alone shows goes into an extraction"""

    def clear_thresholds(self) -> Self:
        """Return the settings with which everything that is written is given."""
        names = (f.name for f in dataclasses.fields(self) if f.name.endswith("_threshold"))
        limits: dict[str, Any] = dict.fromkeys(names, 0.0)
        return dataclasses.replace(self, **limits)

    def __post_init__(self) -> None:
        if self.projector and self.projector.dim_out != self.language.hidden:
            raise ConfigError(
                f"the projector writes width {self.projector.dim_out}, the language model reads "
                f"{self.language.hidden}"
            )

    @classmethod
    def from_mapping(cls, values: Mapping[str, Any]) -> Self:
        """Build from a mapping with the parts as mappings."""
        parts: dict[str, type[Config]] = {
            "language": LanguageConfig,
            "projector": ProjectorConfig,
            "vision": VisionConfig,
            "calibration": Calibration,
        }
        built = dict(values)
        for name, part in parts.items():
            if isinstance(built.get(name), Mapping):
                built[name] = part.from_mapping(built[name])
            elif not isinstance(built.get(name), part | None):
                raise ConfigError(f"{name} {built[name]!r} is no group of settings")
        if "names" in built:
            built["names"] = tuple(built["names"])
        return super().from_mapping(built)


def make_small_config(
    dim_in: int = 320, vocab_size: int = 3072, names: tuple[str, ...] = ()
) -> ModelConfig:
    """Return the preset that two CPU cores train in minutes and that the repository ships."""
    return ModelConfig(
        language=LanguageConfig(
            vocab_size=vocab_size,
            hidden=256,
            layers=4,
            heads=4,
            kv_heads=4,
            intermediate=704,
            max_positions=2048,
            rope_theta=1e4,
            instruct_copy="<|copy|>",
            instruct_codes="<|codes|>",
            separator="<|out|>",
            eos="<|end|>",
        ),
        projector=ProjectorConfig(
            dim_in=dim_in, dim_out=256, clip_length=4, prefix_length=4, layers=1, heads=4
        ),
        vision=VisionConfig(),
        names=names,
    )


def make_published_config() -> ModelConfig:
    """Return the sizes of VLM-KG (arXiv 2505.17042): Qwen1.5-0.5B and the 100.9 M mapper."""
    return ModelConfig(projector=ProjectorConfig(), vision=VisionConfig(encoder="medclip"))
