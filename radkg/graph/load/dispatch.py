"""The studies of a load that writers in other processes bring: what they need, what they return.

A study may be brought more than once: its process died, and another stores the same rows again; or
it was taken for dead, and both do. The second transaction takes the lock of the partition, finds
the digest that the first one committed, and changes nothing; after a newer load has begun, or a
retraction, it is refused. So nothing is doubled, whoever runs `bring` again. For the same reason
what a transaction did says little here: numbers are told from what stood when the load began.
"""

from __future__ import annotations

import math
import socket
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from radkg.errors import GraphError
from radkg.graph.load.transactions import Writer, keys_of
from radkg.graph.load.writers import partition
from radkg.graph.opening import connect
from radkg.graph.rows.nested import FORMAT, batches, totals
from radkg.run.retractions import Retained

PIECE_ROWS = 8192  # of a difference, as a published part has on average


class Brought(NamedTuple):
    """What became of some studies that a writer elsewhere brought."""

    digests: Mapping[str, str]
    """by key of study, as they stand now"""
    totals: Mapping[str, int]
    """rows.totals of them"""
    retries: int
    """transactions that were run again"""


@dataclass(frozen=True)
class RemoteLoad:
    """One load, as it travels to the processes that read and bring its studies.

    It holds no login: that is NEO4J_USER and NEO4J_PASSWORD in the environment of each process.
    """

    address: str
    """of the server; it was checked where the load was begun"""
    kept: Retained
    """what is loaded, without what was retracted when the load began"""
    repair: bool
    before: pa.Table
    """rows of studies that differ, as they stand in the graph: such studies are amended"""
    after: pa.Table | None
    """rows to bring; None: those of the whole snapshot"""
    format: int = FORMAT
    """of the rows, where the load was begun"""

    @property
    def num_pieces(self) -> int:
        """How many pieces there are to read."""
        if self.after is None:
            return len(self.kept.snapshot.parts)
        return math.ceil(int(self.after.num_rows) / PIECE_ROWS)

    def read(self, piece: int) -> Iterator[pa.Table]:
        """Yield the rows of one piece, those of each partition of the patients together.

        Args:
            piece: in [0, num_pieces).

        Raises:
            SnapshotError: published bytes were changed, or this machine does not see them.
        """
        if self.after is None:
            snapshot = self.kept.snapshot
            rows = self.kept.retain(snapshot.read_part(snapshot.parts[piece]))
        else:
            rows = self.after.slice(piece * PIECE_ROWS, PIECE_ROWS)
        patients = rows["subject_id"].to_pylist()
        numbers = np.array([partition(f"{self.kept.archive}/{each}") for each in patients])
        for number in np.unique(numbers):
            yield rows.filter(pa.array(numbers == number))

    def bring(self, rows: pa.Table) -> Brought:
        """Bring these studies to what they are to be, over this process's own connection.

        Args:
            rows: a table that `read` gave.

        Raises:
            GraphError: as the load, or this machine has a radkg whose rows have another shape;
                which machine it was stands beside it.
        """
        digests: dict[str, str] = {}
        counted = totals([])
        retries = 0
        try:
            for batch in batches([rows]):
                self._writer.create_concepts(batch)
                retries += self._writer.bring(batch, {}, self.before).retries
                digests |= zip(
                    keys_of(batch), (row["extraction"]["digest"] for row in batch), strict=True
                )
                counted.update(totals(batch))
        except GraphError as error:
            raise type(error)(f"{error} (a writer on {socket.gethostname()})") from error
        return Brought(digests, counted, retries)

    @cached_property
    def _writer(self) -> Writer:
        if self.format != FORMAT:
            raise GraphError("this radkg is not that of the load: install the same on every node")
        # connected as long as its process lives
        return Writer(connect(self.address), self.kept, self.repair)


Spread = Callable[[RemoteLoad], AbstractContextManager[tuple[int, Iterator[Brought]]]]
"""Has all pieces of a load read and brought by other processes.

Gives the number of those that bring, and what became of the studies of each table, exactly once.
"""
