"""A proxy before a real S3 server that disturbs chosen requests, as networks and stores do."""

import contextlib
import http.client
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

# what is done to a request; "answered" faults pass nothing on
ANSWERS = {
    "internal error": (500, "InternalError", "We encountered an internal error."),
    "slow down": (503, "SlowDown", "Please reduce your request rate."),
    "conflict": (409, "ConditionalRequestConflict", "A conflicting operation occurred."),
    "expired": (403, "ExpiredToken", "The provided token has expired."),
}
PASSING = (
    "internal error",
    "slow down",
    "dropped",  # before the server sees it
    "unanswered",  # the server does what it is asked, the client never hears of it
    "late",  # the same, but the server does it after the client has asked again
    "silent",  # no answer within the client's patience, and nothing is done
    "torn request",  # the server gets half of the body
    "torn answer",  # the client gets half of the body
)
LATE_S = 0.5


class FaultyProxy:
    """Passes requests on to `server`, counts them, and disturbs those that `disturb` names."""

    def __init__(self, server: str, patience_s: float) -> None:
        """`patience_s` is how long the client waits for an answer."""
        address = urlsplit(server)
        assert address.hostname
        assert address.port
        self._server = (address.hostname, address.port)
        self._patience_s = patience_s
        self._lock = threading.Lock()
        self._late: list[threading.Thread] = []
        self.count = 0
        self.reset()
        handler = type("Handler", (_Handler,), {"proxy": self})
        self._listener = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self._listener.daemon_threads = True
        self.address = f"http://127.0.0.1:{self._listener.server_address[1]}"
        threading.Thread(target=self._listener.serve_forever, args=(0.05,), daemon=True).start()

    def reset(self) -> None:
        """Wait for what is late, count from 0 again and disturb nothing."""
        for thread in self._late:
            thread.join()
        self._late = []
        self._kind, self._first, self._last = "", 0, 0
        self._before: Callable[[], object] | None = None
        self.count = 0

    def disturb(self, kind: str, first: int, last: int | None = None) -> None:
        """Disturb the requests `first` to `last` (None: that one alone), counted from 1."""
        self._kind, self._first, self._last = kind, first, last or first

    def call_before(self, request: int, act: Callable[[], object]) -> None:
        """Call something before a request is passed on, which it then is not."""
        self._kind, self._first, self._last, self._before = "dropped", request, request, act

    def next_fault(self) -> str:
        """Count a request, and return what is done to it."""
        with self._lock:
            self.count += 1
            if not self._first <= self.count <= self._last:
                return ""
        if self._before:
            self._before()
        return self._kind

    def ask(self, method: str, path: str, headers: Any, body: bytes) -> tuple[int, Any, bytes]:
        """Pass a request on; return status, headers and body."""
        server = http.client.HTTPConnection(*self._server, timeout=60)
        with contextlib.closing(server):
            server.request(method, path, body, dict(headers))
            answer = server.getresponse()
            return answer.status, answer.getheaders(), answer.read()

    def tear(self, method: str, path: str, headers: Any, body: bytes) -> None:
        """Pass on half of a request's body and hang up."""
        server = http.client.HTTPConnection(*self._server, timeout=60)
        with contextlib.closing(server):
            server.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
            for name, value in headers.items():
                server.putheader(name, value)
            server.endheaders(body[: len(body) // 2])

    def ask_late(self, *request: Any) -> None:
        """Pass a request on when the client has given up."""

        def later() -> None:
            time.sleep(LATE_S)
            self.ask(*request)

        thread = threading.Thread(target=later)
        thread.start()
        self._late.append(thread)

    def wait(self) -> None:
        """Wait longer than the client does."""
        time.sleep(1.5 * self._patience_s)

    def close(self) -> None:
        """Hang up."""
        self.reset()
        self._listener.shutdown()
        self._listener.server_close()


@contextlib.contextmanager
def faulty(server: str, patience_s: float = 1.0) -> Iterator[FaultyProxy]:
    """Give a proxy before the server, and close it."""
    proxy = FaultyProxy(server, patience_s)
    try:
        yield proxy
    finally:
        proxy.close()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    proxy: FaultyProxy

    def _serve(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        request = (self.command, self.path, self.headers, body)
        fault = self.proxy.next_fault()
        if fault in ANSWERS:
            self._refuse(*ANSWERS[fault])
            return
        if fault in ("dropped", "late", "silent", "torn request"):
            self.close_connection = True
            if fault == "late":
                self.proxy.ask_late(*request)
            elif fault == "silent":
                self.proxy.wait()
            elif fault == "torn request":
                self.proxy.tear(*request)
            return
        status, headers, answer = self.proxy.ask(*request)
        if fault == "unanswered":
            self.close_connection = True
            return
        self.send_response_only(status)
        for name, value in headers:
            if name.lower() not in ("connection", "transfer-encoding", "content-length"):
                self.send_header(name, value)
        length = next((v for n, v in headers if n.lower() == "content-length"), len(answer))
        self.send_header("Content-Length", str(length))
        self.end_headers()
        if fault == "torn answer":
            answer, self.close_connection = answer[: len(answer) // 2], True
        self.wfile.write(answer)

    def _refuse(self, status: int, code: str, message: str) -> None:
        text = f"<Error><Code>{code}</Code><Message>{message}</Message></Error>".encode()
        self.send_response_only(status)
        self.send_header("Content-Type", "application/xml")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(text)

    do_GET = do_PUT = do_HEAD = do_POST = do_DELETE = _serve  # noqa: N815

    def log_message(self, *_: Any) -> None:
        """Say nothing."""
