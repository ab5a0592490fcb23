"""A nursery of runs: one process that has imported everything, of which each run is a fork.

It has no threads, so a run is what a driver is, and a real SIGKILL ends it as it would end a
driver. The whole protocol runs there in one process, on the local runner. Steps are the file
operations below `out`, which Python's audit hooks tell of before they happen, and fsync, at which
half of the file is cut off first: what a torn write leaves.
"""

import contextlib
import importlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from radkg.errors import RadkgError
from radkg.run import audit, snapshot
from radkg.run.settings import ExtractConfig
from tests.support.runs.extracting import extract_here

ROOT = Path(__file__).parents[3]
MEAN_PART_ROWS = 8  # so that few studies make several parts
_STEPS = {"open", "os.link", "os.listdir", "os.mkdir", "os.remove", "os.rename", "os.scandir"}


@dataclass(frozen=True)
class Ended:
    """How a run ended: -9 is killed; the steps that it took and its error, if it could say."""

    status: int
    steps: int = 0
    error: str = ""


class Nursery:
    """Starts runs, one at a time; close it, or use it in a `with`."""

    def __init__(self, read: Path) -> None:
        """`read` is the file that gets the id of each study that is read."""
        self.read = read
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.support.runs.fork_server"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=ROOT,
            env=os.environ | {"PYTHONPATH": str(ROOT), "RADKG_TEST_READ": str(read)},
        )
        self.pid: int | None = None

    def run(
        self,
        config: ExtractConfig,
        *,
        kill_at: int | str = 0,
        clock: int = 0,
        environment: dict[str, str] | None = None,
        meanwhile: Callable[[], object] | None = None,
    ) -> Ended:
        """Run the protocol and wait for its end.

        Args:
            config: the run's.
            kill_at: the step before which it is killed, from 1 on, or a part of the path that the
                step is on; 0: none.
            clock: seconds that its clock is ahead.
            environment: variables of its own.
            meanwhile: called again and again while it runs.
        """
        order = {"config": config.to_json(), "kill_at": kill_at, "clock": clock}
        assert self._process.stdin is not None
        print(json.dumps(order | {"environment": environment or {}}), file=self._process.stdin)
        self._process.stdin.flush()
        self.pid = int(self._line())
        while meanwhile and Path(f"/proc/{self.pid}").exists():
            meanwhile()
        ended = Ended(**json.loads(self._line()))
        self.pid = None
        return ended

    def _line(self) -> str:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        assert line, "the nursery died"
        return line

    def __enter__(self) -> "Nursery":
        return self

    def __exit__(self, *_: object) -> None:
        self._process.stdin.close()  # type: ignore[union-attr]
        self._process.wait(timeout=30)
        self._process.stdout.close()  # type: ignore[union-attr]


def _serve() -> None:
    """Start the runs that stdin asks for, one after the other, and say how they ended."""
    for name in (
        "aiobotocore.session",
        "pandas",  # which pyarrow imports when it first makes a table of objects
        "s3fs",
        "radkg.verbs.extract",
        "tests.support.runs.extractors",
    ):
        importlib.import_module(name)  # once, not in every run
    snapshot.MEAN_PART_ROWS = MEAN_PART_ROWS
    for line in sys.stdin:
        order = json.loads(line)
        reader, writer = os.pipe()
        pid = os.fork()
        if not pid:
            os.close(reader)
            _live(order, writer)
        os.close(writer)
        print(pid, flush=True)
        with open(reader) as pipe:
            said = json.loads(pipe.read() or "{}")
        _, status = os.waitpid(pid, 0)
        print(json.dumps({"status": os.waitstatus_to_exitcode(status)} | said), flush=True)


def _live(order: dict[str, Any], writer: int) -> None:
    """Be one run: never returns."""
    said: dict[str, Any] = {}
    status = 70
    try:
        os.environ.update(order["environment"])
        config = ExtractConfig.from_mapping(json.loads(order["config"]))
        if order["clock"]:
            _set_clock(order["clock"])
        steps = _count_steps(config.out, order["kill_at"])
        try:
            extract_here(config)
            status = 0
        except RadkgError as error:
            status, said["error"] = error.exit_code, f"{type(error).__name__}: {error}"
        said["steps"] = steps()
    except BaseException as error:
        said["error"] = f"not one of ours: {error!r}"
    finally:
        os.write(writer, json.dumps(said).encode())
        os._exit(status)


def _count_steps(out: str, kill_at: int | str) -> Callable[[], int]:
    """Count the steps below `out` from now on, and die before one of them."""
    count, fsync = 0, os.fsync

    def step(path: str = "") -> bool:
        nonlocal count
        count += 1
        return count == kill_at if isinstance(kill_at, int) else kill_at in path

    def die() -> None:
        os.kill(os.getpid(), signal.SIGKILL)

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        if event in _STEPS and isinstance(arguments[0], str | os.PathLike):
            path = os.fspath(arguments[0])
            if path.startswith(out) and step(path):
                die()

    def torn(descriptor: int) -> None:
        if step():
            with contextlib.suppress(OSError):  # a directory
                os.ftruncate(descriptor, os.fstat(descriptor).st_size // 2)
            die()
        fsync(descriptor)

    sys.addaudithook(hook)
    os.fsync = torn
    return lambda: count


def _set_clock(ahead: int) -> None:
    """Move what Python says the time is."""
    real, clock = audit.datetime, time.time

    class Moved(real):  # type: ignore[misc,valid-type]
        @classmethod
        def now(cls, tz=None):
            return real.fromtimestamp(clock() + ahead, tz)

    audit.datetime = Moved
    time.time = lambda: clock() + ahead


if __name__ == "__main__":
    _serve()
