"""Verbs on jobs of a Ray cluster: how one stands, and what it ended with."""

from __future__ import annotations

from typing import Annotated

import typer

from radkg.cli.options import Json
from radkg.cli.output import print_report, show_progress

jobs = typer.Typer(help="Say how a job on a Ray cluster stands, and end with its own exit code.")

Job = Annotated[str, typer.Argument(help="Id of the job, as `ray job submit` prints it.")]


@jobs.command("status")
def show_status(job: Job, as_json: Json = False) -> None:
    """Say how a job stands; end with its exit code, or with 0 while it runs."""
    from radkg.cluster.jobs import read_job

    report = read_job(job)
    print_report(report, as_json)
    raise typer.Exit(report.exit_code or 0)


@jobs.command("wait")
def wait_for_end(job: Job, as_json: Json = False) -> None:
    """Wait until a job has ended, and end with its exit code."""
    from radkg.cluster.jobs import follow_job

    with show_progress()(f"job {job}"):
        report = follow_job(job)
    print_report(report, as_json)
    raise typer.Exit(report.exit_code or 0)
