"""The writers of a load as Ray actors, fed by Ray Data: published parts are read on the workers.

One pool of actors writes the whole load, beside one that reads. One row is the studies of one
patient partition of one part, and one call of a writer: partitions come in turn, so that writers
seldom wait for each other's locks. An actor that dies is replaced and its row written again, which
changes nothing where it was written (graph/load/dispatch.py says why); each row's answer reaches
the driver once.

Nothing secret travels: Ray shows runtime environments and arguments to whoever may look at it. The
login of the graph comes from the environment of the workers, as S3's keys do.
"""

from __future__ import annotations

import contextlib
import pickle
from collections.abc import Iterator
from typing import Any, Protocol, TypeVar

import pyarrow as pa
import ray
import ray.data
from ray.exceptions import RayError

from radkg.cluster.latecomers import send_whole
from radkg.cluster.pools import Room, get_room, watch_room
from radkg.cluster.session import join_ray, show_no_bars
from radkg.errors import ClusterError, RadkgError

MAX_WRITERS = 8  # as many as there are partitions of patients
_CPUS = 0.5  # of a writer, which waits for the server
_READER_CPUS = 0.25  # not those of a writer, or Ray Data would make one actor of both

T_co = TypeVar("T_co", covariant=True)
T = TypeVar("T")


class Load(Protocol[T_co]):
    """What is read and written; it pickles."""

    @property
    def num_pieces(self) -> int:
        """How many pieces there are to read."""

    def read(self, piece: int) -> Iterator[pa.Table]:
        """Yield the studies of one piece, those that one writer is to have together."""

    def write(self, rows: pa.Table) -> T_co:
        """Write studies that `read` gave; doing so again must change nothing."""


@contextlib.contextmanager
def start_writer_actors(
    load: Load[T], number: int | None = None
) -> Iterator[tuple[int, Iterator[T]]]:
    """Have all pieces of a load read by tasks and written by actors.

    Args:
        load: what is to be written.
        number: of actors; None: one for each CPU but one, and MAX_WRITERS at most.

    Returns:
        The number of actors, which is smaller where the cluster has not enough CPUs, and what
        `load.write` returned for each table, in whatever order.

    Raises:
        ClusterError: Ray could not start, or lost the load: the same command does the rest.
        RadkgError: reading or writing raised it.
    """
    with join_ray(), watch_room(Room(1, 0)):
        show_no_bars()
        cpus = get_room().cpus
        wanted = number or min(cpus - 1, MAX_WRITERS)
        actors = max(1, min(wanted, int(cpus / _CPUS) - 1))  # a reader needs a place too
        yield actors, _write_pieces(load, actors)


def _write_pieces(load: Load[T], actors: int) -> Iterator[T]:
    """Yield what became of each table."""
    shared = ray.put(load)  # once a machine, however many processes look at it
    pieces: ray.data.Dataset = ray.data.from_arrow(
        [pa.table({"piece": [piece]}) for piece in range(load.num_pieces)]
    )
    # Each table a block of its own: those of a part would be one call. To repartition them takes a
    # whole CPU, which writers may have taken: then Ray Data would wait for it for ever.
    pieces.context.target_max_block_size = 1  # bytes
    reader, args = send_whole(_ReaderActor, shared)
    read = pieces.map_batches(
        reader,
        fn_constructor_args=args,
        batch_size=1,
        batch_format="pyarrow",
        compute=ray.data.ActorPoolStrategy(min_size=1, max_size=actors),
        num_cpus=_READER_CPUS,
    )
    writer, args = send_whole(_WriterActor, shared)
    written = read.map_batches(
        writer,
        fn_constructor_args=args,
        batch_size=1,
        batch_format="pyarrow",
        compute=ray.data.ActorPoolStrategy(size=actors, max_tasks_in_flight_per_actor=2),
        num_cpus=_CPUS,  # a dead actor comes back for ever: published rows poison none
    )
    try:
        for row in written.iter_rows():
            outcome = pickle.loads(row["outcome"])
            if isinstance(outcome, RadkgError):
                raise outcome
            yield outcome
    except RayError as error:
        raise ClusterError(
            f"Ray lost the load: {error}: what is stored stands, run the same command again"
        ) from error


class _ReaderActor:
    """Ray Data's view of what reads: a piece comes in, its tables go out."""

    def __init__(self, shared: Any) -> None:
        self._load = ray.get(shared)

    def __call__(self, batch: pa.Table) -> Iterator[pa.Table]:
        """Yield one row for each table of a piece: its bytes, or the error that there was."""
        (piece,) = batch["piece"].to_pylist()
        try:
            for rows in self._load.read(piece):
                sink = pa.BufferOutputStream()
                with pa.ipc.new_stream(sink, rows.schema) as writer:
                    writer.write_table(rows)
                yield _row(sink.getvalue().to_pybytes(), None)
        except RadkgError as error:
            yield _row(None, pickle.dumps(error))


def _row(rows: bytes | None, outcome: bytes | None) -> pa.Table:
    columns = {"rows": pa.array([rows], pa.binary()), "outcome": pa.array([outcome], pa.binary())}
    return pa.table(columns)


class _WriterActor:
    """Ray Data's view of a writer: a table comes in, what became of it goes out.

    An error of ours travels as data: Ray would hand the driver its traceback as text only.
    """

    def __init__(self, shared: Any) -> None:
        self._load = ray.get(shared)

    def __call__(self, batch: pa.Table) -> pa.Table:
        (row,) = batch.to_pylist()
        outcome = row["outcome"]
        if outcome is None:
            with pa.ipc.open_stream(row["rows"]) as stream:
                rows = stream.read_all()
            try:
                outcome = pickle.dumps(self._load.write(rows))
            except RadkgError as error:
                outcome = pickle.dumps(error)
        return _row(None, outcome)
