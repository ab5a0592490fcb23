"""The explorer as a person has it: `radkg explore` beside chromium."""

from __future__ import annotations

import contextlib
import json
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

from playwright.sync_api import BrowserContext, expect, sync_playwright

from tests.support.runs.demo_run import RADKG

PATIENT_MS = 300_000
SCREEN = {"width": 1280, "height": 860}


@contextlib.contextmanager
def open_explorer(
    *options: str | Path, environment: Mapping[str, str] | None = None
) -> Iterator[tuple[BrowserContext, str]]:
    """Start `radkg explore` with options; give a window of chromium, and the explorer's address."""
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    command = [RADKG, "explore", *map(str, options), "--json", "--port", "0"]
    with (
        sync_playwright() as playwright,
        subprocess.Popen(command, env=environment, stdout=subprocess.PIPE) as run,
    ):
        try:
            assert run.stdout is not None
            address = json.loads(run.stdout.readline())["address"]
            browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
            context = browser.new_context(viewport=SCREEN)
            context.set_default_timeout(PATIENT_MS)
            expect.set_options(timeout=PATIENT_MS)
            yield context, address
            browser.close()
        finally:
            run.send_signal(signal.SIGTERM)


@contextlib.contextmanager
def choose_work(*folders: Path | None, work: Path | None) -> Iterator[Path]:
    """Make folders, and give the one to work in: a new one that goes again, if none was named."""
    for folder in (*folders, work):
        if folder:
            folder.mkdir(parents=True, exist_ok=True)
    if work:
        yield work
        return
    with tempfile.TemporaryDirectory() as new:
        yield Path(new)
