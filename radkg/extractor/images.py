"""The images of studies as the language model takes them: prepared, encoded, made a prefix.

P prefix length, D language width, S side of a prepared image in px.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from radkg.errors import ArchiveError
from radkg.extractor.base import PreparedImages
from radkg.model.vision.encoders import ImageEncoder
from radkg.model.vision.preprocessing import Preprocessing
from radkg.model.vlmkg.batches import stack_views
from radkg.model.vlmkg.vlm import VisionLanguageModel
from radkg.schema.records import Device, Study

# On a GPU the images of many studies are one batch, for one study would leave it idle. On the CPU a
# batch is one study: a core gains nothing from more, and the last bits of a row change with the
# rows beside it, so a study's confidences would depend on its neighbours (measured on 70 Open-i
# images: the shipped tower's features are the same bits up to 8 images and up to 3e-6 apart in
# batches of 16 and 32; the projector's are up to 8e-6 apart from batches of 2 on).
STUDIES_AT_ONCE: dict[Device, int] = {"cpu": 1, "cuda": 64}


def prepare_image(
    location: str, preprocessing: Preprocessing, images: PreparedImages | None = None
) -> Tensor:
    """Return an image (1, S, S) in [0, 1]: from `images` where it is there, else read here.

    Raises:
        ArchiveError: the image cannot be read, here or where it was prepared.
    """
    image = images.get(location) if images else None
    if image is None:
        from radkg.archive.images.pixels import read_radiograph  # a bare GPU machine has no archive

        return preprocessing.make_square(read_radiograph(location))
    if isinstance(image, str):
        raise ArchiveError(image)
    return torch.from_numpy(image)


@torch.inference_mode()
def make_prefixes(
    studies: Sequence[Study],
    model: VisionLanguageModel,
    encoder: ImageEncoder,
    images: PreparedImages | None = None,
    *,
    studies_at_once: int,
) -> list[Tensor | None]:
    """Return the prefix (P, D) of each study's images; None where none of its images is at hand.

    Args:
        studies: whose images are looked at.
        model: its projector turns features into prefixes.
        encoder: turns images into the features that the projector was trained on.
        images: those that are prepared already.
        studies_at_once: whose images are encoded, and projected, as one batch.

    Raises:
        ArchiveError: an image cannot be read.
    """
    locations = [list_locations(study) for study in studies]
    prefixes: list[Tensor | None] = [None] * len(studies)
    seen = [i for i, found in enumerate(locations) if found]
    device = model.model.device
    for start in range(0, len(seen), studies_at_once):
        members = seen[start : start + studies_at_once]
        flat = [location for i in members for location in locations[i]]
        squares = [prepare_image(location, encoder.preprocessing, images) for location in flat]
        features = dict(zip(flat, encoder.encode_squares(squares), strict=True))
        views = stack_views([locations[i] for i in members], features)
        made = model.make_prefix(views["features"].to(device), views["is_view"].to(device))
        for i, prefix in zip(members, made, strict=True):
            prefixes[i] = prefix
    return prefixes


def list_locations(study: Study) -> list[str]:
    """Return where the images of a study are that are at hand, one for each image id."""
    found = {i.image_id: i.location for i in study.images if i.location is not None}
    return list(found.values())
