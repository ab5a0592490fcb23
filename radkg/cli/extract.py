"""Verbs from an archive to what is published: demo, census, plan, extract, nightly."""

from __future__ import annotations

import dataclasses
import os
from pathlib import Path
from typing import Annotated

import typer

from radkg.cli.options import (
    Gate,
    GraphAddress,
    Images,
    Insecure,
    Json,
    Keep,
    Limit,
    MinSupport,
    OnCluster,
    RunnerOption,
    Workers,
    take_draft_config,
    take_extract_config,
)
from radkg.cli.output import (
    keep_stdout_for_data,
    print_json,
    print_report,
    print_table,
    show_progress,
)
from radkg.cli.runners import make_runner, make_writers
from radkg.run.settings import DraftConfig, ExtractConfig

_OF_WORKERS = ("max_failed", "unit_size", "study_timeout", "max_memory", "pseudonymise")
_OF_DEVICES = ("device", "gpus_per_worker", "engine", "batch_tokens")


@take_extract_config(leave_out=(*_OF_WORKERS, *_OF_DEVICES), archive="openi", out="radkg-demo")
def demo(
    config: ExtractConfig,
    graph: GraphAddress = "embedded",
    insecure: Insecure = False,
    runner: RunnerOption = "auto",
    workers: Workers = None,
    as_json: Json = False,
) -> None:
    """Run every step once: extract, load, ask, and write a page to look at."""
    from radkg.verbs.demo import DemoConfig, run_demo

    settings = DemoConfig(extract=config, graph=graph, insecure=insecure)
    with keep_stdout_for_data():
        report = run_demo(settings, make_runner(runner, workers), show_progress())
    if as_json:
        print_json(dataclasses.asdict(report))
        return
    typer.echo(
        f"{report.studies} studies read, {report.rows} rows written, {report.failed} failed, "
        f"in {report.seconds:.0f} s\n"
        f"{report.entities} entities and {report.relations} relations, loaded as "
        f"{report.nodes} nodes and {report.relationships} relationships\n"
        f"page to look at: {report.out}/report.html\n"
        f"triplets (Parquet): {report.out}/snapshot\n"
        f"ask more: radkg query --list; radkg query prevalence --param finding=effusion "
        f"--out {config.out}"
    )


def census(
    archive: Annotated[
        str, typer.Argument(help="Archive to count, as --archive of the other verbs.")
    ],
    images: Images = None,
    as_json: Json = False,
) -> None:
    """Count the studies and images of an archive, and what every exclusion would take away."""
    from radkg.archive import open_archive
    from radkg.archive.census import take_census

    counted = take_census(open_archive(archive, images))
    if as_json:
        print_json(counted.to_dict())
        return
    title = f"{counted.archive}, fingerprint {counted.fingerprint}"
    print_table(["", *counted.splits], counted.list_rows(), title)
    typer.echo("\n".join(counted.list_notes()))


def deid_check(
    archive: Annotated[
        str, typer.Argument(help="Archive to look at, as --archive of the other verbs.")
    ],
    limit: Limit = None,
    places: Annotated[
        Path | None,
        typer.Option(
            help="CSV file for row, class and offsets of each identifier; default: counts alone."
        ),
    ] = None,
    show: Annotated[
        bool,
        typer.Option("--show", help="Identifiers and study ids in the file of --places, too."),
    ] = False,
    as_json: Json = False,
) -> None:
    """Count what identifies a person in the reports of an archive, by class of Safe Harbor."""
    from radkg.verbs.deid_check import DeidConfig, check_archive

    config = DeidConfig(archive=archive, limit=limit, places=places, show=show)
    report = check_archive(config, show_progress())
    if as_json:
        print_json(dataclasses.asdict(report))
        return
    rows = [
        (each.paragraph, each.name, *_show_counts(each.found, each.studies))
        for each in report.classes
    ]
    title = f"{report.with_identifier} of {report.studies} reports hold an identifier"
    print_table(["", "class", "found", "studies"], rows, title)
    typer.echo(f"{report.unreadable} studies could not be read")
    typer.echo("a report in which nothing is found may still hold an identifier")
    if report.places:
        typer.echo(f"places: {report.places}")


def _show_counts(found: int | None, studies: int | None) -> tuple[str, str]:
    return ("not in text", "") if found is None else (str(found), str(studies))


@take_extract_config(leave_out=("study_timeout", "max_memory"))
def plan(
    config: ExtractConfig,
    sample: Annotated[
        int, typer.Option(help="Number of studies to read here, to measure.", metavar="N")
    ] = 256,
    workers: Annotated[
        int | None,
        typer.Option(help="Number of cores, or GPUs, of the run; default: this machine's cores."),
    ] = None,
    price: Annotated[
        float | None,
        typer.Option(help="Price of one worker's hour, in any currency; default: no cost is said."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Say what `extract` with the same options would do, refuse, take and cost."""
    from radkg.run.planning import forecast, make_plan, save_forecast
    from radkg.run.run import Run

    run = Run(config.out)
    os.environ.setdefault("OMP_NUM_THREADS", "1")  # as a worker has it, one core each
    with keep_stdout_for_data():
        found = forecast(
            make_plan(config, run.storage),
            max_failed=config.max_failed,
            sample=sample,
            workers=workers or os.cpu_count() or 1,
            price=price,
        )
    save_forecast(found, run.storage)
    print_report(found, as_json)


@take_extract_config()
def extract(
    config: ExtractConfig,
    runner: RunnerOption = "auto",
    workers: Workers = None,
    as_json: Json = False,
) -> None:
    """Extract the studies that are not extracted yet, and publish one row for each."""
    from radkg.verbs.extract import extract as run_extract

    with keep_stdout_for_data():
        report = run_extract(config, make_runner(runner, workers), show_progress())
    print_report(report, as_json)


@take_draft_config()
def draft(
    config: DraftConfig,
    runner: RunnerOption = "auto",
    workers: Workers = None,
    as_json: Json = False,
) -> None:
    """Write a draft of a report for each study from its images alone: research, not diagnosis."""
    from radkg.verbs.draft import draft as run_draft

    with keep_stdout_for_data():
        report = run_draft(config, make_runner(runner, workers), show_progress())
    print_report(report, as_json)


@take_extract_config()
def nightly(
    config: ExtractConfig,
    graph: GraphAddress = "embedded",
    insecure: Insecure = False,
    on_cluster: OnCluster = False,
    gate: Gate = None,
    min_support: MinSupport = 20,
    keep: Keep = 7,
    knowledge: Annotated[
        bool,
        typer.Option(
            "--knowledge",
            help="Rebuild the knowledge graph, `knowledge` in the run, where the snapshot changed; "
            "the earlier graph stays as `knowledge-previous`.",
        ),
    ] = False,
    runner: RunnerOption = "auto",
    workers: Workers = None,
    as_json: Json = False,
) -> None:
    """Extract, load and verify what is new or changed since the last night; then prune."""
    from radkg.run.gate import Gate as FlipGate
    from radkg.verbs.nightly import NightConfig, run_nightly

    judge = FlipGate(gate if gate is not None else 1.0, min_support)
    settings = NightConfig(
        extract=config,
        graph=graph,
        insecure=insecure,
        gate=judge if gate is not None else None,
        keep=keep,
        knowledge=knowledge,
    )
    with keep_stdout_for_data():
        report = run_nightly(
            settings,
            make_runner(runner, workers),
            show_progress(),
            dispatch=make_writers(on_cluster, graph),
        )
    print_report(report, as_json)
