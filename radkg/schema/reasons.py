"""Why a study failed, as one short line that holds no words of a report; standard library only.

A reason is published, logged and printed. An exception may quote the sentence at which it was
raised, so of an exception that radkg does not know only its type and its place are told.
"""

from __future__ import annotations

import os
import re
import traceback
from pathlib import Path

from radkg.errors import RadkgError

MAX_REASON = 500  # characters
CLASSES = ("archive", "hung", "crashed", "memory", "invalid", "error")
"""what failed a study: its files, its time, its process, its memory, an answer against the schema,
an exception of the model"""
MASK = "..."  # in place of words that stand in the report
_PACKAGE = str(Path(__file__).parents[1]) + os.sep
_WORD = re.compile(r"\w+")
_EXCEPTION = re.compile(r"([A-Z]\w*)(?: in \S+, line \d+: |: |$)")  # as `describe_failure` has it
_BY_BEGINNING = {
    "the study took longer than": "hung",
    "the study ended its process": "crashed",
    "it needs more memory": "memory",
    "invalid ": "invalid",
}


def cut_reason(reason: str) -> str:
    """Return a reason as one printable line of at most MAX_REASON characters."""
    line = " ".join(reason[: 4 * MAX_REASON].split())
    line = "".join(c if c.isprintable() else "?" for c in line)
    return line if len(line) <= MAX_REASON else f"{line[: MAX_REASON - len(MASK)]}{MASK}"


def describe_failure(error: BaseException, report: str = "") -> str:
    """Return what failed, without words of the report.

    An error of radkg says what its message says: radkg puts no report into one. An error of this
    kind that another program raised, such as an extractor of somebody's own, says so too, but for
    the words that stand in the report. Of any other exception the message is left out.
    """
    frames = traceback.extract_tb(error.__traceback__)
    place = frames[-1] if frames else None
    name = type(error).__name__
    if isinstance(error, RadkgError):
        if place is not None and place.filename.startswith(_PACKAGE):
            return cut_reason(f"{name}: {error}")
        return cut_reason(f"{name}: {hide_report(str(error), report)}")
    if place is None:
        return name
    where = f"{os.path.basename(place.filename)}, line {place.lineno}"
    return cut_reason(f"{name} in {where}: its message may quote the report and is left out")


def hide_report(message: str, report: str) -> str:
    """Return a message without the words that the report has too, in whatever case."""
    words = {word.casefold() for word in _WORD.findall(report)}
    return _WORD.sub(lambda m: MASK if m[0].casefold() in words else m[0], message)


def group_reason(reason: str) -> str:
    """Return one of CLASSES for the reason of a failed row: a name for counts, without an id."""
    for beginning, found in _BY_BEGINNING.items():
        if reason.startswith(beginning):
            return found
    exception = _EXCEPTION.match(reason)
    # what no exception of a model says, the reader of an archive has said of a file
    return "error" if exception and exception[1] != "ArchiveError" else "archive"
