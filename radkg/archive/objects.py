"""Small objects of S3, fetched together: one by one, each would wait for its own answer."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from radkg.archive.places import S3Path

_OBJECTS_AT_ONCE, _BYTES_AT_ONCE = 256, 32 << 20


def fetch(paths: Sequence[S3Path]) -> list[bytes | OSError]:
    """Return the bytes of objects, fetched together, or why there are none.

    Raises:
        ArchiveError: S3 does not answer, or refuses.
    """
    from radkg.archive.s3 import asking, client

    found: list[bytes | OSError] = []
    uris = [path.uri for path in paths]
    for uri, data in zip(
        uris, client().cat_ranges(uris, None, None, on_error="return"), strict=True
    ):
        try:
            with asking(uri):
                if isinstance(data, Exception):
                    raise data
            found.append(bytes(data))
        except OSError as error:
            found.append(error)
    return found


def batches(sizes: Sequence[int]) -> Iterator[range]:
    """Yield runs of numbers of objects that are fetched together, by their sizes in bytes."""
    start = held = 0
    for i, size in enumerate(sizes):
        if i > start and (i - start == _OBJECTS_AT_ONCE or held + size > _BYTES_AT_ONCE):
            yield range(start, i)
            start, held = i, 0
        held += size
    if start < len(sizes):
        yield range(start, len(sizes))
