"""A queue in front of processes: bounded, batched, and no job is lost by another one."""

from __future__ import annotations

import asyncio
import functools
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from radkg.errors import RadkgError
from radkg.service.child import Child
from radkg.service.metrics import ServiceMetrics
from radkg.service.pool import JobLost, Pool, PoolFull, PoolSettings
from tests.service.workers import make_echo, make_from_file, make_slowly


@asynccontextmanager
async def opened(start: Callable[[], Child], **changes: float) -> AsyncIterator[Pool]:
    settings = {"name": "test", "workers": 1, "batch": 8, "queue": 16, "job_s": 30.0} | changes
    pool = Pool(start, PoolSettings(**settings), ServiceMetrics())  # type: ignore[arg-type]
    await pool.start()
    try:
        yield pool
    finally:
        await pool.stop()


def echo(said: str = "a") -> Callable[[], Child]:
    return functools.partial(Child, make_echo, said)


def test_what_waits_is_one_batch_and_more_than_the_queue_is_refused():
    async def scene() -> None:
        async with opened(echo()) as pool:
            assert pool.facts == "a"
            (lone,) = pool.add(["slow"])
            assert await lone == "a:slow:1"
            (first,) = pool.add(["slow"])
            await asyncio.sleep(0.05)
            rest = pool.add([str(n) for n in range(16)])
            with pytest.raises(PoolFull) as full:
                pool.add(["more"])
            assert 1 <= full.value.retry_after <= 60
            assert await first == "a:slow:1"
            found = await asyncio.gather(*rest)
            assert found == [f"a:{n}:8" for n in range(16)]

    asyncio.run(scene())


def test_a_job_that_ends_or_hangs_its_process_is_lost_alone():
    async def scene() -> None:
        async with opened(echo(), job_s=2.0) as pool:
            before = pool.add(["slow"])
            await asyncio.sleep(0.05)
            jobs = pool.add(["one", "crash", "two", "hang", "three"])
            done = await asyncio.gather(*before, *jobs, return_exceptions=True)
            assert [d for d in done if isinstance(d, str)] == [
                *("a:slow:1", "a:one:1", "a:two:1", "a:three:1"),
            ]
            lost = [d for d in done if isinstance(d, JobLost)]
            assert [each.hung for each in lost] == [False, True]

    asyncio.run(scene())


def test_a_reload_loses_no_job_and_a_bad_model_changes_nothing(tmp_path: Path):
    file = tmp_path / "model"
    file.write_text("old")

    async def scene() -> None:
        async with opened(functools.partial(Child, make_from_file, file), queue=512) as pool:
            stop = asyncio.Event()
            said: list[str] = []

            async def ask() -> None:
                while not stop.is_set():
                    (answer,) = pool.add(["slow"])
                    said.append((await answer).partition(":")[0])

            clients = [asyncio.create_task(ask()) for _ in range(4)]
            file.write_text("new")
            await pool.load_again()
            file.unlink()
            with pytest.raises(RadkgError):
                await pool.load_again()
            (answer,) = pool.add(["x"])
            assert (await answer).startswith("new:")
            stop.set()
            await asyncio.gather(*clients)
            assert set(said) == {"old", "new"}
            assert said == sorted(said, reverse=True)  # never back to the old one

    asyncio.run(scene())


def test_a_pool_that_stops_does_not_wait_for_a_reload():
    kinds = iter([make_echo, make_slowly])

    async def scene() -> None:
        async with opened(lambda: start_next(kinds)) as pool:
            reload = asyncio.create_task(pool.load_again())
            await asyncio.sleep(0.3)
        with pytest.raises(RadkgError, match="ended while it loaded"):
            await reload

    begun = time.monotonic()
    asyncio.run(scene())
    assert time.monotonic() - begun < 60


def start_next(kinds: Iterator[Callable[..., tuple[object, str]]]) -> Child:
    make = next(kinds)
    return Child(make, "a") if make is make_echo else Child(make)
