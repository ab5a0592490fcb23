"""Writers of one load at the same time: each has the patients that a hash gives it.

Threads, not processes: what they wait for is the server, and what is prepared for them is quick.
"""

from __future__ import annotations

import zlib
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

from radkg.graph.rows.nested import GraphRow

PARTITIONS = 8  # of the patients of a load; also the most writers of which each has some
_AHEAD = 2  # batches that wait for a writer: they are large in memory

T = TypeVar("T")
S = TypeVar("S")


def list_locks(ledger: str) -> list[str]:
    """Return the keys of all locks of a load, sorted: of its patients' partitions, and concepts."""
    return [*(f"{ledger}|{number}" for number in range(PARTITIONS)), name_concepts_lock(ledger)]


def name_concepts_lock(ledger: str) -> str:
    """Return the key of the lock of who creates concepts ahead of the writers."""
    return f"{ledger}|concepts"


def name_drafts_lock(archive: str) -> str:
    """Return the key of the lock of who writes drafts of an archive, or removes its studies."""
    return f"{archive}|drafts"


def list_locks_of(ledger: str, batch: Iterable[GraphRow]) -> list[str]:
    """Return the keys of the locks that a transaction over these studies takes, sorted."""
    return sorted({f"{ledger}|{_find_partition(row)}" for row in batch})


def split_by_writer(batch: list[GraphRow], number: int) -> Iterator[tuple[int, list[GraphRow]]]:
    """Yield each of `number` writers with its rows of a batch: by partition, so by patient."""
    shares: list[list[GraphRow]] = [[] for _ in range(number)]
    for row in batch:
        shares[_find_partition(row) % number].append(row)
    return ((writer, share) for writer, share in enumerate(shares) if share)


def write_in_parallel(
    batches: Iterable[tuple[int, list[GraphRow]]], store: Callable[[list[GraphRow]], T], number: int
) -> Generator[T]:
    """Yield what `store` returns for each batch, by its writer, while the next are prepared.

    One writer stores in the thread of the caller, who may stop between two batches.
    """
    if number == 1:
        for _, batch in _prepare_next(batches):
            yield store(batch)
        return
    writers = [ThreadPoolExecutor(1, f"radkg-writer-{each}") for each in range(number)]
    waiting: list[deque[Future[T]]] = [deque() for _ in writers]
    try:
        for which, batch in batches:
            if len(waiting[which]) > _AHEAD:
                yield waiting[which].popleft().result()
            waiting[which].append(writers[which].submit(store, batch))
        for futures in waiting:
            yield from (future.result() for future in futures)
    finally:
        for futures in waiting:
            for future in futures:
                future.cancel()
        for writer in writers:
            writer.shutdown()


def _prepare_next(items: Iterable[S]) -> Iterator[S]:
    """Yield the items; the next one is made in another thread meanwhile."""
    source: Iterator[S | None] = iter(items)
    with ThreadPoolExecutor(1, "radkg-reader") as reader:
        following = reader.submit(next, source, None)
        while (item := following.result()) is not None:
            following = reader.submit(next, source, None)
            yield item


def find_partition(patient: str) -> int:
    """Return the partition of a patient by the key of its node, in [0, PARTITIONS)."""
    return zlib.crc32(patient.encode()) % PARTITIONS


def _find_partition(row: GraphRow) -> int:
    return find_partition(row["patient"]["key"])
