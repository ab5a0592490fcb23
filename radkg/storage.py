"""A tree of named objects, on a local disk or under s3://: whole reads, atomic writes, listings.

A write is seen whole or not at all: a temporary name, fsync and rename on disk; one PUT on S3,
never a rename, which is a copy and a delete there. S3's credentials and endpoint come from the
environment.
"""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from radkg.errors import StorageError

_TEMPORARY = ".tmp-"


@contextlib.contextmanager
def _explained(verb: str, where: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        hints = {
            errno.ENOSPC: "free some space or choose another --out, then run the same command",
            errno.EDQUOT: "the quota is used up: free some space, then run the same command",
            errno.EACCES: "check the rights of this user there",
            errno.EROFS: "choose an --out that can be written",
        }
        reason = error.strerror or str(error)
        hint = hints.get(error.errno or 0)
        raise StorageError(
            f"cannot {verb} {where}: {reason}" + (f": {hint}" if hint else "")
        ) from error


class LocalStorage:
    """Objects as files under one directory, which is made on the first write."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.uri = str(root)

    def read(self, name: str) -> bytes:
        """Return the object's bytes; StorageError where it is missing."""
        with _explained("read", f"{self.uri}/{name}"):
            return (self.root / name).read_bytes()

    def write(self, name: str, data: bytes) -> None:
        """Write the object, whole or not at all, and make it last through a power cut."""
        self._put(name, data, Path.replace)

    def create(self, name: str, data: bytes) -> bool:
        """Write the object as `write` does, unless it stands; tell whether it was written."""
        return self._put(name, data, _link)

    def _put(self, name: str, data: bytes, place: Callable[[Path, Path], object]) -> bool:
        path = self.root / name
        with _explained("write", str(path)):
            path.parent.mkdir(parents=True, exist_ok=True)
            temporary = path.parent / (_TEMPORARY + secrets.token_hex(8))
            try:
                with temporary.open("xb") as file:
                    file.write(data)
                    file.flush()
                    os.fsync(file.fileno())
                placed = place(temporary, path) is not None
            finally:
                temporary.unlink(missing_ok=True)
            directory = os.open(path.parent, os.O_RDONLY)
            try:
                os.fsync(directory)
            finally:
                os.close(directory)
        return placed

    def exists(self, name: str) -> bool:
        """Tell whether the object stands."""
        return (self.root / name).is_file()

    def names(self, prefix: str) -> list[str]:
        """Return the sorted names of the objects under the directory `prefix`, no temporaries."""
        with _explained("list", f"{self.uri}/{prefix}"):
            return sorted(
                path.relative_to(self.root).as_posix()
                for path in (self.root / prefix).rglob("*")
                if path.is_file() and not path.name.startswith(_TEMPORARY)
            )

    def delete(self, name: str) -> None:
        """Remove the object; a missing one is no error."""
        with _explained("delete", f"{self.uri}/{name}"):
            (self.root / name).unlink(missing_ok=True)


class S3Storage:
    """Objects under s3://bucket/prefix; listings are never cached, so a resumed run sees all."""

    def __init__(self, uri: str) -> None:
        import s3fs  # here, for a bare GPU machine has no s3fs

        self._root = uri.removeprefix("s3://").rstrip("/")
        self.uri = "s3://" + self._root
        if not self._root.strip("/") or self._root.startswith("/"):
            raise StorageError(f"no bucket in {uri!r}: give s3://bucket/prefix")
        self._files: Any = s3fs.S3FileSystem(use_listings_cache=False, skip_instance_cache=True)

    def __reduce__(self) -> tuple[type[S3Storage], tuple[str]]:
        return (S3Storage, (self.uri,))  # a client does not cross processes

    def _path(self, name: str) -> str:
        return f"{self._root}/{name}"

    def read(self, name: str) -> bytes:
        """Return the object's bytes; StorageError where it is missing."""
        with self._asking("read", name):
            return bytes(self._files.cat_file(self._path(name)))

    def write(self, name: str, data: bytes) -> None:
        """Write the object with one PUT."""
        with self._asking("write", name):
            self._files.pipe_file(self._path(name), data, chunksize=max(len(data), 1 << 20))

    def create(self, name: str, data: bytes) -> bool:
        """Write the object with one PUT that S3 refuses where it stands; tell whether it did."""
        with self._asking("write", name):
            try:
                self._files.pipe_file(
                    self._path(name), data, chunksize=max(len(data), 1 << 20), mode="create"
                )
            except FileExistsError:
                return False
        return True

    def exists(self, name: str) -> bool:
        """Tell whether the object stands."""
        with self._asking("look up", name):
            return bool(self._files.exists(self._path(name)))

    def names(self, prefix: str) -> list[str]:
        """Return the sorted names of the objects under `prefix`."""
        folder = self._path(prefix.rstrip("/") + "/")
        with self._asking("list", prefix):
            found = self._files.find(folder)
        # where the first object comes while it lists, s3fs names the folder itself
        below = (path for path in found if path.startswith(folder))
        return sorted(path.removeprefix(self._root + "/") for path in below)

    def delete(self, name: str) -> None:
        """Remove the object; a missing one is no error."""
        with self._asking("delete", name), contextlib.suppress(FileNotFoundError):
            self._files.rm_file(self._path(name))

    @contextlib.contextmanager
    def _asking(self, verb: str, name: str) -> Iterator[None]:
        from botocore.exceptions import BotoCoreError

        with _explained(verb, f"{self.uri}/{name}"):
            try:
                yield
            except BotoCoreError as error:
                raise StorageError(
                    f"cannot {verb} {self.uri}/{name}: {error}: check AWS_ENDPOINT_URL and the "
                    "credentials in the environment"
                ) from error


def _link(temporary: Path, path: Path) -> Path | None:
    """Give a file its name and return it; None where another has it: a rename would take it."""
    try:
        os.link(temporary, path)
    except FileExistsError:
        return None
    return path


Storage = LocalStorage | S3Storage


def open_storage(uri: str) -> Storage:
    """Return the storage at a local path or an s3:// address."""
    if uri.startswith("s3://"):
        return S3Storage(uri)
    if not uri:
        raise StorageError("no place is named: give a local path or s3://bucket/prefix")
    if "://" in uri:
        raise StorageError(f"no storage for {uri}: give a local path or s3://bucket/prefix")
    return LocalStorage(Path(uri).resolve())
