"""Small objects of S3, fetched together: one by one, each would wait for an answer of its own."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from radkg.archive.files.places import NO_BYTES, S3Path

_OBJECTS_AT_ONCE, _BYTES_AT_ONCE = 256, 32 << 20


def fetch_objects(paths: Sequence[S3Path], sizes: Sequence[int]) -> list[bytes | OSError]:
    """Return the bytes of each object, or the error that says why there are none.

    Args:
        paths: the objects.
        sizes: bytes that each object had when it was listed; of one that has grown one more comes.

    Raises:
        ArchiveUnavailable: S3 does not answer, or refuses.
    """
    from radkg.archive.files.s3 import explain_s3_errors, get_client

    uris = [path.uri for path in paths]
    answers = get_client().cat_ranges(uris, 0, [size + 1 for size in sizes], on_error="return")
    found: list[bytes | OSError] = []
    for uri, size, answer in zip(uris, sizes, answers, strict=True):
        try:
            with explain_s3_errors(uri):
                if isinstance(answer, Exception):
                    raise answer
            found.append(bytes(answer))
        except OSError as error:
            found.append(b"" if error.errno == NO_BYTES and not size else error)
    return found


def group_into_batches(sizes: Sequence[int]) -> Iterator[range]:
    """Yield ranges of indices of objects to fetch together: 256 objects and 32 MiB at most."""
    start = held = 0
    for i, size in enumerate(sizes):
        if i > start and (i - start == _OBJECTS_AT_ONCE or held + size > _BYTES_AT_ONCE):
            yield range(start, i)
            start, held = i, 0
        held += size
    if start < len(sizes):
        yield range(start, len(sizes))
