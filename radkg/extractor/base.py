"""What an extractor is, as types: an object with these members is one, whatever its class.

Every extractor is an `Extractor`. What it can do beyond that, it says by having the members of a
further protocol: `SeesImages`, `CountsTokens`, `HasDevice`, `ChoosesCondition`. A `CodesReader`
says what human coders would file. Callers ask with `isinstance`; no base class is needed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Protocol, Self, runtime_checkable

import numpy as np
import numpy.typing as npt

from radkg.schema.codes import Codes
from radkg.schema.records import Condition, Device, Extraction, Study

if TYPE_CHECKING:  # it imports torch, which the rules and a driver do without
    from radkg.model.vision.preprocessing import Preprocessing

PreparedImage = npt.NDArray[np.float32] | str
"""an image as `Preprocessing.square` gives it, (1, S, S) in [0, 1], or why there is none"""

PreparedImages = Mapping[str, PreparedImage]
"""prepared images by their location"""


class Identified(Protocol):
    """What names a model and its reading, in every row that it gives."""

    @property
    def name(self) -> str:
        """What it is called in the column `extractor`."""
        ...

    @property
    def model_id(self) -> str:
        """Changes with anything that can change the output."""
        ...

    @property
    def condition(self) -> Condition:
        """What of a study is read: `report`, `image` or `image+report`."""
        ...


class Extractor(Identified, Protocol):
    """A callable from studies to extractions."""

    def __call__(self, studies: Sequence[Study], /) -> list[Extraction]:
        """Return one extraction per study, in order; raise where a study cannot be read."""
        ...


@runtime_checkable
class SeesImages(Extractor, Protocol):
    """An extractor that looks at images, which other processes can prepare for it."""

    @property
    def preprocessing(self) -> Preprocessing | None:
        """How an image is prepared; None where the condition leaves images out."""
        ...

    def __call__(
        self, studies: Sequence[Study], /, images: PreparedImages | None = None
    ) -> list[Extraction]:
        """Return one extraction per study, in order; raise where a study cannot be read.

        Args:
            studies: what to read.
            images: those that are prepared already; the extractor prepares every other one itself,
                see `radkg.extractor.images.prepare_image`.
        """
        ...


def find_preprocessing(extractor: Extractor) -> Preprocessing | None:
    """Return how the images of an extractor are prepared; None where it looks at none."""
    return extractor.preprocessing if isinstance(extractor, SeesImages) else None


@runtime_checkable
class CountsTokens(Extractor, Protocol):
    """An extractor with a language model that counts its tokens, for `radkg plan`."""

    @property
    def tokens_read(self) -> int:
        """Tokens of prompts and image prefixes that it has read since it was loaded."""
        ...

    @property
    def tokens_written(self) -> int:
        """Tokens that it has written since it was loaded."""
        ...


def count_tokens(model: object) -> tuple[int, int]:
    """Return the tokens that a model has read and written; 0 where it counts none."""
    return (model.tokens_read, model.tokens_written) if isinstance(model, CountsTokens) else (0, 0)


@runtime_checkable
class HasDevice(Extractor, Protocol):
    """An extractor that says what it computes on; one that does not say so computes on the CPU."""

    @property
    def device(self) -> Device:
        """What it computes on, once there is one."""
        ...


@runtime_checkable
class TakesCalls(Protocol):
    """A model that several threads may call at once: it computes on a device beside the CPU.

    While one call waits for the device, another one cuts sentences or grounds what was written.
    """

    @property
    def calls_at_once(self) -> int:
        """How many calls keep the device busy."""
        ...


def count_calls(model: object) -> int:
    """Return how many calls of a model may run beside each other; 1 where it says nothing."""
    return model.calls_at_once if isinstance(model, TakesCalls) else 1


@runtime_checkable
class ChoosesCondition(Identified, Protocol):
    """An extractor or reader of codes that can be put under another condition."""

    def choose_condition(self, condition: Condition, /) -> Self:
        """Return the same model under another condition.

        Raises:
            ExtractorError: the model cannot read what the condition says.
        """
        ...


@runtime_checkable
class CodesReader(Identified, Protocol):
    """A reader that says what the human coders would file for a study."""

    def read_codes(self, studies: Sequence[Study], /) -> list[Codes]:
        """Return the codes of each study, in order; none for a normal one."""
        ...
