"""The command line: `radkg VERB`. Data goes to stdout, progress and logs to stderr.

Exit codes: 0 done, 1 error (also: verify found a difference), 2 usage, 3 too many studies failed,
4 interrupted, 5 infrastructure (Ray, a graph server, a store in use). jobs/ runs the same
functions.
"""

from __future__ import annotations

import contextlib
import csv
import dataclasses
import json
import signal
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from radkg import log
from radkg.errors import ConfigError, GraphError, RadkgError

if TYPE_CHECKING:
    from radkg.graph import Graph

app = typer.Typer(
    help="Archives of chest X-rays and their reports to a knowledge graph of a population.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

Archive = Annotated[str, typer.Option(help="`openi`, or the path of an archive.")]
Extractor = Annotated[str, typer.Option(help="`rules`, or your own as package.module:factory.")]
Images = Annotated[str | None, typer.Option(help="Directory with the archive's images.")]
Limit = Annotated[int | None, typer.Option(help="Only the first N studies.", metavar="N")]
Out = Annotated[str, typer.Option(help="Directory (or s3://bucket/prefix) of the run.")]
MaxFailed = Annotated[
    float, typer.Option(help="Share of failed studies past which the run stops, in [0, 1].")
]
UnitSize = Annotated[int, typer.Option(help="Studies in one unit of work.")]
GraphAddress = Annotated[
    str,
    typer.Option(
        "--graph",
        help="`embedded`, or the address of a Neo4j server (login: NEO4J_USER, NEO4J_PASSWORD).",
    ),
]
Insecure = Annotated[bool, typer.Option(help="Allow an unencrypted connection to another machine.")]
Json = Annotated[bool, typer.Option("--json", help="Print one line of JSON instead of text.")]

console = Console(stderr=True)

_INTERRUPTED = 130  # how typer ends after Ctrl-C
_SCORES = ("precision", "recall", "f1")


@app.command()
def demo(
    archive: Archive = "openi",
    extractor: Extractor = "rules",
    images: Images = None,
    graph: GraphAddress = "embedded",
    insecure: Insecure = False,
    limit: Limit = None,
    out: Annotated[str, typer.Option(help="Directory for everything.")] = "radkg-demo",
    as_json: Json = False,
) -> None:
    """Run the whole river once: extract, load, ask, and write a page to look at."""
    from radkg.demo import demo as run_demo
    from radkg.run.settings import ExtractConfig

    if "://" in out:
        raise ConfigError(f"--out of the demo is a local directory, not {out}")
    config = ExtractConfig(
        archive=archive, extractor=extractor, images=images, limit=limit, out=out
    )
    with contextlib.redirect_stdout(sys.stderr):  # stdout is for data, whoever else prints
        report = run_demo(config, graph, console, insecure=insecure)
    if as_json:
        _print_json(dataclasses.asdict(report))
        return
    typer.echo(
        f"{report.studies} studies read, {report.rows} rows written, {report.failed} failed, "
        f"in {report.seconds:.0f} s\n"
        f"{report.entities} entities and {report.relations} relations, loaded as "
        f"{report.nodes} nodes and {report.relationships} relationships\n"
        f"page to look at: {report.out}/report.html\n"
        f"triplets (Parquet): {report.out}/snapshot\n"
        f"ask more: radkg query --list; radkg query prevalence --param finding=effusion --out {out}"
    )


@app.command()
def extract(
    archive: Archive,
    out: Out,
    extractor: Extractor = "rules",
    images: Images = None,
    limit: Limit = None,
    max_failed: MaxFailed = 0.05,
    unit_size: UnitSize = 256,
    as_json: Json = False,
) -> None:
    """Extract the studies that do not stand yet, and publish one row for each."""
    from radkg.cluster.data import extract as run_extract
    from radkg.progress import stage
    from radkg.run.settings import ExtractConfig

    config = ExtractConfig(
        archive=archive,
        out=out,
        extractor=extractor,
        images=images,
        limit=limit,
        max_failed=max_failed,
        unit_size=unit_size,
    )
    with (
        stage(console, "extract triplets (Ray)") as advance,
        contextlib.redirect_stdout(sys.stderr),  # stdout is for data, whoever else prints
    ):
        report = run_extract(config, lambda done, total, failed: advance(done, total))
    _print_report(report, as_json)


@app.command()
def load(
    out: Out,
    graph: GraphAddress = "embedded",
    insecure: Insecure = False,
    repair: Annotated[
        bool, typer.Option(help="Replace every study, whatever stands: after a change by hand.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Load what is published into the graph: the difference to what stands there."""
    from radkg.graph.loader import load as run_load
    from radkg.progress import stage
    from radkg.run.snapshot import read_snapshot
    from radkg.storage import open_storage

    snapshot = read_snapshot(open_storage(out))
    with (
        _graph(graph, out, insecure, must_exist=False) as opened,
        stage(console, f"load the graph ({opened.engine})") as advance,
    ):
        report = run_load(opened, snapshot, advance, repair=repair)
    _print_report(report, as_json)


@app.command()
def verify(
    out: Out,
    graph: GraphAddress = "embedded",
    insecure: Insecure = False,
    as_json: Json = False,
) -> None:
    """Compare the graph with the Parquet, every study; exit code 1 where they differ."""
    from radkg.graph.verify import verify as run_verify
    from radkg.run.snapshot import read_snapshot
    from radkg.storage import open_storage

    snapshot = read_snapshot(open_storage(out))
    with _graph(graph, out, insecure) as opened:
        report = run_verify(opened, snapshot)
    if as_json:
        _print_json(
            {
                "ok": report.ok,
                "studies": report.num_studies,
                "differences": report.differences,
                "problems": report.problems,
                "seconds": round(report.seconds, 1),
            }
        )
    else:
        typer.echo(report)
    if not report.ok:
        raise typer.Exit(1)


@app.command()
def query(
    name: Annotated[str | None, typer.Argument(help="Name of a query; see --list.")] = None,
    param: Annotated[
        list[str] | None, typer.Option(help="A parameter as name=value; may be repeated.")
    ] = None,
    out: Out = "radkg-demo",
    graph: GraphAddress = "embedded",
    insecure: Insecure = False,
    list_queries: Annotated[bool, typer.Option("--list", help="Show the named queries.")] = False,
    as_json: Json = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="Print comma-separated values.")] = False,
) -> None:
    """Ask the graph a named question about the population."""
    from radkg.graph.analytics import queries, run_query, unknown_concepts

    if list_queries:
        known: list[dict[str, Any]] = [
            {
                "name": q.name,
                "question": q.question,
                "parameters": [dataclasses.asdict(p) for p in q.parameters],
            }
            for q in queries()
        ]
        if as_json:
            _print_json(known)
            return
        rows = [
            [
                q["name"],
                q["question"],
                ", ".join(f"{p['name']}={p['default']}" for p in q["parameters"]),
            ]
            for q in known
        ]
        _print_table(["name", "question", "parameters"], rows, None, as_csv)
        return
    if name is None:
        raise ConfigError("which query? give its name; `radkg query --list` shows them")
    values = dict(_pair(text) for text in param or [])
    with _graph(graph, out, insecure) as opened:
        answer = run_query(opened, name, values)
        for hint in unknown_concepts(opened, answer):
            typer.echo(f"warning: {hint}", err=True)
    if as_json:
        _print_json(
            {
                "name": answer.name,
                "question": answer.question,
                "parameters": dict(answer.parameters),
                "rows": [dict(zip(answer.columns, row, strict=True)) for row in answer.rows],
            }
        )
    else:
        _print_table(answer.columns, answer.rows, answer.question, as_csv)


@app.command()
def evaluate(
    archive: Archive = "openi",
    extractor: Extractor = "rules",
    split: Annotated[str, typer.Option(help="train or test.")] = "test",
    as_json: Json = False,
) -> None:
    """Score an extractor against the human codes of an archive, with the floors beside it."""
    from radkg.evaluation import evaluate as run_evaluate

    report = run_evaluate(archive, extractor, split)
    if as_json:
        _print_json(report)
        return
    normal = report["normal_reports"]
    lines = {report["extractor"]: {**report, "false": normal["with_false_triplet"]}}
    for name, floor in report["floors"].items():
        lines["floor: " + name] = {**floor, "false": floor["normal_reports_with_false_triplet"]}
    scores = [(kind, score) for kind in ("findings", "triplets") for score in _SCORES]
    _print_table(
        [f"{report['studies']} studies ({split})", *(" ".join(pair) for pair in scores), "false"],
        [
            [name, *(f"{line[kind][score]:.3f}" for kind, score in scores), line["false"]]
            for name, line in lines.items()
        ],
        None,
        as_csv=False,
    )
    typer.echo(f"false: normal reports with a false triplet, of {normal['total']}")


@app.command()
def export(
    file: Annotated[Path, typer.Argument(help="File to write.")],
    out: Out,
    file_format: Annotated[str, typer.Option("--format", help="radgraph.")] = "radgraph",
    spelling: Annotated[
        str, typer.Option(help="Labels as v1 (OBS-DP) or xl (Observation::definitely present).")
    ] = "v1",
) -> None:
    """Write what is published as RadGraph JSON; the reports are read again from the archive."""
    from radkg.interchange import export_radgraph
    from radkg.storage import open_storage

    _check_format(file_format)
    count = export_radgraph(open_storage(out), file, spelling)
    typer.echo(f"{count} documents written to {file}", err=True)


@app.command("import")
def import_file(
    file: Annotated[Path, typer.Argument(help="RadGraph JSON file, either label spelling.")],
    out: Out,
    file_format: Annotated[str, typer.Option("--format", help="radgraph.")] = "radgraph",
) -> None:
    """Publish the documents of a RadGraph JSON file, so that they can be loaded."""
    from radkg.interchange import import_radgraph
    from radkg.storage import open_storage

    _check_format(file_format)
    snapshot = import_radgraph(file, open_storage(out))
    typer.echo(f"{snapshot.num_studies} documents published under {out}", err=True)


@app.command("graph")
def serve_graph(out: Out) -> None:
    """Keep the embedded graph of a run open for any Bolt client, until interrupted."""
    from radkg.graph.embedded import USER

    with _graph("embedded", out, insecure=False) as opened:
        typer.echo(f"address: {opened.address}\nuser: {USER}")
        typer.echo(f"password: in the file {_store(out) / 'password'}\nstop: Ctrl-C")
        with contextlib.suppress(KeyboardInterrupt):
            signal.pause()


def main() -> None:
    """Entry point of `radkg`."""
    run(app)


def run(command: typer.Typer | Callable[..., None], argv: Sequence[str] | None = None) -> None:
    """Run the command line, or one verb as jobs/ do; an error is a line and an exit code."""
    log.setup()
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


@contextlib.contextmanager
def _graph(address: str, out: str, insecure: bool, *, must_exist: bool = True) -> Iterator[Graph]:
    from radkg.graph import open_graph

    store = Path()
    if address == "embedded":
        store = _store(out)
        if must_exist and not store.is_dir():
            raise GraphError(f"no graph at {store}: run `radkg load --out {out}` first")
    with open_graph(address, store, insecure=insecure) as opened:
        yield opened


def _store(out: str) -> Path:
    if "://" in out:
        raise ConfigError(
            f"the embedded graph needs a local --out, not {out}: give --graph ADDRESS"
        )
    return Path(out).resolve() / "graph"


def _check_format(name: str) -> None:
    if name != "radgraph":
        raise ConfigError(f"no format {name!r}: known: radgraph")


def _pair(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals:
        raise ConfigError(f"--param {text!r}: give name=value")
    return name, value


def _print_json(value: Any) -> None:
    typer.echo(json.dumps(value, default=str))


def _print_report(report: Any, as_json: bool) -> None:
    values: Mapping[str, Any] = dataclasses.asdict(report)
    if as_json:
        _print_json(values)
    else:
        typer.echo("\n".join(f"{name}: {value}" for name, value in values.items()))


def _print_table(
    columns: Sequence[str], rows: Sequence[Sequence[Any]], title: str | None, as_csv: bool
) -> None:
    if as_csv:
        writer = csv.writer(sys.stdout)
        writer.writerows([columns, *rows])
        return
    table = Table(title=title, title_justify="left")
    for column in columns:
        table.add_column(column)
    for row in rows:
        table.add_row(
            *(
                "" if cell is None else f"{cell:.4g}" if isinstance(cell, float) else str(cell)
                for cell in row
            )
        )
    Console().print(table)
