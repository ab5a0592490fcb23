"""The service on Ray Serve: replicas of `radkg.service`, each with models of its own.

`app` is the builder that a RayService manifest or `serve run` names: `radkg.cluster.serve:app`.
A replica is the whole service, queue, bounds and token included; Serve brings requests to replicas
and puts another replica in the place of one that is gone.

Serve's proxy must be ready within RAY_SERVE_PROXY_READY_CHECK_TIMEOUT_S, 5 s by default, or it is
ended and started anew, on a busy machine for ever: `serve_on_ray` asks for a minute, and a cluster
that is started elsewhere must have the variable in the environment of its head.
"""

from __future__ import annotations

import contextlib
import dataclasses
import os
import signal
import threading
from collections.abc import Callable, Mapping
from typing import Any

from ray import serve
from ray.serve import Application
from ray.serve.schema import LoggingConfig
from starlette.types import ASGIApp

from radkg.cluster.board import Board, remove_board
from radkg.cluster.session import join_ray
from radkg.errors import ConfigError
from radkg.service.app import make_app
from radkg.service.models import Models
from radkg.service.settings import ServiceConfig, read_token

_PROXY_READY = "RAY_SERVE_PROXY_READY_CHECK_TIMEOUT_S"
_ELSEWHERE = ("host", "port", "tls_cert", "tls_key", "insecure", "client_timeout")
_NAME = "radkg"
_HEADROOM = 64  # requests beyond the queue that reach a replica, so that it refuses them itself


@serve.deployment(
    # a report may stand in a path or in a traceback: Serve logs neither
    logging_config=LoggingConfig(enable_access_log=False),
    health_check_period_s=5,
    health_check_timeout_s=30,
    graceful_shutdown_timeout_s=90,
)
@serve.ingress()
class Replica:
    """One replica of the service.

    Args:
        settings: of `ServiceConfig`, by name.
        needs_token: whether there must be a token; it comes from the environment of the replica.
    """

    def __init__(self, settings: Mapping[str, Any], *, needs_token: bool) -> None:
        self._config = ServiceConfig.from_mapping(settings)
        self._token = read_token(self._config)
        if needs_token and self._token is None:
            raise ConfigError(
                "the service on Ray needs a token: set RADKG_TOKEN, or token_file, for the replicas"
            )
        self._models = Models(self._config)
        self._board = Board(self._models.metrics)

    def __serve_build_asgi_app__(self) -> ASGIApp:
        """Return the application of this replica, which loads its models when it starts."""
        return make_app(self._config, self._token, self._models, self._board.write)

    async def reconfigure(self, user_config: Mapping[str, Any]) -> None:
        """Load the models anew: Serve calls it whenever `user_config` of the manifest changes."""
        if self._models.is_ready:
            await self._models.load_again()

    def check_health(self) -> None:
        """Tell Serve that a replica without a model must be replaced, and leave the metrics.

        Raises:
            RuntimeError: no process of a model is there any more.
        """
        self._board.save()
        if self._models.is_broken:
            raise RuntimeError("no process of the models can be started")


def build_app(args: Mapping[str, Any]) -> Application:
    """Return the application of a RayService manifest; its replicas need a token.

    Args:
        args: settings of `ServiceConfig` by name, and `replicas` (default 1), and `cpus` and `gpus`
            of a replica. Address, port, TLS and slow clients are Serve's own affair.

    Raises:
        ConfigError: a setting is unknown or has no such value.
    """
    return _bind(args, needs_token=True)


app = build_app
"""what a manifest names: `radkg.cluster.serve:app`"""


def _bind(args: Mapping[str, Any], *, needs_token: bool) -> Application:
    settings = dict(args)
    replicas = int(settings.pop("replicas", 1))
    cpus, gpus = float(settings.pop("cpus", 1)), float(settings.pop("gpus", 0))
    if others := [name for name in _ELSEWHERE if name in settings]:
        raise ConfigError(f"{', '.join(others)}: the http_options of Serve say that")
    config = ServiceConfig.from_mapping(settings)
    deployment: Any = Replica  # what its decorator makes of a class has no type
    application: Application = deployment.options(
        num_replicas=replicas,
        max_ongoing_requests=config.queue + config.workers * config.batch + _HEADROOM,
        ray_actor_options={"num_cpus": cpus, "num_gpus": gpus},
    ).bind(settings, needs_token=needs_token)
    return application


def serve_on_ray(config: ServiceConfig, replicas: int, ready: Callable[[str], object]) -> None:
    """Serve on the Ray that runs, that RAY_ADDRESS names, or that is started here, until a signal.

    Args:
        config: what to serve; its workers are those of one replica.
        replicas: how many.
        ready: called with the address once the service answers.

    Raises:
        ClusterError: Ray cannot be started or joined.
        ConfigError: other machines could ask without a token, or TLS is wanted of Serve.
    """
    read_token(config)
    if config.tls_cert is not None:
        raise ConfigError("--tls-cert with --runner ray: let a proxy in front of Serve encrypt")
    os.environ.setdefault(_PROXY_READY, "60")
    changed = {
        field.name: str(value) if field.name == "token_file" else value
        for field in dataclasses.fields(config)
        if (value := getattr(config, field.name)) != field.default and field.name not in _ELSEWHERE
    }
    with join_ray():
        serve.start(http_options={"host": config.host, "port": config.port})
        application = _bind(changed | {"replicas": replicas}, needs_token=not config.is_local)
        serve.run(application, name=_NAME, route_prefix="/")
        ready(f"http://{config.host}:{config.port}/")
        with contextlib.suppress(KeyboardInterrupt):
            _wait_for_signal()
        serve.shutdown()  # type: ignore[no-untyped-call]
        remove_board(_NAME)


def _wait_for_signal() -> None:
    """Wait for SIGINT or SIGTERM."""
    ended = threading.Event()
    before = {
        number: signal.signal(number, lambda *_: ended.set())
        for number in (signal.SIGINT, signal.SIGTERM)
    }
    try:
        while not ended.wait(1):
            pass
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
