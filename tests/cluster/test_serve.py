"""The service on Ray Serve: two replicas, one of which is killed under load."""

from __future__ import annotations

import http.client
import json
import os
import re
import signal
import subprocess
import threading
import time
from pathlib import Path

import psutil
import pytest

from radkg.errors import ConfigError
from tests.support.ray.head import free_port
from tests.support.runs.demo_run import RADKG, user_environment

TOKEN = "a-token-of-the-tests"
REPLICA = "ray::ServeReplica:radkg:Replica"


def ask(port: int, report: str, token: str = TOKEN) -> tuple[int, dict[str, object]]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    header = {"content-type": "application/json", "authorization": f"Bearer {token}"}
    try:
        connection.request("POST", "/v1/extract", json.dumps({"report": report}), header)
        answer = connection.getresponse()
        body = answer.read()
        is_ours = answer.headers["content-type"].endswith("json")
        return answer.status, json.loads(body) if is_ours else {}
    finally:
        connection.close()


def count_requests(port: int) -> dict[str, float]:
    """Return how many reports each replica has answered, as Prometheus reads it."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    try:
        connection.request("GET", "/metrics", headers={"authorization": f"Bearer {TOKEN}"})
        text = connection.getresponse().read().decode()
    finally:
        connection.close()
    line = r'radkg_service_requests_total\{replica="(\w+)",route="/v1/extract",status="200"\} (\S+)'
    return {replica: float(number) for replica, number in re.findall(line, text)}


def find_replicas(service: subprocess.Popen[str]) -> list[psutil.Process]:
    found = []
    for each in psutil.Process(service.pid).children(recursive=True):
        try:
            if each.cmdline()[:1] == [REPLICA]:
                found.append(each)
        except psutil.Error:
            continue
    return found


@pytest.mark.long
@pytest.mark.ray
@pytest.mark.timeout(600)
def test_a_replica_killed_under_load_loses_nothing_that_was_answered(tmp_path: Path):
    model = tmp_path / "model"
    model.write_text("first")
    port = free_port()
    command = [RADKG, "serve", "--extractor", "tests.service.extractors:told", "--replicas", "2"]
    with (tmp_path / "log").open("w") as log:
        service = subprocess.Popen(
            [*command, "--port", str(port), "--json"],
            env=user_environment(RADKG_TOKEN=TOKEN, RADKG_TEST_MODEL=str(model)),
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
        )
    try:
        assert service.stdout.readline(), (tmp_path / "log").read_text()
        assert ask(port, "effusion", "wrong-token-of-the-tests")[0] == 401
        replicas = find_replicas(service)
        assert len(replicas) == 2
        for _ in range(20):
            assert ask(port, "effusion")[0] == 200
        # whichever replica answers says what both have counted
        wait_until(lambda: sum(count_requests(port).values()) == 20)
        assert len(count_requests(port)) == 2
        stop = threading.Event()
        answered: list[tuple[int, str, dict[str, object]]] = []
        refused: list[int] = []

        def load(client: int) -> None:
            number = 0
            while not stop.is_set():
                report = f"{'x' * (client * 100 + number % 90)} effusion"
                try:
                    status, answer = ask(port, report)
                except (OSError, http.client.HTTPException):
                    refused.append(0)
                    continue
                if status == 200:
                    answered.append((number, report, answer))
                    number += 1
                else:
                    refused.append(status)

        clients = [threading.Thread(target=load, args=(n,)) for n in range(6)]
        for client in clients:
            client.start()
        wait_until(lambda: len(answered) > 60)
        os.kill(replicas[0].pid, signal.SIGKILL)
        after = len(answered)
        wait_until(lambda: len(answered) > after + 60)
        wait_until(lambda: len(find_replicas(service)) == 2)
        stop.set()
        for client in clients:
            client.join()
        for _, report, answer in answered:
            (entity,) = answer["entities"]  # of this report, whole, and of no other one
            assert report[entity["start"] : entity["end"]] == "effusion"
            assert entity["start"] == len(report) - len("effusion")
        assert all(status == 0 or status >= 500 for status in refused)
        assert len(refused) <= len(clients) * 3  # those in the hands of the replica that was killed
        assert ask(port, "effusion")[1]["model_id"] == "first"
    finally:
        service.terminate()
        try:
            assert service.wait(120) == 0
        finally:
            service.kill()
    assert "xxxx" not in (tmp_path / "log").read_text()


def test_numbers_of_a_replica_that_is_gone_go(monkeypatch):
    from radkg.cluster import board

    notes = board.Notes()
    notes.save("one", [])
    assert list(notes.read()) == ["one"]
    monkeypatch.setattr(board, "_KEPT_S", -1.0)
    assert not notes.read()


def wait_until(is_so) -> None:
    deadline = time.monotonic() + 150
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.1)


@pytest.mark.parametrize(
    ("args", "said"),
    [({"port": 8000}, "http_options"), ({"extractr": "x"}, "did you mean 'extractor'")],
)
def test_a_manifest_with_a_wrong_setting_is_refused(args, said):
    from radkg.cluster.serve import app

    with pytest.raises(ConfigError, match=said):
        app(args)


def test_a_manifest_names_its_replicas():
    from radkg.cluster.serve import app

    built = app({"extractor": "rules", "replicas": 3, "cpus": 2, "queue": 100})
    (deployment,) = [built._bound_deployment]
    assert deployment.num_replicas == 3
    assert deployment.ray_actor_options["num_cpus"] == 2
    assert deployment.max_ongoing_requests == 100 + 32 + 64
