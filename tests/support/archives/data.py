"""Real files that are not part of the repository: tests that need them skip without them."""

import os
from pathlib import Path

import pytest

_DEFAULT = Path(__file__).parents[4] / "shared" / "data"


def real(name: str) -> Path:
    """Return a file or directory of RADKG_TEST_DATA; skips the test where it is not there."""
    folder = Path(os.environ.get("RADKG_TEST_DATA", _DEFAULT))
    if not (folder / name).exists():
        pytest.skip(f"no {name} under RADKG_TEST_DATA ({folder})")
    return folder / name
