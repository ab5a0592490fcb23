"""Hostile cases through radkg's entry points, each in a child process, and what came of each.

Allowed are studies, unreadable studies with a reason, pixels, and an ArchiveError of one line.
Forbidden is anything else: another exception, an end of the process, more than 10 s, more than
1 GiB beyond what the process had.
"""

import faulthandler
import multiprocessing
import re
import resource
import shutil
import signal
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from pathlib import Path

import numpy as np

from radkg.archive import open_archive
from radkg.archive.images.pixels import read_image
from radkg.errors import ArchiveError
from radkg.extractor import extract_rows, load_extractor
from radkg.schema.records import Study
from tests.support.archives.fuzzing import Case

SECONDS = 10  # of processor time for one case; the clock may run six times as long
MEMORY = 1 << 30  # bytes of one case, beyond what the process has
MAX_MESSAGE = 1_000  # characters, the folder's name aside
_GARBAGE = re.compile(r"<\S+ object at 0x|Traceback|\bbytearray\(|\bb'|\bb\"|(?:\\x[0-9a-f]{2}){9}")
_NO_MEMORY = re.compile(r"out of memory|(?:cannot|unable to) allocate|MemoryError", re.IGNORECASE)
_EXTRACTED = 7  # the rules read every seventh case too; prime, so that they meet every kind


@dataclass
class Outcome:
    """What came of a case; `forbidden` says what must not have happened and where, else None."""

    number: int
    kind: str
    results: Counter[str] = field(default_factory=Counter)  # study, unreadable, refused, pixels
    reasons: set[str] = field(default_factory=set)
    seconds: float = 0.0  # of the processor
    memory: int = 0  # bytes
    forbidden: str | None = None


def run_cases(
    make: Callable[[int], Case], numbers: Sequence[int], folder: Path
) -> Iterator[Outcome]:
    """Yield what came of each case, in order; a child that dies fails the case that it was at.

    The child is spawned, for a fork would share the locks of the parent's threads.
    """
    todo = list(numbers)
    context = multiprocessing.get_context("spawn")
    while todo:
        ours, theirs = context.Pipe(duplex=False)
        errors = folder / f"stderr-{todo[0]}"
        child = context.Process(target=_child, args=(make, todo, folder, errors, theirs))
        child.start()
        theirs.close()
        done = 0
        try:
            while done < len(todo):
                outcome = ours.recv()
                done += 1
                yield outcome
        except EOFError:
            pass
        child.join()
        if done < len(todo):
            stderr = errors.read_text(errors="replace") if errors.exists() else ""
            hung = child.exitcode == -signal.SIGPROF or "Timeout" in stderr
            what = f"hang: more than {SECONDS} s" if hung else f"crash: exit {child.exitcode}"
            number = todo[done]
            yield Outcome(number, make(number).kind, forbidden=f"{what}\n{stderr[-3000:]}")
            done += 1
        todo = todo[done:]


def _child(
    make: Callable[[int], Case],
    numbers: Sequence[int],
    folder: Path,
    errors: Path,
    results: Connection,
) -> None:
    rules = load_extractor("rules")
    _warm(folder)
    hard = resource.getrlimit(resource.RLIMIT_DATA)[1]
    with errors.open("w") as stderr:
        faulthandler.enable(stderr)
        # faulthandler writes where the case hung, then SIGPROF ends the process by default
        faulthandler.register(signal.SIGPROF, stderr, chain=True)
        for number in numbers:
            case = make(number)
            outcome = Outcome(number, case.kind)
            place = Path(tempfile.mkdtemp(dir=folder))
            _write(case, place)
            Path("/proc/self/clear_refs").write_text("5")  # forget the peak
            before, start = _status("VmRSS"), time.process_time()
            resource.setrlimit(resource.RLIMIT_DATA, (_status("VmData") + MEMORY, hard))
            faulthandler.dump_traceback_later(6 * SECONDS, exit=True, file=stderr)
            signal.setitimer(signal.ITIMER_PROF, SECONDS)
            try:
                _open_and_read(case, place, outcome, rules if number % _EXTRACTED == 0 else None)
            except BaseException as error:
                resource.setrlimit(resource.RLIMIT_DATA, (hard, hard))  # for the traceback
                what = "over memory" if isinstance(error, MemoryError) else "exception"
                outcome.forbidden = f"{what}\n{traceback.format_exc()[-3000:]}"
            signal.setitimer(signal.ITIMER_PROF, 0)
            faulthandler.cancel_dump_traceback_later()
            outcome.seconds = time.process_time() - start
            outcome.memory = max(0, _status("VmHWM") - before)
            shutil.rmtree(place)
            results.send(outcome)


def _warm(folder: Path) -> None:
    """Import what the first read imports, so that no case is charged with that memory."""
    from tests.support.archives.fuzzing import list_parents

    for kind, (first, *_) in list_parents().items():
        if kind.startswith(("dicom", "png", "jpeg")):
            (folder / first.name).write_bytes(first.data)
            read_image(str(folder / first.name))


def _write(case: Case, folder: Path) -> None:
    for name, content in case.files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if callable(content):
            content(path)
        else:
            path.write_bytes(content)


def _open_and_read(case: Case, folder: Path, outcome: Outcome, rules) -> None:
    if case.archive is None:
        for name in case.files:
            _read_pixels(str(folder / name), folder, outcome)
        return
    images = None if case.images is None else str(folder / case.images)
    try:
        archive = open_archive(str(folder / case.archive), images)
        records = archive.index().to_pylist()
        items = list(archive.read(records))
    except ArchiveError as error:
        _refused("refused", str(error), folder, outcome)
        return
    assert [i.study_id if isinstance(i, Study) else i.record["study_id"] for i in items] == [
        record["study_id"] for record in records
    ]
    for item in items:
        if isinstance(item, Study):
            outcome.results["study"] += 1
            for image in item.images[:8]:
                if image.location:
                    _read_pixels(image.location, folder, outcome)
        else:
            _refused("unreadable", item.reason, folder, outcome)
    if rules:
        rows = extract_rows(rules, items)
        assert len(rows) == len(items)
        pairs = zip(rows, items, strict=True)
        failed = [r for r, i in pairs if isinstance(i, Study) and r.status == "failed"]
        assert not failed, failed[0].reason


def _read_pixels(location: str, folder: Path, outcome: Outcome) -> None:
    try:
        pixels = read_image(location)
    except ArchiveError as error:
        _refused("no pixels", str(error), folder, outcome)
        return
    assert pixels.ndim == 2, pixels.shape
    assert pixels.dtype == np.float32, pixels.dtype
    assert 0 <= pixels.min() < pixels.max() <= 1, (pixels.min(), pixels.max())  # NaN is neither
    outcome.results["pixels"] += 1


def _refused(how: str, reason: str, folder: Path, outcome: Outcome) -> None:
    message = reason.replace(str(folder), "")
    assert message, "no reason"
    assert message.isprintable(), f"not one line of text: {message!a:.1000}"
    assert len(message) <= MAX_MESSAGE, f"{len(message)} characters: {message:.1000}"
    assert not _GARBAGE.search(message), f"no words for a person: {message}"
    assert not _NO_MEMORY.search(message), f"no memory was left: {message}"
    outcome.results[how] += 1
    outcome.reasons.add(re.sub(r"'[^']*'|\d+", "N", message))


def _status(name: str) -> int:
    """Return a number of bytes from /proc/self/status."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(f"{name}:"))
