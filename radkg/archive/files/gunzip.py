"""A gzip as a stream, uncompressed; one that unfolds without end is refused where that is seen.

Deflate makes a thousand bytes of one at best. Reports and tables give 5 to 20, images hardly 2.
"""

from __future__ import annotations

import gzip
import io
from typing import IO, Any

_FREE = 32 << 20  # bytes that may come of whatever little: a report too large is a row of its own
_MOST = 250  # bytes that may come of one
_STEP = 1 << 20  # bytes that are passed over at once


class Gunzip(io.RawIOBase):
    """The bytes that a gzip holds; one may seek, which is to read from its beginning.

    Reading raises gzip.BadGzipFile, EOFError or zlib.error where it is damaged, the first also
    where it unfolds too far.
    """

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._gzip = gzip.GzipFile(fileobj=file)

    def readable(self) -> bool:
        """Tell that it can be read."""
        return True

    def seekable(self) -> bool:
        """Tell that one may seek."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Fill a buffer as far as one read goes; return the bytes that came."""
        data = self._gzip.read1(len(buffer))
        buffer[: len(data)] = data
        self._check()
        return len(data)

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Go to a byte of what is unfolded, never from the end; return where that led."""
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
    """Return what a gzip holds as a stream; to close it closes the file."""
    return io.BufferedReader(Gunzip(file), 1 << 16)
