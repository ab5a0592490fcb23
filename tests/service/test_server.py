"""The service as a process: `radkg serve`, its clients slow, large or gone, and its signals."""

from __future__ import annotations

import http.client
import json
import re
import signal
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.runs.demo_run import RADKG, user_environment

EXTRACT = "/v1/extract"
TOKEN = "a-token-of-the-tests"
CANARY = "Quackenbush"


@dataclass(frozen=True)
class Service:
    process: subprocess.Popen[str]
    port: int
    model: Path
    log: Path

    def ask(
        self, report: str, path: str = EXTRACT, token: str = TOKEN
    ) -> tuple[int, http.client.HTTPMessage, dict[str, object]]:
        """Return status, header and answer to a report."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        header = {"content-type": "application/json", "authorization": f"Bearer {token}"}
        connection.request("POST", path, json.dumps({"report": report}), header)
        answer = connection.getresponse()
        try:
            return answer.status, answer.headers, json.loads(answer.read())
        finally:
            connection.close()

    def connect(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.port), timeout=30)


def start(folder: Path, *options: str, **environment: str) -> Service:
    model, log = folder / "model", folder / "log"
    model.write_text("first")
    process = subprocess.Popen(
        [
            *(RADKG, "serve", "--extractor", "tests.service.extractors:told", "--port", "0"),
            *("--json", *options),
        ],
        env=user_environment(RADKG_TEST_MODEL=str(model), **environment),
        stdout=subprocess.PIPE,
        stderr=log.open("w"),
        text=True,
    )
    line = process.stdout.readline()
    assert line, log.read_text()
    return Service(
        process, int(json.loads(line)["address"].rstrip("/").rpartition(":")[2]), model, log
    )


@pytest.fixture(scope="module")
def service(tmp_path_factory) -> Iterator[Service]:
    options = {"--queue": 4, "--batch": 2, "--study-timeout": 4, "--client-timeout": 1}
    started = start(
        tmp_path_factory.mktemp("service"),
        *(str(part) for pair in options.items() for part in pair),
        RADKG_TOKEN=TOKEN,
    )
    yield started
    if started.process.poll() is None:
        started.process.kill()
    started.process.wait()


def test_a_full_queue_is_refused_with_the_time_to_come_back(service):
    with ThreadPoolExecutor(12) as threads:
        done = list(threads.map(service.ask, ["SLOW effusion"] * 12))
    statuses = [status for status, _, _ in done]
    assert set(statuses) == {200, 503}
    assert statuses.count(200) >= 4
    for status, header, answer in done:
        if status == 503:
            assert 1 <= int(header["retry-after"]) <= 60
            assert "too many studies wait" in answer["detail"]
    assert service.ask("effusion")[0] == 200


def test_nothing_is_read_for_a_client_that_is_gone(service):
    def count() -> float:
        connection = http.client.HTTPConnection("127.0.0.1", service.port, timeout=60)
        connection.request("GET", "/metrics", headers={"authorization": f"Bearer {TOKEN}"})
        text = connection.getresponse().read().decode()
        connection.close()
        found = re.search(r"batch_studies_sum\{model=\"extractor\"\} (\S+)", text)
        return float(found[1]) if found else 0.0

    before = count()
    body = json.dumps({"report": "SLOW effusion"}).encode()
    for _ in range(6):
        with service.connect() as connection:
            connection.sendall(
                b"POST /v1/extract HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n"
                b"Content-Type: application/json\r\nAuthorization: Bearer %b\r\n\r\n%b"
                % (len(body), TOKEN.encode(), body)
            )
            time.sleep(0.05)
    assert service.ask("effusion")[0] == 200
    assert count() - before < 7


def test_a_study_that_crashes_or_hangs_costs_itself_alone(service):
    with ThreadPoolExecutor(3) as threads:
        reports = ["SLOW effusion", f"CRASH {CANARY}", "effusion"]
        done = {report: threads.submit(service.ask, report) for report in reports}
    assert [each.result()[0] for each in done.values()] == [200, 500, 200]
    status, _, answer = service.ask(f"HANG {CANARY}")
    assert (status, "--study-timeout 4 s" in answer["detail"]) == (504, True)
    assert service.ask("effusion")[0] == 200


def test_a_slow_header_and_a_slow_body_get_408(service):
    for sent in (b"", b"POST /v1/extract HTTP/1.1\r\nHost: x\r\nX-Slow:"):
        with service.connect() as connection:
            connection.sendall(sent)
            begun = time.monotonic()
            assert connection.recv(100).startswith(b"HTTP/1.1 408")
            assert time.monotonic() - begun < 10
    with service.connect() as connection:
        connection.sendall(
            b"POST /v1/extract HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n"
            b"Content-Type: application/json\r\nAuthorization: Bearer %b\r\n\r\n" % TOKEN.encode()
        )
        threading.Thread(target=drip, args=(connection,), daemon=True).start()
        assert connection.recv(100).startswith(b"HTTP/1.1 408")


def drip(connection: socket.socket) -> None:
    """Send a byte now and then: each of them is in time, and all of them are not."""
    for _ in range(100):
        time.sleep(0.2)
        try:
            connection.sendall(b" ")
        except OSError:
            return


def test_a_header_without_end_gets_431(service):
    with service.connect() as connection:
        connection.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n")
        for _ in range(9):
            connection.sendall(b"X-Long: " + b"x" * 8192 + b"\r\n")
        assert connection.recv(100).startswith(b"HTTP/1.1 431")


@pytest.mark.parametrize("chunked", [False, True])
def test_200_mb_get_413_and_no_memory(service, chunked):
    before = resident_mb(service.process.pid)
    connection = http.client.HTTPConnection("127.0.0.1", service.port, timeout=60)
    header = {"content-type": "application/json", "authorization": f"Bearer {TOKEN}"}
    if not chunked:
        header["content-length"] = str(200 << 20)
    pieces = (b"x" * (1 << 20) for _ in range(200))
    connection.request("POST", EXTRACT, pieces, header, encode_chunked=chunked)
    assert connection.getresponse().status == 413
    connection.close()
    assert resident_mb(service.process.pid) < before + 30


def resident_mb(pid: int) -> float:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    raise AssertionError(pid)


def test_the_models_are_loaded_anew_without_a_lost_request(service):
    stop, done = threading.Event(), []

    def ask() -> None:
        while not stop.is_set():
            status, _, answer = service.ask("effusion")
            done.append((status, answer["model_id"]))

    clients = [threading.Thread(target=ask) for _ in range(2)]
    for client in clients:
        client.start()
    service.model.write_text("second")
    service.process.send_signal(signal.SIGHUP)
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and (not done or done[-1][1] != "second"):
        time.sleep(0.05)
    stop.set()
    for client in clients:
        client.join()
    assert {status for status, _ in done} == {200}
    assert [model for _, model in done].count("second") > 0


def test_sigterm_answers_what_was_begun_and_the_log_holds_no_word(service):
    with ThreadPoolExecutor(1) as threads:
        begun = threads.submit(service.ask, f"SLOW SLOW effusion {CANARY}")
        time.sleep(0.15)
        service.process.send_signal(signal.SIGTERM)
        assert begun.result()[0] == 200
    assert service.process.wait(30) == 0
    log = service.log.read_text()
    assert "ended over" in log
    assert CANARY not in log
    assert "effusion" not in log
    assert TOKEN not in log


def test_it_speaks_tls(tmp_path):
    key, certificate = tmp_path / "key.pem", tmp_path / "cert.pem"
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"),
            *("-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"),
            *("-keyout", str(key), "-out", str(certificate)),
        ],
        check=True,
        capture_output=True,
    )
    token = tmp_path / "token"
    token.write_text(TOKEN + "\n")
    options = ("--tls-cert", str(certificate), "--tls-key", str(key), "--token-file", str(token))
    service = start(tmp_path, *options, "--host", "0.0.0.0")
    try:
        trusted = ssl.create_default_context(cafile=str(certificate))
        connection = http.client.HTTPSConnection("localhost", service.port, context=trusted)
        connection.request("GET", "/healthz")
        assert connection.getresponse().read() == b'{"status":"ok"}'
        with pytest.raises((http.client.HTTPException, OSError)):
            service.ask("effusion")  # unencrypted
    finally:
        service.process.terminate()
        assert service.process.wait(30) == 0


@pytest.mark.parametrize(
    ("options", "environment", "code", "said"),
    [
        (("--host", "0.0.0.0"), {}, 2, "lets other machines ask"),
        (("--host", "0.0.0.0"), {"RADKG_TOKEN": TOKEN}, 2, "--insecure"),
        (("--host", "radkg.example"), {}, 2, "lets other machines ask"),
        ((), {"RADKG_TOKEN": "short"}, 2, "16 to 512"),
        (("--token-file", "/no/such"), {}, 2, "cannot read the token"),
        (("--host", "192.0.2.1", "--insecure"), {"RADKG_TOKEN": TOKEN}, 2, "cannot listen"),
        (("--tls-cert", "/no/such"), {}, 2, "--tls-key"),
        (("--queue", "0"), {}, 2, "--queue must be at least 1"),
        (("--timeout", "nan"), {}, 2, "--timeout is more than 0"),
        (("--extractor", "nothing"), {}, 1, "no extractor 'nothing'"),
    ],
)
def test_what_must_not_start_says_why(monkeypatch, capfd, options, environment, code, said):
    from radkg.cli.app import app, run

    monkeypatch.delenv("RADKG_TOKEN", raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(SystemExit) as end:
        run(app, ["serve", "--port", "0", *options])
    assert (end.value.code, said in " ".join(capfd.readouterr().err.split())) == (code, True)
