"""Real files that are not part of the repository: tests that need them skip without them."""

import os
from pathlib import Path

import pytest

_DEFAULT = Path(__file__).parents[4] / "shared" / "data"


def require_data(name: str) -> Path:
    """Return a file or directory below RADKG_TEST_DATA; skip the test where there is none."""
    folder = Path(os.environ.get("RADKG_TEST_DATA", _DEFAULT))
    if not (folder / name).exists():
        pytest.skip(f"no {name} under RADKG_TEST_DATA ({folder})")
    return folder / name
