"""The voxels of a volume with where they lie in the patient, and one order of axes for all.

I, J, K axes as stored; D, H, W axes as a model sees them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from radkg.archive.images.strips import Pixels
from radkg.errors import ArchiveError

_ORDER = ("S", "P", "L")  # D to the head, H to the back, W to the patient's left: axial slices


@dataclass(frozen=True)
class VolumeGrid:
    """Voxels (I, J, K) and the affine (4, 4) from their indices to mm (right, front, head)."""

    values: Pixels
    affine: npt.NDArray[Any]

    def make_axial(self, location: str) -> Pixels:
        """Return the values (D, H, W): feet to head, front to back, the patient's right to left.

        Axes are exchanged and reversed to the nearest ones; nothing is interpolated.

        Raises:
            ArchiveError: the affine leads nowhere.
        """
        from nibabel import orientations

        axes: Any = orientations  # its types are incomplete
        stored = wanted = axes.axcodes2ornt(_ORDER)
        if np.isfinite(self.affine).all():
            stored = axes.io_orientation(self.affine)
        if not np.isfinite([self.affine.sum(), stored.sum()]).all():
            raise ArchiveError(
                f"{location} has an orientation that is none: export the volume again"
            )
        turned = axes.apply_orientation(self.values, axes.ornt_transform(stored, wanted))
        return np.ascontiguousarray(turned, np.float32)
