"""A 2D network of convolutions made 3D (I3D; Carreira and Zisserman, CVPR 2017, section 2.4).

A kernel is repeated along the depth and divided by its depth. The borders are repeated too, so that
a volume of equal slices gives the 2D features in every slice.

N volumes, K channels, D slices, H, W of a slice.
"""

from __future__ import annotations

import copy

from torch import Tensor, nn
from torch.nn import functional

from radkg.model.vision.tower import SameConv, Tower

_DEPTH = 3  # slices that an inflated kernel sees, whatever its height and width
# Layers with weights or a window of their own, which a third axis would break.
_FLAT = (nn.BatchNorm2d, nn.MaxPool2d, nn.AvgPool2d, nn.AdaptiveAvgPool2d, nn.Upsample)


class InflatedConv(nn.Module):
    """A 2D convolution with a depth: its stride is the 2D one's in all three directions."""

    def __init__(self, flat: nn.Conv2d) -> None:
        super().__init__()
        depth = _DEPTH if max(flat.kernel_size) > 1 else 1
        weight = flat.weight.detach().unsqueeze(2).repeat(1, 1, depth, 1, 1) / depth
        self.weight = nn.Parameter(weight.contiguous())
        self.bias = None if flat.bias is None else nn.Parameter(flat.bias.detach().clone())
        self._stride = flat.stride[0]
        self._groups = flat.groups
        # SameConv pads by the size of its input; others always alike
        self._padding = None if isinstance(flat, SameConv) else flat.padding

    def forward(self, volume: Tensor) -> Tensor:
        """Return (N, K, D / stride, H / stride, W / stride) of (N, K', D, H, W)."""
        deep, *kernel = self.weight.shape[2:]
        borders: list[int] = []
        for i in (1, 0):  # functional.pad begins with the last axis
            if self._padding is None:
                side, stride = volume.shape[3 + i], self._stride
                whole = max((-(-side // stride) - 1) * stride + kernel[i] - side, 0)
                borders += [whole // 2, whole - whole // 2]
            else:
                borders += [int(self._padding[i])] * 2
        padded = functional.pad(volume, (*borders, 0, 0))
        if deep > 1:
            padded = functional.pad(padded, (0, 0, 0, 0, deep // 2, deep // 2), mode="replicate")
        return functional.conv3d(padded, self.weight, self.bias, self._stride, 0, 1, self._groups)


def make_inflated(tower: Tower) -> Tower:
    """Return a copy of a tower that looks at volumes; the tower itself stays as it is.

    Raises:
        ValueError: a layer of it cannot be inflated.
    """
    inflated = copy.deepcopy(tower)
    for module in list(inflated.modules()):
        for name, child in list(module.named_children()):
            if isinstance(child, _FLAT):
                raise ValueError(f"{type(child).__name__} cannot be inflated: fold it first")
            if isinstance(child, nn.Conv2d):
                setattr(module, name, InflatedConv(child))
    return inflated
