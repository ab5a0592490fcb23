"""The images of a unit, read, decoded and shrunk to the encoder's square before the model asks.

Only the square stays, 16 to 200 kB an image, of a radiograph of up to 70 MB.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING, Any

from radkg.archive.images.pixels import read_radiograph
from radkg.errors import ArchiveError, ArchiveUnavailable
from radkg.extractor import PreparedImage

if TYPE_CHECKING:  # it imports torch, which a driver can do without
    from radkg.model.vision.preprocessing import Preprocessing


def prepare_images(
    preprocessing: Preprocessing, records: Sequence[Mapping[str, Any]], threads: int = 1
) -> dict[str, PreparedImage]:
    """Return each image at hand of the records, (1, S, S) in [0, 1] or why there is none.

    Args:
        preprocessing: of the encoder.
        records: rows of INDEX_SCHEMA.
        threads: that decode at once; decoders leave Python's lock to others while they work.

    Raises:
        ArchiveUnavailable: the store of the images does not answer.
    """
    images = (image for record in records for image in record["images"])
    places = list(dict.fromkeys(image["location"] for image in images if image["location"]))
    prepare = partial(_prepare_image, preprocessing)
    if threads == 1 or len(places) < 2:
        return dict(zip(places, map(prepare, places), strict=True))
    with ThreadPoolExecutor(threads) as pool:
        return dict(zip(places, pool.map(prepare, places), strict=True))


def _prepare_image(preprocessing: Preprocessing, location: str) -> PreparedImage:
    try:
        square: PreparedImage = preprocessing.make_square(read_radiograph(location)).numpy()
    except ArchiveUnavailable:
        raise
    except ArchiveError as error:
        return str(error)
    return square
