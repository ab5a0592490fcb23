"""Studies of a load that other processes write: what these need, and what they return.

A study may be written more than once: its process died, and another writes the same rows again; or
it was taken for dead, and both do. The second transaction takes the lock of the partition, finds
the digest that the first one committed, and changes nothing; after a newer load has begun, or a
retraction, it is refused. So nothing is doubled, whoever runs `write` again. For the same reason
what a transaction did says little here: numbers follow from what stood when the load began.
"""

from __future__ import annotations

import math
import socket
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from radkg.errors import GraphError
from radkg.graph.load.transactions import Writer, list_keys
from radkg.graph.load.writers import find_partition
from radkg.graph.opening import connect
from radkg.graph.rows.nested import FORMAT, BatchSizes, batch_rows, count_contents
from radkg.run.retractions import VisibleSnapshot


class WriteResult(NamedTuple):
    """What became of some studies that another process wrote."""

    digests: Mapping[str, str]
    """by key of study, as they stand now"""
    counted: Mapping[str, int]
    """nested.count_contents of them"""
    retries: int
    """transactions that were run again"""


@dataclass(frozen=True)
class RemoteLoad:
    """One load, as it travels to the processes that read and write its studies.

    It holds no login: that is NEO4J_USER and NEO4J_PASSWORD in the environment of each process, as
    NEO4J_CA is, if the server's certificate is of a CA of one's own.
    """

    address: str
    """of the server; it was checked where the load was begun"""
    kept: VisibleSnapshot
    """what is loaded, without what was retracted when the load began"""
    repair: bool
    before: pa.Table
    """rows of studies that differ, as they stand in the graph: such studies are amended"""
    after: pa.Table | None
    """rows to write; None: those of the whole snapshot"""
    sizes: BatchSizes = field(default_factory=BatchSizes)
    format: int = FORMAT
    """of the rows, where the load was begun"""

    @property
    def num_pieces(self) -> int:
        """How many pieces there are to read."""
        if self.after is None:
            return len(self.kept.snapshot.parts)
        return math.ceil(int(self.after.num_rows) / self.sizes.piece_rows)

    def read(self, piece: int) -> Iterator[pa.Table]:
        """Yield the rows of one piece, those of each partition of the patients together.

        Args:
            piece: in [0, num_pieces).

        Raises:
            SnapshotError: published bytes were changed, or this machine does not see them.
        """
        if self.after is None:
            snapshot = self.kept.snapshot
            rows = self.kept.keep_visible(snapshot.read_part(snapshot.parts[piece]))
        else:
            rows = self.after.slice(piece * self.sizes.piece_rows, self.sizes.piece_rows)
        patients = rows["subject_id"].to_pylist()
        numbers = np.array([find_partition(f"{self.kept.archive}/{each}") for each in patients])
        for number in np.unique(numbers):
            yield rows.filter(pa.array(numbers == number))

    def write(self, rows: pa.Table) -> WriteResult:
        """Make the graph hold these studies, over this process's own connection.

        Args:
            rows: a table that `read` gave.

        Raises:
            GraphError: as the load, or this machine has a radkg whose rows have another shape;
                which machine it was stands beside it.
        """
        digests: dict[str, str] = {}
        counted = count_contents([])
        retries = 0
        try:
            for batch in batch_rows([rows], self.sizes):
                self._writer.create_concepts(batch)
                retries += self._writer.write(batch, {}, self.before).retries
                digests |= zip(
                    list_keys(batch), (row["extraction"]["digest"] for row in batch), strict=True
                )
                counted.update(count_contents(batch))
        except GraphError as error:
            raise type(error)(f"{error} (a writer on {socket.gethostname()})") from error
        return WriteResult(digests, counted, retries)

    @cached_property
    def _writer(self) -> Writer:
        if self.format != FORMAT:
            raise GraphError("this radkg is not that of the load: install the same on every node")
        # connected as long as its process lives
        return Writer(connect(self.address), self.kept, self.repair, self.sizes)


Dispatch = Callable[[RemoteLoad], AbstractContextManager[tuple[int, Iterator[WriteResult]]]]
"""Has all pieces of a load read and written by other processes.

Gives the number of those that write, and what became of the studies of each table, exactly once.
"""
