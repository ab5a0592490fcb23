"""One process that does jobs one after the other; a job that crashes or hangs it costs the process.

The parent starts it with a function that makes its worker; the worker is a callable from a job to
a result. What the process prints goes to stderr.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import sys
from collections.abc import Callable
from multiprocessing.connection import Connection
from typing import Any

from radkg.errors import ClusterError, RadkgError
from radkg.schema.reasons import describe_failure

_THREADS = "OMP_NUM_THREADS"
_GRACE_S = 5.0  # for a process to end by itself

MakeWorker = Callable[..., tuple[Callable[[Any], Any], Any]]
"""returns the worker, and what the parent should know of it"""


class ChildEnded(Exception):
    """The process is no more; `hung`: because it took too long."""

    def __init__(self, *, hung: bool) -> None:
        super().__init__("hung" if hung else "ended")
        self.hung = hung


class Child:
    """A process that makes a worker. Every method blocks: call them in threads.

    Args:
        make: makes the worker in the process; travels there by its name.
        args: its arguments.
    """

    def __init__(self, make: MakeWorker, *args: Any) -> None:
        context = multiprocessing.get_context("spawn")
        self._connection, theirs = context.Pipe()
        self._process = context.Process(target=_serve, args=(theirs, make, args), daemon=True)
        self._process.start()
        theirs.close()
        self.facts: Any = None
        """what the worker says of itself, once it is made"""

    def load(self) -> None:
        """Wait until the worker is made.

        Raises:
            RadkgError: it cannot be made.
        """
        try:
            said = self._connection.recv()
        except (EOFError, OSError):
            self.stop()
            raise ClusterError(
                f"a process of the service ended while it loaded its model (exit status "
                f"{self._process.exitcode}): is the machine out of memory?"
            ) from None
        if isinstance(said, RadkgError):
            self.stop()
            raise said
        self.facts = said

    @property
    def pid(self) -> int:
        """Its number."""
        assert self._process.pid is not None
        return self._process.pid

    def run(self, job: Any, timeout_s: float) -> Any:
        """Return the result of a job.

        Raises:
            ChildEnded: the job ended the process, or took longer and the process was ended.
        """
        try:
            self._connection.send(job)
            if not self._connection.poll(timeout_s):
                self.stop()
                raise ChildEnded(hung=True)
            done, result = self._connection.recv()
        except (EOFError, OSError):
            self.stop()
            raise ChildEnded(hung=False) from None
        if not done:
            self.stop()
            raise ChildEnded(hung=False)
        return result

    def finish(self) -> None:
        """Let the process end: it has nothing in hand."""
        self._connection.close()
        self._process.join(_GRACE_S)
        self.stop()

    def interrupt(self) -> None:
        """End the process while another thread waits for it, which then gets an error."""
        self._process.kill()

    def stop(self) -> None:
        """End the process at once."""
        self._connection.close()
        if self._process.is_alive():
            self._process.kill()
        self._process.join()


def _serve(connection: Connection, make: MakeWorker, args: tuple[Any, ...]) -> None:
    """Be the process: say what the worker is, then do jobs until the parent is gone."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):  # sent to the group: parent acts
        signal.signal(number, signal.SIG_IGN)
    os.environ.setdefault(_THREADS, "1")  # as a worker of a run: sums of floats depend on it
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # stdout is for the data of the command
    with contextlib.suppress(EOFError, BrokenPipeError):
        try:
            work, facts = make(*args)
        except RadkgError as error:
            connection.send(error)
            return
        connection.send(facts)
        while True:
            job = connection.recv()
            try:
                connection.send((True, work(job)))
            except (EOFError, BrokenPipeError):
                raise
            except BaseException as error:  # the parent knows which job it was
                connection.send((False, None))
                sys.stderr.write(f"radkg.service: {describe_failure(error)}\n")
                return
