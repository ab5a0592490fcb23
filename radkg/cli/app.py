"""The command line: `radkg VERB`. Data goes to stdout, progress and logs to stderr.

Exit codes: 0 done, 1 error (also: verify found a difference, diff found more flips than its gate
allows), 2 usage, 3 too many studies failed, 4 interrupted, 5 infrastructure (Ray, a graph server,
a store in use). This file lists the verbs; jobs/ runs the same functions.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from typing import Annotated

import typer

import radkg
from radkg import log, private
from radkg.cli import (
    cohort,
    evaluation,
    exchange,
    extract,
    graph,
    jobs,
    knowledge,
    model,
    runs,
    service,
)
from radkg.errors import RadkgError

_INTERRUPTED = 130  # how typer ends after Ctrl-C

app = typer.Typer(
    help="Archives of chest X-rays and their reports to a knowledge graph of a population.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

VERBS: dict[str, dict[str, Callable[..., None] | typer.Typer]] = {
    "Extract": {
        "demo": extract.demo,
        "census": extract.census,
        "deid-check": extract.deid_check,
        "plan": extract.plan,
        "extract": extract.extract,
        "draft": extract.draft,
        "nightly": extract.nightly,
    },
    "Graph": {
        "load": graph.load,
        "verify": graph.verify,
        "query": graph.query,
        "cohort": cohort.cohort,
        "explore": graph.explore,
        "graph": graph.serve_graph,
        "migrate": graph.migrate,
        "retract": graph.retract,
    },
    "Knowledge": {"knowledge": knowledge.knowledge},
    "Run": {
        "status": runs.status,
        "diff": runs.diff,
        "prune": runs.prune,
        "audit": runs.audit,
    },
    "Exchange": {
        "export": exchange.export,
        "import": exchange.import_file,
        "data": exchange.data,
        "review": exchange.review,
    },
    "Serve": {"serve": service.serve},
    "Model": {
        "train": model.train,
        "evaluate": evaluation.evaluate,
        "experiment": model.experiment,
        "convert": model.convert,
    },
    "Cluster": {"jobs": jobs.jobs},
}
"""the verbs by the panel of `radkg --help` that shows them"""

for panel, verbs in VERBS.items():
    for name, verb in verbs.items():
        if isinstance(verb, typer.Typer):
            app.add_typer(verb, name=name, rich_help_panel=panel)
        else:
            app.command(name, rich_help_panel=panel)(verb)


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"radkg {radkg.__version__}")
        raise typer.Exit


@app.callback()
def take_version(
    version: Annotated[
        bool,
        typer.Option(
            "--version", help="Show the version and end.", callback=_print_version, is_eager=True
        ),
    ] = False,
) -> None:
    """Take the options that stand before a verb."""


def main() -> None:
    """Entry point of `radkg`."""
    run(app)


def run(command: typer.Typer | Callable[..., None], argv: Sequence[str] | None = None) -> None:
    """Run the command line, or one verb as jobs/ do; an error is a line and an exit code."""
    private.set_umask()
    log.set_up()
    if not isinstance(command, typer.Typer):
        single = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
        single.command()(command)
        command = single
    try:
        command(args=argv)
    except RadkgError as error:
        typer.echo(f"error: {error}", err=True)
        sys.exit(error.exit_code)
    except SystemExit as end:
        if end.code != _INTERRUPTED:
            raise
        typer.echo("interrupted: what is finished stands, run the same command again", err=True)
        sys.exit(4)
