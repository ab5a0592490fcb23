"""Extract with each runner, and look at what is published."""

import contextlib
import time
from collections.abc import Iterator
from pathlib import Path

from radkg.progress import Advance, Progress, say_nothing
from radkg.run.local import LocalRunner
from radkg.run.settings import ExtractConfig
from radkg.run.snapshot import read_snapshot
from radkg.schema.arrow import from_table
from radkg.schema.records import Extraction
from radkg.storage import open_storage
from radkg.verbs.extract import ExtractReport, extract


def extract_here(config: ExtractConfig, progress: Progress = say_nothing) -> ExtractReport:
    """Extract in this process."""
    return extract(config, LocalRunner(0), progress)


def extract_beside(config: ExtractConfig, progress: Progress = say_nothing) -> ExtractReport:
    """Extract in two processes beside this one."""
    return extract(config, LocalRunner(2), progress)


def extract_on_ray(config: ExtractConfig, progress: Progress = say_nothing) -> ExtractReport:
    """Extract on the Ray that runs, or on one that is started."""
    from radkg.cluster.runner import RayRunner

    return extract(config, RayRunner(), progress)


def record_times(done: list[tuple[float, int]]) -> Progress:
    """Return a `Progress` that notes when how many studies were finished."""

    def advance(finished: int, total: int, failed: int = 0, /) -> None:
        done.append((time.perf_counter(), finished))

    @contextlib.contextmanager
    def begin(stage: str) -> Iterator[Advance]:
        yield advance

    return begin


def published(out: str | Path) -> dict[str, bytes]:
    """Return the bytes of everything that is published, by name."""
    root = Path(out) / "snapshot"
    return {str(p.relative_to(root)): p.read_bytes() for p in root.rglob("*") if p.is_file()}


def rows_of(out: str | Path) -> list[Extraction]:
    """Return the published rows."""
    return [r for t in read_snapshot(open_storage(str(out))).read_tables() for r in from_table(t)]
