"""Which device a model computes on in this process."""

from __future__ import annotations

import torch

from radkg.schema.records import Device


def resolve_device(device: Device) -> Device:
    """Return the device, or the CPU where this process sees no GPU: enough for an identity."""
    return device if device == "cpu" or torch.cuda.is_available() else "cpu"
