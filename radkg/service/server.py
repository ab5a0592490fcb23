"""Listen until a signal: SIGHUP loads the models anew, SIGTERM and SIGINT end the service."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
import socket
from collections.abc import Callable, Iterator

import uvicorn
import uvloop

from radkg.errors import ConfigError
from radkg.service.app import make_app
from radkg.service.models import Models
from radkg.service.protocol import make_protocol
from radkg.service.settings import ServiceConfig, read_token

logger = logging.getLogger(__name__)

_CONNECTIONS = 512
_IDLE_S = 5  # of a connection between two requests


def serve(config: ServiceConfig, ready: Callable[[str], object]) -> None:
    """Serve until SIGINT or SIGTERM; what was begun is answered first.

    Args:
        config: what to serve, and where.
        ready: called with the address once the service answers.

    Raises:
        ConfigError: the address cannot be listened on, or must not be without token or TLS.
        RadkgError: a model cannot be loaded.
    """
    token = read_token(config)
    with (
        listen(config.host, config.port) as listening,
        asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner,
    ):
        runner.run(_serve(config, token, listening, ready))


def listen(host: str, port: int) -> socket.socket:
    """Return a socket that listens.

    Raises:
        ConfigError: the address is no one's of this machine, or the port is taken.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=1024)
    except OSError as error:
        raise ConfigError(f"cannot listen on {host} port {port}: {error}") from error


async def _serve(
    config: ServiceConfig,
    token: str | None,
    listening: socket.socket,
    ready: Callable[[str], object],
) -> None:
    models = Models(config)
    await models.start()
    try:
        server = _Server(_configure(config, make_app(config, token, models)))
        loop = asyncio.get_running_loop()
        reloads: set[asyncio.Task[bool]] = set()

        def reload() -> None:
            logger.info("SIGHUP: the models are loaded anew")
            task = loop.create_task(models.load_again())
            reloads.add(task)
            task.add_done_callback(reloads.discard)

        loop.add_signal_handler(signal.SIGHUP, reload)
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, server.end)
        scheme = "https" if config.tls_cert else "http"
        host, port = listening.getsockname()[:2]
        ready(f"{scheme}://{f'[{host}]' if ':' in host else host}:{port}/")
        await server.serve(sockets=[listening])
    finally:
        await models.stop()


class _Server(uvicorn.Server):
    """Leaves signals to the service."""

    def end(self) -> None:
        """Take no more connections, answer what was begun, and end; at once if told twice."""
        self.force_exit = self.should_exit
        self.should_exit = True

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def _configure(config: ServiceConfig, app: object) -> uvicorn.Config:
    try:
        made = uvicorn.Config(
            app,  # type: ignore[arg-type]
            http=make_protocol(config.client_timeout, _CONNECTIONS),
            ws="none",
            log_config=None,
            access_log=False,  # a path may hold anything
            log_level="warning",
            lifespan="on",
            server_header=False,
            timeout_keep_alive=_IDLE_S,
            timeout_graceful_shutdown=int(config.timeout) + 1,
            ssl_certfile=config.tls_cert,
            ssl_keyfile=config.tls_key,
        )
        made.load()
    except OSError as error:  # of the certificate or the key
        raise ConfigError(f"cannot use --tls-cert and --tls-key: {error}") from error
    return made
