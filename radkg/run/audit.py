"""The audit log: a line of JSON for every run, with its own hash and that of the line before it.

One object a line, audit/00000001.json and so on, written only where none stands: two runs that end
at once take one number each. Whoever can write there could write the whole chain anew, so each
run says its last hash: kept elsewhere (a log, a mail), it proves that no line before was changed.
"""

from __future__ import annotations

import getpass
import hashlib
import json
import platform
import secrets
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import radkg
from radkg.run.snapshot import POINTER, Snapshot
from radkg.storage import Storage

START = "0" * 64  # the line before the first one
_FOLDER = "audit"


@dataclass(frozen=True)
class AuditReport:
    """What stands in a log; `problems` is empty where every line is as it was written."""

    runs: int
    last: str
    """hash of the last line, to be kept elsewhere"""
    problems: tuple[str, ...]

    @property
    def ok(self) -> bool:
        """Whether nothing was changed."""
        return not self.problems


class AuditLog:
    """The audit log of a run."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage

    def record(self, verb: str, facts: Mapping[str, Any]) -> str:
        """Add a line for a run that ended, and return its hash.

        Args:
            verb: what was done, as the command line calls it.
            facts: settings, model, input and counts; what JSON can hold.

        Raises:
            StorageError: it cannot be written.
        """
        line: dict[str, Any] = {
            "time": datetime.now(UTC).isoformat(timespec="seconds"),
            "who": name_user(),
            "verb": verb,
            "radkg_version": radkg.__version__,
            "nonce": secrets.token_hex(8),  # a line that stands is known as this run's own
            **facts,
        }
        while True:
            names = [
                name for name in self._storage.list_names(_FOLDER) if _number(name)
            ]  # no editor's copies
            number = _number(names[-1]) + 1 if names else 1
            line["run"] = number
            line["previous"] = (
                _parsed(self._storage.read(names[-1])).get("hash") if names else START
            )
            line["hash"] = _hash_of(line)
            if self._storage.create(_name(number), _bytes(line)):
                return str(line["hash"])

    def record_load(self, snapshot: Snapshot, engine: str, counts: Mapping[str, Any]) -> str:
        """Add a line for a load, and return its hash."""
        facts = {"graph": engine, "loaded": snapshot.snapshot_id, **counts}
        return self.record("load", facts)

    def record_removal(self, reporter: str, engine: str, number: int) -> str:
        """Add a line for the removal of a reporter's drafts, and return its hash."""
        facts = {"graph": engine, "reporter": reporter, "drafts_removed": number}
        return self.record("load", facts)

    def read_lines(self, *, newest_first: bool = False) -> Iterator[dict[str, Any]]:
        """Yield the lines, oldest first unless told; one that is no JSON object as its text.

        Raises:
            StorageError: one cannot be read.
        """
        names = self._storage.list_names(_FOLDER)
        for name in reversed(names) if newest_first else names:
            yield _parsed(self._storage.read(name))

    def verify(self, last: str | None = None) -> AuditReport:
        """Check that no line was changed, removed or put in, and that what is published is known.

        Args:
            last: a hash that a run said when it ended; without it a log written anew looks whole.

        Raises:
            StorageError: a line cannot be read.
        """
        problems: list[str] = []
        previous, published = START, None
        hashes = {START}
        names = self._storage.list_names(_FOLDER)
        for number, name in enumerate(names, 1):
            data = self._storage.read(name)
            line = _parsed(data)
            if name != _name(number):
                problems.append(f"{name} stands where {_name(number)} should")
                break
            whole = _bytes(line) == data and line.get("hash") == _hash_of(line)
            if not whole or line.get("run") != number:
                problems.append(f"{name} is not as it was written")
            if line.get("previous") != previous:
                problems.append(
                    f"{name} does not follow the line before it: one of them was changed"
                )
            previous = str(line.get("hash"))
            hashes.add(previous)
            published = line.get("snapshot_id") or published
        if self._storage.exists(POINTER):
            current = self._storage.read(POINTER).decode("ascii", "replace").strip()
            if current != published:
                problems.append(
                    f"snapshot {current} is published, and the last run in the log published "
                    f"{published}: run the extraction again, or find out who published it"
                )
        if last is not None and last not in hashes:
            problems.append(f"no line has the hash {last}: the log was cut or written anew")
        return AuditReport(len(names), previous, tuple(problems))


def hash_input(records: Iterable[Mapping[str, Any]]) -> str:
    """Return the hash of an archive's studies and their fingerprints, whatever their order."""
    pairs = sorted(f"{record['study_id']}\0{record['fingerprint']}" for record in records)
    return hashlib.sha256("\n".join(pairs).encode()).hexdigest()


def name_user() -> str:
    """Return who runs this process, on which machine: user@host."""
    try:
        user = getpass.getuser()
    except (OSError, KeyError):  # a container whose user has no name
        user = "unknown"
    return f"{user}@{platform.node() or 'unknown'}"


def _name(number: int) -> str:
    return f"{_FOLDER}/{number:08d}.json"


def _number(name: str) -> int:
    """Return the number of a line by its name; 0 where it is none."""
    digits = name.removeprefix(f"{_FOLDER}/").removesuffix(".json")
    return int(digits) if digits.isdecimal() and name == _name(int(digits)) else 0


def _bytes(line: Mapping[str, Any]) -> bytes:
    return (json.dumps(line, sort_keys=True) + "\n").encode()


def _parsed(data: bytes) -> dict[str, Any]:
    try:
        line = json.loads(data)
    except ValueError:  # not UTF-8 is one too
        line = None
    return line if isinstance(line, dict) else {"damaged": data.decode("utf-8", "replace")}


def _hash_of(line: Mapping[str, Any]) -> str:
    """Return the hash of a line without the one it has."""
    return hashlib.sha256(_bytes({k: v for k, v in line.items() if k != "hash"})).hexdigest()
