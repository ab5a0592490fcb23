"""What processes of a pool do in tests: answer, hang, crash, all by the job."""

import os
import time
from collections.abc import Sequence
from pathlib import Path


def make_echo(said: str) -> tuple[object, str]:
    """Return a worker that answers jobs with what it was made of."""

    def work(jobs: Sequence[str]) -> list[str]:
        for job in jobs:
            if job == "crash":
                os._exit(77)
            if job == "hang":
                time.sleep(60)
            if job.startswith("slow"):
                time.sleep(0.2)
        return [f"{said}:{job}:{len(jobs)}" for job in jobs]

    return work, said


def make_from_file(path: Path) -> tuple[object, str]:
    """Return a worker that says what stands in a file: a model on a disk."""
    return make_echo(path.read_text())


def make_slowly() -> tuple[object, str]:
    """Return no worker for a long time: a model that is loaded from a slow disk."""
    time.sleep(120)
    return make_echo("late")
