"""Runs on S3 whose requests are disturbed, or that are killed at a request."""

import json
import os
import random
import signal
from dataclasses import replace

from radkg.storage import open_storage
from tests.support.faults.s3_proxy import FaultyProxy
from tests.support.runs.fork_server import Ended, Nursery
from tests.support.runs.kills import History, Outcome

PATIENCE_S = 1.0  # of the client; the proxy is silent for longer


class FaultyRuns:
    """Runs of a history behind a proxy, each at a place of its own."""

    def __init__(self, nursery: Nursery, proxy: FaultyProxy, bucket: str) -> None:
        self._nursery = nursery
        self._proxy = proxy
        self._bucket = bucket
        self._places = 0
        self._login = {k: v for k, v in os.environ.items() if k.startswith("AWS_")}

    def requests(self, history: History) -> int:
        """Return how many requests an undisturbed run sends."""
        self._proxy.reset()
        assert self._run(history, self._place(history)).status == 0
        return self._proxy.count

    def pass_through(self, history: History, kind: str, request: int) -> Outcome:
        """Disturb one request; the run must not notice."""
        place = self._place(history)
        self._proxy.reset()
        self._proxy.disturb(kind, request)
        ended = self._run(history, place)
        found = [] if ended.status == 0 else [f"the run ended with {ended}"]
        return self._judge(history, place, found, f"{kind} at request {request}", 0)

    def recover(self, history: History, kind: str, request: int, hint: str) -> Outcome:
        """Disturb every request from one on; the run must say so, and the next one must end it."""
        place = self._place(history)
        self._proxy.reset()
        self._proxy.disturb(kind, request, 10**9)
        ended = self._run(history, place)
        ours = ended.status == 1 and ended.error.startswith("StorageError") and hint in ended.error
        found = [] if ours else [f"the disturbed run ended with {ended}"]
        return self._end(history, place, found, f"{kind} from request {request} on", 1)

    def kill(self, history: History, requests: list[int]) -> Outcome:
        """Kill the run before each of these requests and start it again, and let it end."""
        place = self._place(history)
        hit = 0
        for request in requests:
            self._proxy.reset()
            self._proxy.call_before(request, self._kill)
            hit += self._run(history, place).status == -signal.SIGKILL
        return self._end(history, place, [], f"killed at requests {requests}", hit)

    def _end(
        self, history: History, place: str, found: list[str], what: str, kills: int
    ) -> Outcome:
        self._proxy.reset()
        ended = self._run(history, place)
        found += [] if ended.status == 0 else [f"the last run ended with {ended}"]
        return self._judge(history, place, found, what, kills)

    def _judge(
        self, history: History, place: str, found: list[str], what: str, kills: int
    ) -> Outcome:
        """`kills` counts runs that were ended, one way or another."""
        self._proxy.reset()  # what is late has come
        found += history.problems(open_storage(place))
        repeated = history.repeated_units()
        found += [f"{repeated} units were read twice"] if repeated > kills else []
        return Outcome([f"{history.name}, {what}: {one}" for one in found], kills, repeated)

    def _place(self, history: History) -> str:
        """Return a new place on S3 with what stood before the run, and forget what was read."""
        self._places += 1
        place = f"{self._bucket}/faults-{os.getpid()}-{id(self)}-{self._places}"
        storage = open_storage(place)
        history.read.write_text("")
        if history.before:
            for name in open_storage(str(history.before)).list_names(""):
                storage.write(name, (history.before / name).read_bytes())
        return place

    def _run(self, history: History, place: str) -> Ended:
        patience = {"config_kwargs": {"read_timeout": PATIENCE_S}}
        environment = self._login | {
            "AWS_ENDPOINT_URL": self._proxy.address,
            "AWS_MAX_ATTEMPTS": "3",
            "FSSPEC_S3": json.dumps(patience),
        }
        return self._nursery.run(replace(history.config, out=place), environment=environment)

    def _kill(self) -> None:
        assert self._nursery.pid
        os.kill(self._nursery.pid, signal.SIGKILL)


def chosen(requests: int, seed: str, count: int) -> list[int]:
    """Return `count` different requests out of all."""
    return sorted(random.Random(seed).sample(range(1, requests + 1), count))
