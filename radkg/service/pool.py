"""Jobs to processes: a bounded queue in front, batches as large as what waits, and no job twice.

A batch is taken as soon as a process is free, so a lone job waits for nobody, and under load a
batch holds all that came meanwhile. Where a batch ends its process, each of its jobs is done again
alone: only the one that ends its process again is lost.
"""

from __future__ import annotations

import asyncio
import logging
import math
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from radkg.errors import RadkgError
from radkg.run.isolation import Limits
from radkg.service.child import Child, ChildEnded
from radkg.service.metrics import ServiceMetrics

logger = logging.getLogger(__name__)

_LONGEST_WAIT_S = 60  # that a client is told
_PAUSE_S = (1, 2, 5, 10, 30)  # between attempts to start a process


class PoolFull(Exception):
    """More jobs wait than may; `retry_after` says in how many seconds there may be room."""

    def __init__(self, retry_after: int) -> None:
        super().__init__(f"try again in {retry_after} s")
        self.retry_after = retry_after


class JobLost(Exception):
    """A job ended its process, or took longer than it may (`hung`)."""

    def __init__(self, *, hung: bool) -> None:
        super().__init__("hung" if hung else "ended")
        self.hung = hung


@dataclass(slots=True)
class _Job:
    what: Any
    answer: asyncio.Future[Any]
    is_alone: bool = False


@dataclass(frozen=True, kw_only=True)
class PoolSettings:
    """How many processes, and how much for each."""

    name: str
    """of the model, in metrics and logs"""
    workers: int
    batch: int
    queue: int
    """most jobs that wait"""
    job_s: float
    """seconds of one job alone"""


class Pool:
    """Processes of one kind; use it from one event loop.

    Args:
        start_child: starts a process.
        settings: how many, and how much for each.
        metrics: what counts.
    """

    def __init__(
        self, start_child: Callable[[], Child], settings: PoolSettings, metrics: ServiceMetrics
    ) -> None:
        self._start_child = start_child
        self.name = settings.name
        self._settings = settings
        self._waiting: deque[_Job] = deque()
        self._news = asyncio.Event()
        self._threads = ThreadPoolExecutor(2 * settings.workers + 1, f"radkg-{settings.name}")
        self._tasks: list[asyncio.Task[None]] = []
        self._generation = 0
        self._job_s = 0.05  # of recent jobs, for Retry-After
        self._metrics = metrics
        self._ready = metrics.ready.labels(settings.name)
        self._ready.set(0)
        self._starting: set[Child] = set()
        self._is_stopped = False
        self._is_broken = True
        self.ready = 0
        """processes that wait for work or do some"""
        self.facts: Any = None
        """of the processes that started last"""
        metrics.waiting.labels(settings.name).set_function(lambda: len(self._waiting))

    async def start(self) -> None:
        """Start the processes, and wait until all are ready.

        Raises:
            RadkgError: one cannot be started.
        """
        children = await self._start_children()
        self._run(children)

    async def load_again(self) -> None:
        """Start new processes, then let the old ones finish what they have in hand and end.

        Raises:
            RadkgError: a new one cannot be started; the old ones go on.
        """
        children = await self._start_children()
        old = self._tasks
        self._generation += 1
        self._run(children)
        self._news.set()
        await asyncio.gather(*old)

    async def stop(self) -> None:
        """End the processes; what still waits is lost."""
        self._is_stopped = True
        self._generation += 1
        self._news.set()
        for child in list(self._starting):  # of a reload: nobody needs them any more
            child.interrupt()
        await asyncio.gather(*self._tasks)
        for job in self._waiting:
            job.answer.cancel()
        self._threads.shutdown(wait=False)

    @property
    def is_broken(self) -> bool:
        """Whether there is no process, and none could be started."""
        return self._is_broken and not self.ready

    def add(self, jobs: Sequence[Any]) -> list[asyncio.Future[Any]]:
        """Return the futures of jobs, which raise JobLost.

        Raises:
            PoolFull: not all of them can wait, or no process can be started.
        """
        if len(self._waiting) + len(jobs) > self._settings.queue:
            self._forget_abandoned()
        free = self._settings.queue - len(self._waiting)
        if len(jobs) > free or self.is_broken:
            raise PoolFull(self._estimate_wait(len(jobs)))
        made = [self._make_job(what) for what in jobs]
        self._waiting.extend(made)
        self._news.set()
        return [job.answer for job in made]

    def add_first(self, what: Any) -> asyncio.Future[Any]:
        """Return the future of a job that belongs to one that was taken in: it waits for nobody."""
        job = self._make_job(what)
        self._waiting.appendleft(job)
        self._news.set()
        return job.answer

    def _forget_abandoned(self) -> None:
        """Take out jobs for whose answers nobody waits any more."""
        kept = [job for job in self._waiting if not job.answer.done()]
        self._waiting.clear()
        self._waiting.extend(kept)

    def _make_job(self, what: Any) -> _Job:
        return _Job(what, asyncio.get_running_loop().create_future())

    def _estimate_wait(self, more: int) -> int:
        seconds = (len(self._waiting) + more) * self._job_s / max(1, self.ready)
        return min(_LONGEST_WAIT_S, max(1, math.ceil(seconds)))

    async def _start_children(self) -> list[Child]:
        loop = asyncio.get_running_loop()
        starts = [
            loop.run_in_executor(self._threads, self._start_one)
            for _ in range(self._settings.workers)
        ]
        done = await asyncio.gather(*starts, return_exceptions=True)
        children = [each for each in done if isinstance(each, Child)]
        for error in done:
            if isinstance(error, BaseException):
                for child in children:
                    child.stop()
                raise error
        self.facts = children[0].facts
        return children

    def _start_one(self) -> Child:
        """Return a process that is ready; called in a thread."""
        child = self._start_child()
        self._starting.add(child)
        try:
            if self._is_stopped:
                child.interrupt()
            child.load()
        finally:
            self._starting.discard(child)
        return child

    def _run(self, children: Sequence[Child]) -> None:
        self._is_broken = False
        self._count(len(children))
        self._tasks = [
            asyncio.create_task(self._work(child, self._generation)) for child in children
        ]

    async def _work(self, child: Child, generation: int) -> None:
        """Give a process one batch after the other, until another generation takes its place."""
        try:
            while jobs := await self._take(generation):
                if not await self._do(child, jobs):
                    self._count(-1)
                    replaced = await self._restart(generation)
                    self._count(1)
                    if replaced is None:
                        return
                    child = replaced
        finally:
            self._count(-1)
        await asyncio.get_running_loop().run_in_executor(self._threads, child.finish)

    async def _take(self, generation: int) -> list[_Job]:
        """Return the next jobs; none where the process is to end."""
        while generation == self._generation:
            jobs: list[_Job] = []
            while self._waiting and len(jobs) < self._settings.batch:
                if jobs and (jobs[0].is_alone or self._waiting[0].is_alone):
                    break
                job = self._waiting.popleft()
                if not job.answer.done():  # else nobody waits for it any more
                    jobs.append(job)
            if jobs:
                return jobs
            self._news.clear()
            await self._news.wait()
        return []

    async def _do(self, child: Child, jobs: list[_Job]) -> bool:
        """Do a batch; return whether the process is still there."""
        name, begun = self._settings.name, time.perf_counter()
        limit_s = Limits(self._settings.job_s, None).compute_timeout_s(len(jobs))
        loop = asyncio.get_running_loop()
        try:
            whats = [job.what for job in jobs]
            answers = await loop.run_in_executor(self._threads, child.run, whats, limit_s)
        except ChildEnded as ended:
            self._metrics.ended.labels(name).inc()
            logger.warning("%s: a process %s over %d jobs", name, ended, len(jobs))
            self._repeat(jobs, ended)
            return False
        seconds = time.perf_counter() - begun
        self._job_s += (seconds / len(jobs) - self._job_s) / 8
        self._metrics.batches.labels(name).observe(len(jobs))
        self._metrics.batch_seconds.labels(name).observe(seconds)
        for job, answer in zip(jobs, answers, strict=True):
            if not job.answer.done():
                job.answer.set_result(answer)
        return True

    def _repeat(self, jobs: list[_Job], ended: ChildEnded) -> None:
        if len(jobs) == 1:
            if not jobs[0].answer.done():
                jobs[0].answer.set_exception(JobLost(hung=ended.hung))
            return
        for job in reversed(jobs):
            job.is_alone = True
            self._waiting.appendleft(job)

    async def _restart(self, generation: int) -> Child | None:
        """Return another process, however often that has to be tried."""
        loop = asyncio.get_running_loop()
        for attempt in range(1 << 30):
            if generation != self._generation:
                return None
            try:
                child = await loop.run_in_executor(self._threads, self._start_one)
                self._is_broken = False
                return child
            except RadkgError as error:
                self._is_broken = True
                pause = _PAUSE_S[min(attempt, len(_PAUSE_S) - 1)]
                logger.error("%s: %s; again in %d s", self._settings.name, error, pause)
                await asyncio.sleep(pause)
        return None

    def _count(self, change: int) -> None:
        self.ready += change
        self._ready.set(self.ready)
