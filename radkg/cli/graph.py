"""Verbs on a graph: load, verify, query, explore, migrate, retract, graph."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import signal
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from radkg.cli.options import (
    AsOf,
    DraftsRun,
    GraphAddress,
    Images,
    Insecure,
    Json,
    Neo4jHome,
    OnCluster,
    Out,
    ReportsArchive,
    parse_pair,
)
from radkg.cli.output import print_json, print_report, print_table, print_values, show_progress
from radkg.cli.runners import make_writers
from radkg.errors import ConfigError

if TYPE_CHECKING:
    from radkg.graph import Graph
    from radkg.graph.ask.queries import Query
    from radkg.graph.engine.holding import Holder

_MAX_WRITERS = 8  # the partitions of a load; a test holds both equal
_SHOWN_STRANGERS = 20  # studies of drafts that the graph does not hold


def load(
    out: Out,
    graph: GraphAddress = "embedded",
    insecure: Insecure = False,
    repair: Annotated[
        bool, typer.Option(help="Replace every study, whatever stands: after a change by hand.")
    ] = False,
    into: Annotated[
        Path | None,
        typer.Option(
            help="Directory of a new Neo4j store, built by import, the quick way for a whole "
            "population. With the address of a server at --graph, the store is built only where "
            "half of the studies or more would be created or replaced there; else the difference "
            "is loaded into the server.",
            metavar="DIR",
        ),
    ] = None,
    neo4j_home: Neo4jHome = None,
    writers: Annotated[
        int | None,
        typer.Option(
            min=1,
            max=_MAX_WRITERS,
            help="Number of transactions of different patients side by side. Default: half of the "
            "cores, 4 at most; 1 on the embedded engine, where more only wait for each other; "
            "with --on-cluster its CPUs but one.",
            metavar="N",
        ),
    ] = None,
    drafts: DraftsRun = None,
    remove_drafts: Annotated[
        str | None,
        typer.Option(
            help="Name of a reporter whose drafts leave the graph, after the studies are loaded. "
            "Default: nobody's.",
            metavar="REPORTER",
        ),
    ] = None,
    on_cluster: OnCluster = False,
    as_json: Json = False,
) -> None:
    """Load what is published into the graph: the difference to what stands there."""
    from radkg.verbs.load import LoadConfig
    from radkg.verbs.load import load as run_load

    config = LoadConfig(
        out=out,
        graph=graph,
        insecure=insecure,
        repair=repair,
        into=into,
        neo4j_home=neo4j_home,
        writers=writers,
        drafts=drafts,
        remove_drafts=remove_drafts,
    )
    report = run_load(config, show_progress(), dispatch=make_writers(on_cluster, graph, writers))
    if as_json:
        print_report(report, as_json)
        return
    values = dataclasses.asdict(report)
    strays = values.pop("strays", {})
    if strays:
        values["strays"] = [f"{number} {what}" for what, number in strays.items()]
    of_drafts = values.pop("drafts", {})
    strangers = of_drafts.get("not_in_graph", [])
    if strangers:
        named = ", ".join(strangers[:_SHOWN_STRANGERS])
        more = len(strangers) - _SHOWN_STRANGERS
        typer.echo(
            f"warning: {len(strangers)} drafts are of studies that the graph does not hold: {named}"
            + (f" and {more} more" if more > 0 else ""),
            err=True,
        )
        of_drafts["not_in_graph"] = len(strangers)
    print_values(values | {f"drafts {name}": value for name, value in of_drafts.items()})


def verify(
    out: Out,
    graph: GraphAddress = "embedded",
    insecure: Insecure = False,
    as_of: AsOf = None,
    quick: Annotated[
        bool,
        typer.Option(
            help="Compare the patient and the digest of each study, the numbers of its mentions and"
            " findings, and the totals of the graph: this finds what is missing, doubled, left over"
            " or of another patient or snapshot, but no property that was changed by hand, no"
            " relation turned round and no mention moved to another concept."
        ),
    ] = False,
    drafts: DraftsRun = None,
    as_json: Json = False,
) -> None:
    """Compare the graph with the Parquet, every study; exit code 1 where they differ."""
    from radkg.graph.verify.draft_loads import count_drafts
    from radkg.graph.verify.drafts import verify_drafts
    from radkg.graph.verify.full import verify as verify_all
    from radkg.graph.verify.quick import verify_quick
    from radkg.run.drafts import read_drafts
    from radkg.run.run import Run

    if drafts and as_of:
        raise ConfigError("the graph of --as-of holds no drafts: leave out --drafts")
    run = Run(out)
    snapshot = run.find_snapshot(as_of) if as_of else run.read_snapshot()
    published = read_drafts(drafts, snapshot) if drafts else None
    with _open_graph(out, graph, insecure, as_of, keep_open=0) as opened:
        report = verify_quick(opened, snapshot) if quick else verify_all(opened, snapshot)
        compared = verify_drafts(opened, published, snapshot) if published else None
        left = count_drafts(opened, published)
    ok = report.ok and (compared is None or compared.ok)
    if as_json:
        print_json(
            {
                "ok": ok,
                "studies": report.num_studies,
                "compared": report.compared,
                "differences": report.differences,
                "problems": report.problems,
                "by_hand": report.by_hand,
                "not_checked": report.not_checked,
                "foreign": report.foreign,
                "retracted": report.num_retracted,
                "seconds": round(report.seconds, 1),
                "drafts": compared and dataclasses.asdict(compared),
                "drafts_not_compared": left,
            }
        )
    else:
        typer.echo("\n".join(map(str, filter(None, [report, compared]))))
        if left:
            typer.echo(f"{left} drafts were not compared: give their run with --drafts")
    if not ok:
        raise typer.Exit(1)


def migrate(
    out: Out,
    graph: GraphAddress = "embedded",
    insecure: Insecure = False,
    dry_run: Annotated[
        bool, typer.Option(help="Show the steps that are missing, and do none of them.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Bring the schema of a graph up to this radkg, in numbered steps; `load` does the same."""
    from radkg.graph.migrations.steps import list_missing_steps, read_schema_version
    from radkg.graph.migrations.steps import migrate as run_migrate

    with _open_graph(out, graph, insecure) as opened:
        done = list_missing_steps(opened) if dry_run else run_migrate(opened)
        version = read_schema_version(opened)
    if as_json:
        listed = [{"number": step.number, "name": step.name, "what": step.what} for step in done]
        print_json({"version": version, "dry_run": dry_run, "steps": listed})
        return
    for step in done:
        typer.echo(f"{step.number:03} {step.name}: {step.what}")
    missing = f"; missing steps: {len(done)}" if dry_run else ""
    typer.echo(f"schema version of the graph: {version}{missing}")


def retract(
    out: Out,
    study: Annotated[str | None, typer.Option(help="Id of the study to retract.")] = None,
    subject: Annotated[
        str | None, typer.Option(help="Id of the patient, all of whose studies are retracted.")
    ] = None,
    run: Annotated[
        str | None, typer.Option(help="Id of the snapshot to retract, as `diff` names it.")
    ] = None,
    undo: Annotated[bool, typer.Option(help="Let it stand in the graph again.")] = False,
    graph: GraphAddress = "embedded",
    insecure: Insecure = False,
    as_json: Json = False,
) -> None:
    """Take a study, a patient or a snapshot out of the graph, so that no load brings it back."""
    from radkg.run.retractions import RETRACTABLE
    from radkg.verbs.retract import RetractConfig
    from radkg.verbs.retract import retract as run_retract

    ids = zip(RETRACTABLE, (study, subject, run), strict=True)
    named = [(kind, which) for kind, which in ids if which]
    if len(named) != 1:
        raise ConfigError("give one of --study, --subject and --run")
    ((kind, which),) = named
    config = RetractConfig(
        out=out, kind=kind, which=which, undo=undo, graph=graph, insecure=insecure
    )
    report = run_retract(config, show_progress())
    if not report.has_graph:
        typer.echo("there is no graph yet: the record is kept", err=True)
    print_report(report, as_json)


def query(
    name: Annotated[str | None, typer.Argument(help="Name of a query; see --list.")] = None,
    cypher: Annotated[
        Path | None,
        typer.Option(
            help="File with a reading Cypher statement, in place of a name.", metavar="FILE"
        ),
    ] = None,
    param: Annotated[
        list[str] | None,
        typer.Option(
            help="Parameter as name=value, for --cypher also as name:=JSON; may be repeated."
        ),
    ] = None,
    out: Out = "radkg-demo",
    graph: GraphAddress = "embedded",
    insecure: Insecure = False,
    as_of: AsOf = None,
    errors: Annotated[
        list[Path] | None,
        typer.Option(
            help="File with the measured error of your extractor (`radkg evaluate --errors`), for "
            "corrected rates; may be repeated. Default: those of the shipped extractors."
        ),
    ] = None,
    timeout: Annotated[float, typer.Option(help="Seconds that --cypher may take.")] = 60.0,
    max_rows: Annotated[
        int, typer.Option(help="Number of rows after which --cypher is cut off.", metavar="N")
    ] = 10_000,
    list_queries: Annotated[bool, typer.Option("--list", help="Show the named queries.")] = False,
    keep_open: Annotated[
        float,
        typer.Option(
            min=0,
            envvar="RADKG_KEEP_OPEN",
            help="Minutes that the embedded engine is left open after the last question, so that "
            "the next one need not start it; 0: it ends with this one.",
            metavar="MINUTES",
        ),
    ] = 5,
    as_json: Json = False,
    as_csv: Annotated[
        bool,
        typer.Option(
            "--csv",
            help="Comma-separated values; an apostrophe stands before what a spreadsheet would "
            "compute.",
        ),
    ] = False,
    raw: Annotated[
        bool, typer.Option("--raw", help="Values of --csv for a program: without the apostrophe.")
    ] = False,
) -> None:
    """Ask the graph a named question about the population, or your own in Cypher."""
    from radkg.graph.ask.correction import read_shipped_tables, read_table
    from radkg.graph.ask.free_cypher import run_cypher
    from radkg.graph.ask.queries import find_resolved_concepts, find_unknown_concepts, run_query
    from radkg.graph.ask.queries import list_queries as read_queries

    if list_queries:
        _print_queries(read_queries(), as_json, as_csv)
        return
    if (name is None) == (cypher is None):
        raise ConfigError(
            "which query? give its name, or a file with --cypher; `radkg query --list` shows them"
        )
    values = dict(parse_pair(text) for text in param or [])
    tables = [*map(read_table, errors or []), *read_shipped_tables()]
    statement = None if cypher is None else _read_text(cypher)
    with _open_graph(out, graph, insecure, as_of, keep_open=keep_open) as opened:
        if statement is not None:
            answer, is_cut = run_cypher(
                opened,
                statement,
                dict(_parse_typed(*pair) for pair in values.items()),
                timeout_s=timeout,
                max_rows=max_rows,
            )
            if is_cut:
                typer.echo(f"warning: cut off after {max_rows} rows: --max-rows", err=True)
        else:
            answer = run_query(opened, str(name), values, tables)
            for note in find_resolved_concepts(answer, values):
                typer.echo(f"note: {note}", err=True)
            for hint in find_unknown_concepts(opened, answer):
                typer.echo(f"warning: {hint}", err=True)
    if as_json:
        print_json(
            {
                "name": answer.name,
                "question": answer.question,
                "parameters": dict(answer.parameters),
                "rows": [dict(zip(answer.columns, row, strict=True)) for row in answer.rows],
            }
        )
    else:
        print_table(answer.columns, answer.rows, answer.question, as_csv=as_csv, raw=raw)


def explore(
    out: Out = "radkg-demo",
    graph: GraphAddress = "embedded",
    insecure: Insecure = False,
    review: Annotated[
        Path,
        typer.Option(help="CSV file for verdicts on triplets, for `radkg review score`."),
    ] = Path("review.csv"),
    port: Annotated[
        int, typer.Option(help="Port on this machine, which nobody else reaches; 0: a free one.")
    ] = 0,
    archive: ReportsArchive = None,
    images: Images = None,
    as_json: Json = False,
) -> None:
    """Look at the graph in a browser: concepts, sentences, studies, named queries; until Ctrl-C."""
    from radkg.explore import explore as run_explore
    from radkg.graph.engine.holding import Holder, amend_notice
    from radkg.run.run import Run

    run = Run(out)

    def ready(address: str) -> None:
        if graph == "embedded":  # without the token, which opens the page
            amend_notice(run.graph_store, who=f"the explorer at {address.partition('?')[0]}")
        if as_json:
            print_json({"address": address, "review": str(review)})
        else:
            typer.echo(f"open: {address}\nreview file: {review}\nstop: Ctrl-C")

    with contextlib.ExitStack() as stack:
        with show_progress()("open the graph"):
            holder = Holder(who="the explorer")
            opened = stack.enter_context(_open_graph(out, graph, insecure, holder=holder))
        run_explore(opened, run.storage, review, ready, port=port, archive=archive, images=images)


def serve_graph(out: Out, as_of: AsOf = None) -> None:
    """Keep the embedded graph of a run open for any Bolt client, until interrupted."""
    from radkg.graph.engine.embedded import USER
    from radkg.graph.engine.holding import Holder
    from radkg.run.run import Run
    from radkg.verbs.graphs import locate_snapshot_store

    run = Run(out)
    store = locate_snapshot_store(run, run.find_snapshot(as_of)) if as_of else run.graph_store
    holder = Holder(who="`radkg graph`")
    with _open_graph(out, "embedded", False, as_of, holder=holder) as opened:
        typer.echo(f"address: {opened.address}\nuser: {USER}")
        typer.echo(f"password: in the file {store / 'password'}\nstop: Ctrl-C")
        with contextlib.suppress(KeyboardInterrupt):
            signal.pause()


@contextlib.contextmanager
def _open_graph(
    out: str,
    graph: str,
    insecure: bool,
    as_of: str | None = None,
    *,
    holder: Holder | None = None,
    keep_open: float | None = None,
) -> Iterator[Graph]:
    """Open the graph of a run, or that of one of its snapshots."""
    from radkg.run.run import Run
    from radkg.verbs.graphs import GraphConfig, open_run_graph, open_snapshot_graph

    run, where = Run(out), GraphConfig(graph=graph, insecure=insecure)
    if as_of is None:
        opening = open_run_graph(run, where, holder=holder, keep_open=keep_open)
    else:
        snapshot = run.find_snapshot(as_of)
        opening = open_snapshot_graph(
            run, where, snapshot, show_progress(), holder=holder, keep_open=keep_open
        )
    with opening as opened:
        yield opened


def _parse_typed(name: str, value: str) -> tuple[str, Any]:
    """Return a parameter of free Cypher: name=value is text, name:=value is JSON."""
    if not name.endswith(":"):
        return name, value
    try:
        return name[:-1], json.loads(value)
    except ValueError as error:
        raise ConfigError(f"--param {name}={value}: what follows := is no JSON: {error}") from error


def _read_text(path: Path) -> str:
    try:
        return path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"cannot read {path}: {error}") from error


def _print_queries(known: Sequence[Query], as_json: bool, as_csv: bool) -> None:
    if as_json:
        print_json([query.to_dict() for query in known])
        return
    rows = [
        [q.family, q.name, q.question, ", ".join(f"{p.name}={p.default}" for p in q.parameters)]
        for q in known
    ]
    print_table(["family", "name", "question", "parameters"], rows, as_csv=as_csv)
