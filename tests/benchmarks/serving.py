"""Requests a second of `radkg serve` against the bare extractor at the same batch, in one run.

    python -m tests.benchmarks.serving --extractor onepass --studies 1600

Both read the same reports in turns, a part each, so that what else the machine does slows both. The
bare extractor reads studies that are parsed already, in batches of the mean size that the service
had, in one process with one thread; the service has one process for its model too, and beside it
the one that speaks HTTP. Every report is another one: its sentences are those of Open-i, with a
number put in. Prints one JSON.
"""

import argparse
import asyncio
import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from datetime import UTC, datetime
from subprocess import PIPE

import psutil
import uvloop

from tests.support.runs.demo_run import RADKG, user_environment

CONCURRENCIES = (1, 16, 64, 256)
PARTS = 8  # at most; a part has every client send two requests at least
_BARE = """
import json, sys, time
from radkg.archive.formats.given import read_given_study
from radkg.extractor import extract_rows, load_extractor
studies = [read_given_study(row) for row in json.load(open(sys.argv[2]))]
extractor = load_extractor(sys.argv[1])
extract_rows(extractor, [read_given_study({"study_id": "w", "report": "Warm. No effusion."})])
print("ready", flush=True)
for line in sys.stdin:
    first, last, size = map(int, line.split())
    begun, cpu = time.perf_counter(), time.process_time()
    for start in range(first, last, size):
        extract_rows(extractor, studies[start : min(last, start + size)])
    print(time.perf_counter() - begun, time.process_time() - cpu, flush=True)
"""


def write_reports(count: int) -> list[dict[str, str]]:
    """Return rows of a table, each with a report of its own."""
    from radkg.archive import open_archive
    from radkg.schema.records import Study

    archive = open_archive("openi")
    records = archive.index().to_pylist()
    texts = [s.report for s in archive.read(records) if isinstance(s, Study) and s.report]
    rows = []
    for number in range(count):
        report = re.sub(r"(?<=\w)\.", f" {number}.", texts[number % len(texts)])
        rows.append({"study_id": f"b{number}", "report": report})
    return rows


class Client(asyncio.Protocol):
    """One connection that sends the next request when the last one is answered."""

    def __init__(self, requests: list[bytes], seconds: list[float], done: asyncio.Event) -> None:
        self.requests, self.seconds, self.done = requests, seconds, done
        self.buffer, self.missing = b"", -1

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        self.transport = transport
        self.send_next()

    def send_next(self) -> None:
        if not self.requests:
            self.transport.close()
            return
        self.begun = time.perf_counter()
        self.transport.write(self.requests.pop())

    def data_received(self, data: bytes) -> None:
        if self.missing < 0:
            self.buffer += data
            head, end, rest = self.buffer.partition(b"\r\n\r\n")
            if not end:
                return
            assert head.startswith(b"HTTP/1.1 200"), self.buffer[:300]
            length = re.search(rb"(?i)content-length: (\d+)", head)
            assert length
            self.missing = int(length[1]) - len(rest)
        else:
            self.missing -= len(data)
        if not self.missing:
            self.buffer, self.missing = b"", -1
            self.seconds.append(time.perf_counter() - self.begun)
            self.send_next()

    def connection_lost(self, exc: Exception | None) -> None:
        self.done.set()


async def load_service(
    port: int, bodies: list[bytes], concurrency: int, seconds: list[float]
) -> float:
    """Send every request once, so many at a time; note what each took, return what all took."""
    head = b"POST /v1/extract HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
    requests = [head + b"Content-Length: %d\r\n\r\n" % len(b) + b for b in reversed(bodies)]
    loop = asyncio.get_running_loop()
    ends = [asyncio.Event() for _ in range(concurrency)]
    begun = time.perf_counter()
    for done in ends:
        await loop.create_connection(
            lambda done=done: Client(requests, seconds, done), "127.0.0.1", port
        )
    await asyncio.gather(*(done.wait() for done in ends))
    return time.perf_counter() - begun


def read_batches(port: int) -> tuple[float, float]:
    """Return how many batches there were, and of how many studies."""
    text = urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics").read().decode()
    name = r"radkg_service_batch_studies_{}\{{model=\"extractor\"\}} (\S+)"
    count, total = (re.search(name.format(part), text) for part in ("count", "sum"))
    return float(count[1]) if count else 0.0, float(total[1]) if total else 0.0


def list_processes(pid: int) -> dict[str, psutil.Process]:
    """Return the process that speaks HTTP and the one of the model."""
    http = psutil.Process(pid)
    model = max(http.children(), key=lambda each: each.memory_info().rss)
    return {"http": http, "model": model}


def measure_cpu(processes: dict[str, psutil.Process]) -> dict[str, float]:
    """Return the CPU seconds that each process has used."""
    return {name: sum(each.cpu_times()[:2]) for name, each in processes.items()}


def measure(extractor: str, rows: list[dict[str, str]], concurrency: int) -> dict[str, object]:
    """Let a service and the bare extractor read the same, in turns."""
    environment = user_environment(OMP_NUM_THREADS="1")
    command = [RADKG, "serve", "--extractor", extractor, "--port", "0", "--queue", "512", "--json"]
    bodies = [json.dumps(row).encode() for row in rows]
    begun = time.perf_counter()
    with (
        tempfile.NamedTemporaryFile("w", suffix=".json") as file,
        subprocess.Popen(command, env=environment, stdout=PIPE, text=True) as service,
    ):
        assert service.stdout
        address = json.loads(service.stdout.readline())["address"]
        start_s = time.perf_counter() - begun
        port = int(address.rstrip("/").rpartition(":")[2])
        json.dump(rows, file)
        file.flush()
        bare = subprocess.Popen(
            [sys.executable, "-c", _BARE, extractor, file.name],
            env=environment,
            stdin=PIPE,
            stdout=PIPE,
            text=True,
        )
        assert bare.stdin
        assert bare.stdout
        assert bare.stdout.readline() == "ready\n"
        processes = list_processes(service.pid)
        before = measure_cpu(processes)
        parts = max(1, min(PARTS, len(rows) // (2 * concurrency)))
        seconds: list[float] = []
        service_s, bare_s, bare_cpu_s = 0.0, 0.0, 0.0
        batches, studies = read_batches(port)
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            for part in range(parts):
                first, last = (len(rows) * n // parts for n in (part, part + 1))
                loaded = load_service(port, bodies[first:last], concurrency, seconds)
                service_s += runner.run(loaded)
                now = read_batches(port)
                size = round((now[1] - studies) / (now[0] - batches))
                batches, studies = now
                bare.stdin.write(f"{first} {last} {max(1, size)}\n")
                bare.stdin.flush()
                took, cpu = map(float, bare.stdout.readline().split())
                bare_s, bare_cpu_s = bare_s + took, bare_cpu_s + cpu
        used = {name: cpu - before[name] for name, cpu in measure_cpu(processes).items()}
        memory = {n: round(each.memory_info().rss / 2**20) for n, each in processes.items()}
        bare.stdin.close()
        bare.wait()
        service.terminate()
        service.wait()
    assert len(seconds) == len(rows)
    cuts = statistics.quantiles(seconds, n=100)
    return {
        "concurrency": concurrency,
        "rate": round(len(rows) / service_s, 1),
        "p50_ms": round(1000 * cuts[49]),
        "p99_ms": round(1000 * cuts[98]),
        "mean_batch": round(studies / batches, 1),
        "bare_rate": round(len(rows) / bare_s, 1),
        "ratio": round(bare_s / service_s, 3),
        "cpu_ms": {
            "bare": round(1000 * bare_cpu_s / len(rows), 2),
            **{name: round(1000 * cpu / len(rows), 2) for name, cpu in used.items()},
        },
        "start_s": round(start_s, 1),
        "memory_mb": memory,
    }


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--extractor", default="onepass")
    parser.add_argument("--studies", type=int, default=1600)
    parser.add_argument("--concurrency", type=int, nargs="*", default=list(CONCURRENCIES))
    options = parser.parse_args()
    rows = write_reports(options.studies)
    few = rows[: max(1, len(rows) // 8)]  # one at a time takes as long as many
    print(
        json.dumps(
            {
                "date": datetime.now(UTC).isoformat(timespec="minutes"),
                "extractor": options.extractor,
                "cores": os.cpu_count(),
                "load": os.getloadavg()[0],
                "runs": [
                    measure(options.extractor, few if each == 1 else rows, each)
                    for each in options.concurrency
                ],
            },
            indent=1,
        )
    )


if __name__ == "__main__":
    main()
