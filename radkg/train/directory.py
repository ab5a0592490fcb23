"""The directory of a training run: one that all machines see, or a copy of an S3 prefix on each.

All that trains works on files. Where --out is s3://bucket/prefix, each process has a directory of
its own, fetches into it what others have sent, and sends what they need. A directory of the run is
sent whole or not at all: the list of its files goes last, and only what is listed is fetched.
"""

from __future__ import annotations

import contextlib
import json
import logging
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from radkg.errors import StorageError
from radkg.private import make_directory, open_private
from radkg.repeating import repeat_beside
from radkg.storage import S3Storage, open_storage

logger = logging.getLogger(__name__)

_LIST = ".files.json"
SEND_S = 10.0
"""between two copies of a file that grows"""


class SharedDirectory:
    """A directory that all machines of the run see: nothing is to be sent."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def fetch(self) -> None:
        """Do nothing."""

    def fetch_file(self, name: str) -> None:
        """Do nothing."""

    def send_directory(self, name: str) -> None:
        """Do nothing."""

    def send_files(self, name: str) -> None:
        """Do nothing."""

    @contextlib.contextmanager
    def keep_sending(self, name: str) -> Iterator[None]:
        """Do nothing."""
        yield

    def delete(self, name: str) -> None:
        """Remove a directory of the run; a missing one is no error."""
        shutil.rmtree(self.path / name, ignore_errors=True)


class CopiedDirectory:
    """This process's copy of a run under s3://bucket/prefix."""

    def __init__(self, storage: S3Storage, path: Path) -> None:
        self.path = path
        self._storage = storage

    def fetch(self) -> None:
        """Bring every directory that was sent whole and is not here."""
        for name in self._storage.list_names(""):
            directory = self.path / name.removesuffix(_LIST)
            if not name.endswith(_LIST) or directory.exists():
                continue
            unfinished = directory.with_name(f"{directory.name}.unfinished")
            shutil.rmtree(unfinished, ignore_errors=True)
            for file in json.loads(self._storage.read(name)):
                make_directory((unfinished / file).parent)
                stored = f"{name.removesuffix(_LIST)}/{file}"
                self._storage.fetch_file(stored, unfinished / file)
            unfinished.rename(directory)

    def fetch_file(self, name: str) -> None:
        """Bring the newest version of a file that others send; a missing one is no error."""
        if self._storage.exists(name):
            data = self._storage.read(name)
            with open_private(self.path / name, "wb") as file:
                file.write(data)

    def send_directory(self, name: str) -> None:
        """Send a directory of the run whole."""
        files = self._list_files(name)
        for file in files:
            self._storage.store_file(f"{name}/{file}", self.path / name / file)
        self._storage.write(name + _LIST, json.dumps(files).encode())

    def send_files(self, name: str) -> None:
        """Send a file, or each file below a directory."""
        if (self.path / name).is_file():
            self._storage.write(name, (self.path / name).read_bytes())
            return
        for file in self._list_files(name):
            self._storage.store_file(f"{name}/{file}", self.path / name / file)

    @contextlib.contextmanager
    def keep_sending(self, name: str) -> Iterator[None]:
        """Send a file that grows every ten seconds while the block runs, and at its end."""

        def send() -> None:
            try:
                self.send_files(name)
            except StorageError as error:  # the next time counts, and the end of the block
                logger.warning("%s", error)

        with repeat_beside(send, SEND_S, "sender"):
            yield
        self.send_files(name)

    def delete(self, name: str) -> None:
        """Remove a directory of the run; a missing one is no error."""
        self._storage.delete(name + _LIST)  # first: what is listed is whole
        for each in self._storage.list_names(name):
            self._storage.delete(each)

    def _list_files(self, name: str) -> list[str]:
        below = self.path / name
        return sorted(p.relative_to(below).as_posix() for p in below.rglob("*") if p.is_file())


RunDirectory = SharedDirectory | CopiedDirectory


@contextlib.contextmanager
def open_run_directory(out: str) -> Iterator[RunDirectory]:
    """Give the directory of a run; a copy is fetched first, and is gone afterwards.

    Raises:
        StorageError: the store of `out` does not answer, or refuses.
    """
    storage = open_storage(out)
    if not isinstance(storage, S3Storage):
        yield SharedDirectory(storage.root)
        return
    with tempfile.TemporaryDirectory(prefix="radkg-train-") as path:
        directory = CopiedDirectory(storage, Path(path))
        directory.fetch()
        yield directory
