"""Verbs on what stands in a run: status, diff, prune, audit."""

from __future__ import annotations

import dataclasses
import json
import time
from typing import Annotated

import typer

from radkg.cli.options import Gate, Json, Keep, MinSupport, Out
from radkg.cli.output import print_json, print_report, print_table
from radkg.errors import ConfigError

audit = typer.Typer(help="Show the log of every run, and check that no byte of it was changed.")


def status(
    run: Annotated[str, typer.Argument(help="Directory or s3://bucket/prefix of the run.")],
    watch: Annotated[
        bool,
        typer.Option("--watch", help="Repeat until no driver works on the run any more."),
    ] = False,
    every: Annotated[
        float, typer.Option(help="Seconds between two looks of --watch.", metavar="SECONDS")
    ] = 10.0,
    price_per_hour: Annotated[
        float | None,
        typer.Option(
            help="Price of an hour of all machines of the run, in any currency; default: no cost "
            "is said."
        ),
    ] = None,
    lag: Annotated[
        bool,
        typer.Option(
            "--lag",
            help="Read the index of the archive, and count the studies without a row of their "
            "present version; default: as the last plan counted them.",
        ),
    ] = False,
    prometheus: Annotated[
        bool, typer.Option("--prometheus", help="Metrics in Prometheus's text format.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Tell what a running or finished run does: stage, studies, failures, rate, time left, cost."""
    from radkg.cli.status import print_status
    from radkg.run.gauges import format_prometheus
    from radkg.run.run import Run
    from radkg.run.status import StatusReader

    if every <= 0 or (price_per_hour is not None and not price_per_hour >= 0):
        raise ConfigError("--every is more than 0 seconds, and a price is not negative")
    reader = StatusReader(Run(run).storage, price_per_hour)
    while True:
        found = reader.read(count_lag=lag)
        if prometheus:
            typer.echo(format_prometheus(found), nl=False)
        elif as_json:
            print_json(dataclasses.asdict(found))
        else:
            print_status(found)
        if not (watch and found.is_alive):
            return
        time.sleep(every)


def diff(
    before: Annotated[
        str, typer.Argument(help="Snapshot to start from: CURRENT, an id, or DIR@ID.")
    ],
    after: Annotated[
        str, typer.Argument(help="Snapshot to compare with the first, named likewise.")
    ],
    out: Out,
    gate: Gate = None,
    min_support: MinSupport = 20,
    evidence: Annotated[
        int, typer.Option(help="Number of studies to name for each kind of change.", metavar="N")
    ] = 3,
    as_json: Json = False,
) -> None:
    """Tell what changed between two published snapshots, with evidence and cause."""
    from radkg.run.diff import compare_snapshots
    from radkg.run.diff_tables import make_tables
    from radkg.run.gate import Gate as FlipGate
    from radkg.run.names import open_snapshot
    from radkg.run.run import Run

    if evidence < 0:
        raise ConfigError(f"--evidence is at least 0, not {evidence}")
    judge = FlipGate(gate if gate is not None else 1.0, min_support)
    storage = Run(out).storage
    found = compare_snapshots(
        open_snapshot(before, storage), open_snapshot(after, storage), evidence
    )
    if as_json:
        names = [change.finding for change in judge.list_failing(found)]
        settings = {"share": gate, "min_support": min_support, "over": names}
        print_json(found.to_dict() | {"gate": None if gate is None else settings})
    else:
        for title, columns, rows in make_tables(found):
            if rows:
                print_table(columns, rows, title)
    if gate is not None:
        judge.judge(found)


def prune(out: Out, keep: Keep = 7, as_json: Json = False) -> None:
    """Remove all but the last snapshots, and what the journal holds twice; nothing else may run."""
    from radkg.verbs.prune import PruneConfig
    from radkg.verbs.prune import prune as run_prune

    print_report(run_prune(PruneConfig(out=out, keep=keep)), as_json)


@audit.command("show")
def audit_show(out: Out) -> None:
    """Print the log, a line of JSON for every run, oldest first."""
    from radkg.run.run import Run

    for line in Run(out).audit.read_lines():
        typer.echo(json.dumps(line, sort_keys=True))


@audit.command("verify")
def audit_verify(
    out: Out,
    last: Annotated[
        str | None,
        typer.Option(help="Hash that an earlier run said and that must stand in the log."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Check that the log is whole and unchanged; exit code 1 where it is not."""
    from radkg.run.run import Run

    report = Run(out).audit.verify(last)
    if as_json:
        print_json({"ok": report.ok, **dataclasses.asdict(report)})
    else:
        said = report.problems or (f"all {report.runs} runs stand as they were written",)
        typer.echo("\n".join([*said, f"last: {report.last}"]))
    if not report.ok:
        raise typer.Exit(1)
