"""The settings of MedKit, saved as config.json beside its weights; those of the small preset."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any, Literal, Self

from radkg.config import Config
from radkg.errors import ConfigError
from radkg.model.config import LanguageConfig
from radkg.model.report.config import DecodingConfig
from radkg.model.report.distill import DistillConfig
from radkg.model.report.generator import ADAPTATIONS, Adaptation
from radkg.model.report.wording import SMALL_WORDING, Wording
from radkg.model.vision.preprocessing import Preprocessing
from radkg.model.vision.tokens import TOKEN_KINDS, TokenKind
from radkg.model.vision.tower_training import TRAINING_SIDE

KIND = "medkit"


@dataclasses.dataclass(frozen=True, kw_only=True)
class MedKitConfig(Config):
    """What a MedKit model sees, knows and writes."""

    kind: str = KIND
    labels: tuple[str, ...] = ()
    """findings that the head tells, in the order of its rows"""
    sentences: tuple[str, ...] = ()
    """what is known of each label, for the prompt; none: the prompt is the image alone"""
    threshold: float = 0.3
    """confidence in [0, 1] from which a label is called present"""
    most_prompted: int = 4
    """labels of one prompt, the surest first"""
    tokens: TokenKind = "image"
    """image: 2D images; slices, inflated: volumes (vision/tokens.py)"""
    side: int = TRAINING_SIDE
    """px of the square image, or of a slice"""
    depth: int = 32
    """slices of a volume"""
    num_tokens: int = 49
    """tokens of a volume by `slices`; the other kinds have one for each cell of the tower's grid"""
    window_level: float | None = None
    """of a volume, in its units; None: percentiles"""
    window_width: float | None = None
    language: LanguageConfig | None = None
    """sizes of our own language model; None: one of transformers, in the directory `language`"""
    language_dtype: Literal["float32", "bfloat16", "float16"] = "float32"
    """of a language model of transformers"""
    language_id: str = ""
    """hash of a language model of transformers"""
    adaptation: Adaptation = "full"
    """what of the language model trains"""
    wording: Wording = SMALL_WORDING
    decoding: DecodingConfig = dataclasses.field(default_factory=DecodingConfig)
    distill: DistillConfig = dataclasses.field(default_factory=DistillConfig)
    """how the student was trained"""
    snapshot_id: str = ""
    """of the published extractions that the knowledge graph was counted from"""

    def __post_init__(self) -> None:
        if self.tokens not in TOKEN_KINDS:
            raise ConfigError(f"tokens {self.tokens!r} is none of {', '.join(TOKEN_KINDS)}")
        if self.adaptation not in ADAPTATIONS:
            raise ConfigError(f"adaptation {self.adaptation!r} is none of {', '.join(ADAPTATIONS)}")
        if self.sentences and len(self.sentences) != len(self.labels):
            raise ConfigError(f"{len(self.sentences)} sentences for {len(self.labels)} labels")
        if not 0 <= self.threshold <= 1:
            raise ConfigError(f"threshold {self.threshold:g} is no share in [0, 1]")
        if min(self.most_prompted, self.side, self.depth, self.num_tokens) < 1:
            raise ConfigError("every size of a MedKit model is at least 1")
        if (self.window_level is None) != (self.window_width is None):
            raise ConfigError("window_level and window_width go together: give both or none")

    @property
    def preprocessing(self) -> Preprocessing:
        """How an image becomes the tower's input."""
        return Preprocessing(side=self.side)

    @classmethod
    def from_mapping(cls, values: Mapping[str, Any]) -> Self:
        """Build from a mapping with the parts as mappings."""
        parts: dict[str, type[Config]] = {
            "language": LanguageConfig,
            "wording": Wording,
            "decoding": DecodingConfig,
            "distill": DistillConfig,
        }
        built = dict(values)
        for name, part in parts.items():
            if isinstance(built.get(name), Mapping):
                lists = {k: tuple(v) for k, v in built[name].items() if isinstance(v, list)}
                built[name] = part.from_mapping({**built[name], **lists})
            elif built.get(name) is not None and not isinstance(built[name], part):
                raise ConfigError(f"{name} {built[name]!r} is no group of settings")
        for name in ("labels", "sentences"):
            built[name] = tuple(built.get(name, ()))
        return super().from_mapping(built)


def make_small_medkit(
    labels: tuple[str, ...], sentences: tuple[str, ...], vocab_size: int
) -> MedKitConfig:
    """Return sizes that two CPU cores train in minutes."""
    return MedKitConfig(
        labels=labels,
        sentences=sentences,
        language=LanguageConfig(
            vocab_size=vocab_size,
            hidden=192,
            layers=3,
            heads=4,
            kv_heads=4,
            intermediate=512,
            max_positions=1024,
            rope_theta=1e4,
            eos=SMALL_WORDING.eos,
        ),
        decoding=DecodingConfig(
            beams=1,
            min_new_tokens=0,
            max_new_tokens=SMALL_WORDING.max_length,
            repetition_penalty=1.0,
            length_penalty=1.0,
        ),
    )
