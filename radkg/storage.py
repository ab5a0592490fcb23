"""A tree of named objects, on a local disk or under s3://: whole reads, atomic writes, listings.

A write is seen whole or not at all: a temporary name, fsync and rename on disk; one PUT on S3,
never a rename, which is a copy and a delete there. S3's credentials and endpoint come from the
environment. botocore sends a request that fails in passing (500, 503, no answer) 5 times in all;
AWS_MAX_ATTEMPTS and AWS_RETRY_MODE change that, and the seconds that it waits for a byte
FSSPEC_S3='{"config_kwargs": {"read_timeout": 120}}'.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import secrets
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, BinaryIO, Literal, NamedTuple

from radkg.errors import StorageError
from radkg.private import make_directory, open_new

_TEMPORARY = ".tmp-"
_ATTEMPTS = 5
_TIMEOUTS_S = {"connect_timeout": 10, "read_timeout": 60}  # without a byte


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
        hint = f": {hints[error.errno]}" if error.errno in hints else ""
        raise StorageError(f"cannot {verb} {where}: {error.strerror or error}{hint}") from error


@contextlib.contextmanager
def write_atomically(path: Path) -> Iterator[BinaryIO]:
    """Give a file that replaces `path` when the block ends without an error: whole or not at all.

    Raises:
        StorageError: the file cannot be written; the old one stays.
    """
    with _placing(path, Path.replace) as file:
        yield file


@contextlib.contextmanager
def _placing(path: Path, place: Callable[[Path, Path], object]) -> Iterator[BinaryIO]:
    with _explained("write", str(path)):
        make_directory(path.parent)
        file = _temporary(path.parent)
        temporary = Path(file.name)
        try:
            with file:
                yield file
                file.flush()
                os.fsync(file.fileno())
                place(temporary, path)
        finally:
            temporary.unlink(missing_ok=True)
        directory = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(directory)
        finally:
            os.close(directory)


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
        with write_atomically(self.root / name) as file:
            file.write(data)

    def create(self, name: str, data: bytes) -> bool:
        """Write the object unless its name is taken; return whether it then has these bytes."""
        try:
            with _placing(self.root / name, _link) as file:
                file.write(data)
        except _NameTaken:
            return self.read(name) == data
        return True

    def exists(self, name: str) -> bool:
        """Tell whether the object exists."""
        return (self.root / name).is_file()

    def list_names(self, prefix: str) -> list[str]:
        """Return the sorted names of the objects under directory `prefix`, no temporary files."""
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

    def sweep(self) -> None:
        """Remove the temporary files of killed processes; running processes lock theirs."""
        for path in self.root.rglob(_TEMPORARY + "*"):
            with contextlib.suppress(OSError), path.open("rb") as file:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                path.unlink()


class S3Storage:
    """Objects under s3://bucket/prefix; listings are never cached, so a resumed run sees all."""

    def __init__(self, uri: str) -> None:
        self._root = uri.removeprefix("s3://").rstrip("/")
        self.uri = "s3://" + self._root
        if not self._root.strip("/") or self._root.startswith("/"):
            raise StorageError(f"no bucket in {uri!r}: give s3://bucket/prefix")
        self._files: Any = open_s3()

    def __reduce__(self) -> tuple[type[S3Storage], tuple[str]]:
        return (S3Storage, (self.uri,))  # a client cannot be pickled

    def _path(self, name: str) -> str:
        return f"{self._root}/{name}"

    def read(self, name: str) -> bytes:
        """Return the object's bytes; StorageError where it is missing."""
        with self._explained("read", name):  # one GET: never the pieces of two objects
            return bytes(self._files.cat_file(self._path(name), max_concurrency=1))

    def write(self, name: str, data: bytes) -> None:
        """Write the object with one PUT."""
        with self._explained("write", name):
            self._put(name, data, "overwrite")

    def create(self, name: str, data: bytes) -> bool:
        """Write the object with one PUT that S3 refuses where the name is taken.

        Return whether the object then has these bytes: a PUT whose answer was lost is sent again,
        and meets its own object.
        """
        with self._explained("write", name):
            for left in reversed(range(_ATTEMPTS)):
                try:
                    self._put(name, data, "create")
                    return True
                except OSError as error:
                    code = get_s3_code(error)
                    if code == "PreconditionFailed":
                        break
                    if code != "ConditionalRequestConflict" or not left:
                        raise  # a conflict means that another PUT is under way: try again
        return self.read(name) == data

    def _put(self, name: str, data: bytes, mode: str) -> None:
        whole = max(len(data), 1 << 20)
        self._files.pipe_file(self._path(name), data, chunksize=whole, mode=mode)

    def exists(self, name: str) -> bool:
        """Tell whether the object exists."""
        with self._explained("look up", name):
            return bool(self._files.exists(self._path(name)))

    def list_names(self, prefix: str) -> list[str]:
        """Return the sorted names of the objects under `prefix`."""
        folder = self._path(prefix).rstrip("/") + "/"
        with self._explained("list", prefix):
            found = self._files.find(folder)
        # where the first object comes while it lists, s3fs names the folder itself
        below = (path for path in found if path.startswith(folder))
        return sorted(path.removeprefix(self._root + "/") for path in below)

    def delete(self, name: str) -> None:
        """Remove the object; a missing one is no error."""
        with self._explained("delete", name), contextlib.suppress(FileNotFoundError):
            self._files.rm_file(self._path(name))

    def store_file(self, name: str, path: Path) -> None:
        """Write an object from a file of any size; it is seen when all parts are there."""
        with self._explained("write", name):
            self._files.put_file(str(path), self._path(name))

    def fetch_file(self, name: str, path: Path) -> None:
        """Write an object to a file."""
        with self._explained("read", name):
            self._files.get_file(self._path(name), str(path))

    def sweep(self) -> None:
        """Do nothing: a PUT that is cut off leaves nothing behind."""

    @contextlib.contextmanager
    def _explained(self, verb: str, name: str) -> Iterator[None]:
        def make_error(failure: S3Failure) -> StorageError:
            hint = f": {failure.hint}" if failure.hint else ""
            return StorageError(f"cannot {verb} {self.uri}/{name}: {failure.reason}{hint}")

        with translate_s3_errors(make_error):
            yield


class S3Failure(NamedTuple):
    """What went wrong with S3, in words for a message, and what to do."""

    kind: Literal["missing", "refused", "unreachable", "failing"]
    reason: str
    hint: str  # empty where nothing is there
    error: Exception


@contextlib.contextmanager
def translate_s3_errors(make_error: Callable[[S3Failure], Exception]) -> Iterator[None]:
    """Raise what `make_error` returns in place of any error of s3fs, botocore or aiohttp."""
    from aiohttp import ClientError
    from botocore.exceptions import BotoCoreError

    try:
        yield
    except (OSError, BotoCoreError, ClientError) as error:
        raise make_error(_s3_failure(error)) from error


def _s3_failure(error: Exception) -> S3Failure:
    strerror = error.strerror if isinstance(error, OSError) else None
    reason = str(strerror or error).rstrip(".") or repr(error)
    if isinstance(error, FileNotFoundError):
        return S3Failure("missing", reason, "", error)
    if isinstance(error, PermissionError):
        hint = "renew or check the credentials in the environment, and their rights there"
        return S3Failure("refused", reason, f"{hint}, then run the same command", error)
    if isinstance(error, OSError):
        hint = "run the same command when the store answers again"
        return S3Failure("failing", reason, hint, error)
    hint = "check AWS_ENDPOINT_URL, the network and the credentials in the environment"
    return S3Failure("unreachable", reason, f"{hint}, then run the same command", error)


def open_s3() -> Any:
    """Return a client of the S3 that the environment names; it keeps no listing."""
    import s3fs  # here, for a bare GPU machine has no s3fs
    from fsspec.config import conf

    retries = {"mode": "standard", "total_max_attempts": _ATTEMPTS}
    for key, variable in (("mode", "AWS_RETRY_MODE"), ("total_max_attempts", "AWS_MAX_ATTEMPTS")):
        if variable in os.environ:
            del retries[key]
    configured = conf.get("s3", {}).get("config_kwargs", {})
    settings = {"retries": retries, **_TIMEOUTS_S, **configured}
    files = s3fs.S3FileSystem(
        use_listings_cache=False, skip_instance_cache=True, config_kwargs=settings
    )
    files.retries = 2  # s3fs repeats every retry of botocore: it is needed for torn answers alone
    return files


def get_s3_code(error: OSError) -> str:
    """Return S3's code of an error; not all servers give the reason that s3fs looks for."""
    return str(getattr(error.__cause__, "response", {}).get("Error", {}).get("Code"))


def _temporary(folder: Path) -> BinaryIO:
    """Open a new file that is locked until it is closed, so that nobody sweeps it away."""
    while True:
        file = open_new(folder / (_TEMPORARY + secrets.token_hex(8)))
        with contextlib.suppress(OSError):  # a network disk without locks; nothing is swept there
            fcntl.flock(file, fcntl.LOCK_EX)
        if os.fstat(file.fileno()).st_nlink:  # else a sweep removed it before it was locked
            return file
        file.close()


class _NameTaken(Exception):
    """Another file has this name."""


def _link(temporary: Path, path: Path) -> None:
    """Give a file its name unless another has it: a rename would take it."""
    try:
        os.link(temporary, path)
    except FileExistsError:
        raise _NameTaken from None


Storage = LocalStorage | S3Storage


def open_storage(uri: str) -> Storage:
    """Return the storage at a local path or an s3:// address."""
    if uri.startswith("s3://"):
        return S3Storage(uri)
    if not uri or "://" in uri:
        raise StorageError(f"no storage at {uri!r}: give a local path or s3://bucket/prefix")
    return LocalStorage(Path(uri).resolve())
