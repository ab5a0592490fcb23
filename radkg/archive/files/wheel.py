"""The data that come inside the installed torchxrayvision wheel: read as files, never imported."""

from __future__ import annotations

import importlib.util
from pathlib import Path

from radkg.errors import ArchiveError


def find_wheel_data() -> Path:
    """Return the data directory of torchxrayvision without importing it, for it imports torch.

    Raises:
        ArchiveError: torchxrayvision is not installed.
    """
    spec = importlib.util.find_spec("torchxrayvision")
    if spec is None or not spec.submodule_search_locations:
        raise ArchiveError("these reports come with torchxrayvision: pip install torchxrayvision")
    return Path(spec.submodule_search_locations[0]) / "data"
