"""The verb that puts a model behind HTTP: serve."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Annotated

import typer

from radkg.cli.options import (
    ConditionOption,
    DeviceOption,
    EngineOption,
    Extractor,
    Json,
    MaxMemory,
)
from radkg.cli.output import print_json


def serve(
    extractor: Extractor = "small",
    condition: ConditionOption = None,
    reporter: Annotated[
        str | None,
        typer.Option(
            help="Reporter that writes drafts from images, as --reporter of `radkg draft`; "
            "default: no drafts."
        ),
    ] = None,
    device: DeviceOption = "cpu",
    engine: EngineOption = "auto",
    batch_tokens: Annotated[
        int | None,
        typer.Option(help="Tokens that the engine reads at once. Default: its own.", metavar="N"),
    ] = None,
    host: Annotated[
        str,
        typer.Option(
            help="Address to listen on; any but loopback needs a token, and TLS or --insecure."
        ),
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port to listen on; 0: a free one.")] = 8000,
    workers: Annotated[int, typer.Option(help="Number of processes of each model.")] = 1,
    batch: Annotated[int, typer.Option(help="Most studies that a model reads at once.")] = 32,
    queue: Annotated[
        int, typer.Option(help="Most studies that wait, and most studies of one request.")
    ] = 256,
    timeout: Annotated[float, typer.Option(help="Seconds from a request to its answer.")] = 60.0,
    study_timeout: Annotated[
        float, typer.Option(help="Seconds that one study may take a model.")
    ] = 30.0,
    client_timeout: Annotated[
        float, typer.Option(help="Seconds that a header may take to arrive; a body thrice that.")
    ] = 10.0,
    max_memory: MaxMemory = None,
    max_report: Annotated[
        float, typer.Option(help="MiB of a request with one report.", metavar="MIB")
    ] = 1.0,
    max_upload: Annotated[
        float, typer.Option(help="MiB of a request with images, or several reports.", metavar="MIB")
    ] = 64.0,
    token_file: Annotated[
        Path | None,
        typer.Option(
            help="File with the token that clients send; default: the variable RADKG_TOKEN."
        ),
    ] = None,
    tls_cert: Annotated[
        Path | None, typer.Option(help="File with the certificate chain (PEM); default: no TLS.")
    ] = None,
    tls_key: Annotated[
        Path | None, typer.Option(help="File with the private key (PEM) of --tls-cert.")
    ] = None,
    insecure: Annotated[
        bool, typer.Option(help="Listen to other machines unencrypted, behind a proxy that does.")
    ] = False,
    replicas: Annotated[
        int | None,
        typer.Option(
            min=1,
            help="Number of replicas on Ray Serve, on the cluster at RAY_ADDRESS or on a Ray that "
            "is started here; default: no Ray, this process serves.",
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Answer reports and images over HTTP, until Ctrl-C; SIGHUP loads the models anew."""
    values = dict(locals())
    from radkg.service.settings import ServiceConfig

    names = {field.name for field in dataclasses.fields(ServiceConfig)}
    config = ServiceConfig(**{name: value for name, value in values.items() if name in names})

    def ready(address: str) -> None:
        if as_json:
            print_json({"address": address})
        else:
            typer.echo(f"address: {address}\nstop: Ctrl-C; load the models anew: SIGHUP")

    if replicas is not None:
        from radkg.cluster.serve import serve_on_ray

        serve_on_ray(config, replicas, ready)
    else:
        from radkg.service.server import serve as run_service

        run_service(config, ready)
