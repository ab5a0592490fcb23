"""What a report model is shown of each image: the cells of a frozen tower, or a grey square.

P cells, C channels, S side in px.
"""

from __future__ import annotations

import dataclasses
import json
import logging
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor
from transformers import SwinConfig, SwinModel

from radkg.archive.files.located import read_bytes
from radkg.archive.images.pixels import read_radiograph
from radkg.errors import ArchiveError, ConfigError
from radkg.extractor import SHIPPED
from radkg.knowledge.records import Knowledge
from radkg.knowledge.store import check_tower
from radkg.model.report.grid import load_grid_encoder, split_cells
from radkg.model.report.r2genkg_config import SightConfig
from radkg.model.report.sight import SwinSight
from radkg.model.vision.encoders import load_encoder
from radkg.model.vision.features import FeatureCache
from radkg.model.vision.preprocessing import Preprocessing
from radkg.model.vision.tower import FEATURE_DIM
from radkg.private import write_text
from radkg.schema.records import Study

logger = logging.getLogger(__name__)

SHIPPED_EYE = SHIPPED["small"] / "vision"
_SEEN, _IDS = "seen.safetensors", "images.json"


def look(
    sight: SightConfig,
    vision: str | None,
    locations: Mapping[str, str],
    cache: Path,
    bank_of: Knowledge | None,
) -> tuple[SightConfig, dict[str, Tensor]]:
    """Return what looks at images, and what is seen of each image that can be read.

    Args:
        sight: the kind of what looks.
        vision: where it comes from: an eye, `imagenet`, a Swin transformer; None: the shipped eye.
        locations: where the images are, by image id.
        cache: directory of features that earlier runs computed.
        bank_of: the graph whose bank is used; None: none is.

    Raises:
        KnowledgeError: another tower made the bank.
        ConfigError: `vision` is none of these.
    """
    if sight.kind == "swin":
        assert vision is not None
        config = read_swin(sight, Path(vision))
        return config, read_squares(config.side, locations)
    if bank_of is not None:
        check_tower(bank_of, load_encoder(vision or str(SHIPPED_EYE)).encoder_id)
    return compute_cells(vision, locations, cache)


def list_image_locations(studies: Iterable[Study]) -> dict[str, str]:
    """Return where each image of the studies is that is at hand, by image id."""
    return {i.image_id: i.location for s in studies for i in s.images if i.location}


def compute_cells(
    vision: str | None, locations: Mapping[str, str], cache: Path
) -> tuple[SightConfig, dict[str, Tensor]]:
    """Return what looks, and the cells (P, C) float16 of each image that can be read.

    Args:
        vision: directory of an eye or `imagenet`; None: the eye that ships.
        locations: where the images are, by image id.
        cache: directory of features that earlier runs computed.
    """
    name = vision or str(SHIPPED_EYE)
    encoder = load_grid_encoder(name)
    found, failures = FeatureCache(str(cache), read_radiograph, read_bytes).compute_features(
        encoder, locations
    )
    _warn(failures)
    sight = SightConfig(
        kind="grid",
        tokens=encoder.dim // FEATURE_DIM,
        dim=FEATURE_DIM,
        encoder=name,
        encoder_id=encoder.encoder_id,
    )
    return sight, {key: split_cells(row).half() for key, row in found.items()}


def read_squares(side: int, locations: Mapping[str, str]) -> dict[str, Tensor]:
    """Return the grey square (S, S) uint8 of each image that can be read."""
    resize = Preprocessing(side=side)
    found, failures = {}, {}
    for key, location in locations.items():
        try:
            square = resize.make_square(read_radiograph(location))
        except ArchiveError as error:
            failures[key] = str(error)
        else:
            found[key] = (square[0] * 255).round().to(torch.uint8)
    _warn(failures)
    return found


def read_swin(config: SightConfig, directory: Path) -> SightConfig:
    """Return the settings of a published Swin transformer.

    Raises:
        ConfigError: the directory holds none.
    """
    try:
        values: Any = SwinConfig.from_pretrained(directory, local_files_only=True)
    except Exception as error:  # of transformers, without a common base
        raise ConfigError(f"--vision {directory} is no Swin transformer: {error}") from error
    depths = tuple(values.depths)
    cells = (values.image_size // values.patch_size // 2 ** (len(depths) - 1)) ** 2
    return dataclasses.replace(
        config,
        tokens=cells,
        dim=values.embed_dim * 2 ** (len(depths) - 1),
        side=values.image_size,
        embed_dim=values.embed_dim,
        depths=depths,
        heads=tuple(values.num_heads),
        window=values.window_size,
    )


def load_swin(sight: SwinSight, directory: Path) -> None:
    """Give a sight the weights of a published Swin transformer.

    Raises:
        ConfigError: they are missing, or do not fit.
    """
    try:
        network = SwinModel.from_pretrained(
            directory, add_pooling_layer=False, local_files_only=True, use_safetensors=True
        )
        sight.network.load_state_dict(network.state_dict())
    except Exception as error:  # of transformers and safetensors, without a common base
        raise ConfigError(f"--vision {directory} is no Swin transformer: {error}") from error


def save_seen(directory: Path, seen: Mapping[str, Tensor]) -> None:
    """Write what is seen of each image."""
    save_file({"seen": torch.stack(list(seen.values()))}, directory / _SEEN)
    write_text(directory / _IDS, json.dumps(list(seen)))


def load_seen(directory: Path) -> dict[str, Tensor]:
    """Return what `save_seen` wrote."""
    ids = json.loads((directory / _IDS).read_text())
    return dict(zip(ids, load_file(directory / _SEEN)["seen"], strict=True))


def _warn(failures: Mapping[str, str]) -> None:
    for image_id, why in failures.items():
        logger.warning("image=%s is left out: %s", image_id, why)
