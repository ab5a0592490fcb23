"""The browser of the system, for tests that look at a page as a person does."""

from __future__ import annotations

import os
import shutil

import pytest


@pytest.fixture(scope="session")
def chromium() -> str:
    names = ("chromium", "chromium-browser", "google-chrome", "chrome")
    found = next(filter(None, map(shutil.which, names)), None)
    if found is None:
        if os.environ.get("RADKG_REQUIRE_BROWSER") == "1":
            pytest.fail("RADKG_REQUIRE_BROWSER=1 and no chromium on PATH")
        pytest.skip("no chromium on PATH")
    return found
