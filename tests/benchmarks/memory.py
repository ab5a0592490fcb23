"""What a sink that becomes ten times slower does to a run's memory: one JSON.

    python tests/benchmarks/memory.py

The run writes to a real S3 server behind a relay that can wait before it passes a request on.
Compared are the resident memory of driver, workers and Ray, in the middle of a run with the fast
sink and of one with the slow sink, and whether Ray's object store spilled. `slower` is how many
times longer the slow run took, start and publication included.
"""

import argparse
import contextlib
import json
import os
import socket
import statistics
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import ray
from ray._private.internal_api import memory_summary

from radkg.run.settings import ExtractConfig
from tests.support.archives.openi import make_studies, write_tar
from tests.support.faults.s3_server import served_bucket
from tests.support.runs import EXTRACTORS
from tests.support.runs.extracting import extract_on_ray
from tests.support.runs.processes import each_half_second, resident

METHODS = (b"GET ", b"HEAD ", b"PUT ", b"POST ", b"DELETE ")


class Relay:
    """Passes HTTP on to a port of this machine; each request after a wait."""

    def __init__(self, port: int) -> None:
        self._to = ("127.0.0.1", port)
        self.wait_s = 0.0
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            client, _ = self._listener.accept()
            server = socket.create_connection(self._to)
            threading.Thread(target=self._pass, args=(client, server, True), daemon=True).start()
            threading.Thread(target=self._pass, args=(server, client, False), daemon=True).start()

    def _pass(self, source: socket.socket, sink: socket.socket, is_request: bool) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(1 << 20):
                if is_request and data.startswith(METHODS):  # not at every piece of a long one
                    time.sleep(self.wait_s)
                sink.sendall(data)
            sink.shutdown(socket.SHUT_WR)


@contextlib.contextmanager
def sampled() -> Iterator[list[int]]:
    """Collect the resident memory of this process and all below it, twice a second."""
    found: list[int] = []
    with each_half_second(lambda: found.append(resident(os.getpid(), below=True))):
        yield found


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--studies", type=int, default=10_000, help="of each run")
    parser.add_argument("--wait-s", type=float, default=1.0, help="of each request, when slow")
    options = parser.parse_args()
    os.environ["PYTHONPATH"] = os.getcwd()  # of the workers, which need tests.support
    with tempfile.TemporaryDirectory() as folder, served_bucket() as bucket:
        archive = str(write_tar(Path(folder) / "a.tar", make_studies(options.studies), "w"))
        relay = Relay(int(os.environ["AWS_ENDPOINT_URL"].rpartition(":")[2]))
        os.environ["AWS_ENDPOINT_URL"] = f"http://127.0.0.1:{relay.port}"
        ray.init(
            address="local",
            num_cpus=2,
            include_dashboard=False,
            log_to_driver=False,
            object_store_memory=100 << 20,
        )
        found = {}
        seconds = {}
        for name, wait_s in (("warm", 0.0), ("fast", 0.0), ("slow", options.wait_s)):
            relay.wait_s = wait_s
            out = f"{bucket}/{name}"
            config = ExtractConfig(archive=archive, out=out, extractor=f"{EXTRACTORS}:words")
            with sampled() as samples:
                seconds[name] = extract_on_ray(config).seconds
            middle = samples[len(samples) // 4 : 3 * len(samples) // 4] or samples
            found[name] = statistics.median(middle)
        head = ray.get_runtime_context().gcs_address
        spilled = "Spilled" in memory_summary(head, stats_only=True)
        ray.shutdown()
    print(
        json.dumps(
            {
                "studies": options.studies,
                "slower": round(seconds["slow"] / seconds["fast"], 1),
                "seconds": {name: round(value, 1) for name, value in seconds.items()},
                "megabytes": {name: round(value / 1e6) for name, value in found.items()},
                "slow_over_fast_memory": round(found["slow"] / found["fast"], 3),
                "object_store_spilled": spilled,
            }
        )
    )


if __name__ == "__main__":
    main()
