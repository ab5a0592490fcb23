"""A gzip as a stream of uncompressed bytes; a gzip that unfolds without end is refused.

Deflate makes a thousand bytes of one at best. Reports and tables give 5 to 20, images hardly 2.
"""

from __future__ import annotations

import gzip
import io
from typing import IO, Any

_FREE = 32 << 20  # uncompressed bytes that any gzip may give, so that a large report is a row
_MOST = 250  # uncompressed bytes per compressed one, of a gzip that gives more than _FREE
_STEP = 1 << 20  # bytes that a seek skips at once


class Gunzip(io.RawIOBase):
    """The bytes that a gzip holds; to seek backwards reads it again from its beginning.

    Reading a damaged gzip raises gzip.BadGzipFile, EOFError or zlib.error; reading one that unfolds
    too far raises gzip.BadGzipFile.
    """

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._gzip = gzip.GzipFile(fileobj=file)

    def readable(self) -> bool:
        """Return True: the stream can be read."""
        return True

    def seekable(self) -> bool:
        """Return True: the stream can seek."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Fill a buffer as far as one read goes; return the number of bytes that it got."""
        data = self._gzip.read1(len(buffer))
        buffer[: len(data)] = data
        self._check()
        return len(data)

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Go to an uncompressed byte, counted from the beginning or from here; return it."""
        target = offset + (self._gzip.tell() if whence == io.SEEK_CUR else 0)
        if target < self._gzip.tell():
            self._gzip.seek(target)
        while (ahead := target - self._gzip.tell()) > 0 and self._gzip.read(min(ahead, _STEP)):
            self._check()
        return self._gzip.tell()

    def close(self) -> None:
        """Close the file too."""
        self._gzip.close()
        self._file.close()
        super().close()

    def _check(self) -> None:
        unfolded, read = self._gzip.tell(), self._file.tell()
        if unfolded > _FREE and unfolded > _MOST * read:
            raise gzip.BadGzipFile(f"{read} of its bytes unfold to {unfolded} or more")


def open_gzip(file: IO[bytes]) -> IO[bytes]:
    """Return the uncompressed bytes of a gzip as a stream; closing the stream closes the file."""
    return io.BufferedReader(Gunzip(file), 1 << 16)
