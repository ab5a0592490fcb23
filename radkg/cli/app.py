"""The command line: `radkg VERB`. Data goes to stdout, progress and logs to stderr.

Exit codes: 0 done, 1 error (also: verify found a difference, diff found more flips than its gate
allows), 2 usage, 3 too many studies failed, 4 interrupted, 5 infrastructure (Ray, a graph server,
a store in use). jobs/ runs the same functions.
"""

from __future__ import annotations

import contextlib
import csv
import dataclasses
import functools
import json
import os
import signal
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from radkg import log
from radkg.cli.formats import describe_formats, take_options
from radkg.errors import ConfigError, RadkgError
from radkg.extractor import DEFAULT
from radkg.interchange.formats import EXPORT_FORMATS, IMPORT_FORMATS
from radkg.interchange.formats.base import ImportTarget, make_format

if TYPE_CHECKING:
    from radkg.graph import Graph
    from radkg.graph.ask.queries import Query
    from radkg.graph.build.store import BuildReport
    from radkg.graph.load.dispatch import Dispatch
    from radkg.run.snapshot import Snapshot
    from radkg.schema.known import Known

app = typer.Typer(
    help="Archives of chest X-rays and their reports to a knowledge graph of a population.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

review_app = typer.Typer(help="Have radiologists judge triplets, and score what they filled in.")
app.add_typer(review_app, name="review")
audit_app = typer.Typer(help="Show the log of every run, and check that no byte of it was changed.")
app.add_typer(audit_app, name="audit")

Archive = Annotated[
    str,
    typer.Option(
        help="`openi`, `padchest`, or a path or s3://bucket/key: Open-i, MIMIC-CXR, CheXpert "
        "Plus, PadChest, a table or folder of reports, RadGraph JSON."
    ),
]
ReportsArchive = Annotated[
    str | None, typer.Option(help="Archive with the reports; default: that of the run.")
]
Extractor = Annotated[
    str,
    typer.Option(
        help="`small` (the shipped model), `onepass` (the fast one, reports alone), `rules`, a "
        "model directory, or your own as package.module:factory."
    ),
]
Condition = Annotated[
    str | None,
    typer.Option(help="What is read: report, image or image+report; default: the extractor's."),
]
Images = Annotated[
    str | None,
    typer.Option(
        help="The archive's images: a path or s3://bucket/key of a directory, a zip, a tar, or "
        "a directory of several of these."
    ),
]
Limit = Annotated[int | None, typer.Option(help="Only the first N studies.", metavar="N")]
Out = Annotated[str, typer.Option(help="Directory (or s3://bucket/prefix) of the run.")]
MaxFailed = Annotated[
    float, typer.Option(help="Share of failed studies past which the run stops, in [0, 1].")
]
UnitSize = Annotated[int, typer.Option(help="Studies in one unit of work.")]
StudyTimeout = Annotated[
    float,
    typer.Option(
        help="Seconds that one study may take; a unit of n studies 1 + n/60 times that.",
    ),
]
MaxMemory = Annotated[
    float | None,
    typer.Option(help="GiB that a worker may allocate; default: its share of the machine."),
]
Gate = Annotated[
    float | None,
    typer.Option(
        help="Share [0, 1] of the studies with a finding; exit code 1 where more flip.",
        metavar="SHARE",
    ),
]
MinSupport = Annotated[
    int, typer.Option(help="The gate judges findings that this many studies had before.")
]
Keep = Annotated[int, typer.Option(help="Nights that stay, for `diff`.", metavar="N")]
Device = Annotated[
    str,
    typer.Option(help="cpu, or cuda: a GPU for each worker, CPUs beside it that read images."),
]
Neo4jHome = Annotated[
    Path | None,
    typer.Option(
        envvar="NEO4J_HOME",
        help="Folder of a Neo4j 5 installation on this machine, or of its jars.",
        metavar="DIR",
    ),
]
GraphAddress = Annotated[
    str,
    typer.Option(
        "--graph",
        help="`embedded`, or the address of a Neo4j server (login: NEO4J_USER, NEO4J_PASSWORD).",
    ),
]
AsOf = Annotated[
    str | None,
    typer.Option(
        "--as-of",
        help="A night: its id, the beginning of it, or a date. Its graph is built from the files "
        "beside that of the run, unless it stands.",
        metavar="RUN",
    ),
]
OnCluster = Annotated[
    bool,
    typer.Option(
        "--on-cluster",
        help="Have the studies brought by actors of the Ray cluster at RAY_ADDRESS (or of a Ray on "
        "this machine), which log in as their own environment says; needs a server at --graph.",
    ),
]
Insecure = Annotated[bool, typer.Option(help="Allow an unencrypted connection to another machine.")]
Json = Annotated[bool, typer.Option("--json", help="Print one line of JSON instead of text.")]

console = Console(stderr=True)

_INTERRUPTED = 130  # how typer ends after Ctrl-C


@app.command()
def demo(
    archive: Archive = "openi",
    extractor: Extractor = DEFAULT,
    condition: Condition = None,
    images: Images = None,
    graph: GraphAddress = "embedded",
    insecure: Insecure = False,
    limit: Limit = None,
    out: Annotated[str, typer.Option(help="Directory for everything.")] = "radkg-demo",
    as_json: Json = False,
) -> None:
    """Run the whole river once: extract, load, ask, and write a page to look at."""
    from radkg.run.settings import ExtractConfig
    from radkg.verbs.demo import demo as run_demo

    if "://" in out:
        raise ConfigError(f"--out of the demo is a local directory, not {out}")
    config = ExtractConfig(
        archive=archive,
        extractor=extractor,
        condition=condition,  # type: ignore[arg-type]  # checked there
        images=images,
        limit=limit,
        out=out,
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
def census(
    archive: Annotated[str, typer.Argument(help="The archive, as --archive of the other verbs.")],
    images: Images = None,
    as_json: Json = False,
) -> None:
    """Count the studies and images of an archive, and what every exclusion would take away."""
    from radkg.archive import open_archive
    from radkg.archive.census import take_census

    counted = take_census(open_archive(archive, images))
    if as_json:
        _print_json(counted.as_json())
        return
    title = f"{counted.archive}, fingerprint {counted.fingerprint}"
    _print_table(["", *counted.splits], counted.list_rows(), title, as_csv=False)
    typer.echo("\n".join(counted.list_notes()))


@app.command()
def plan(
    archive: Archive,
    out: Out,
    extractor: Extractor = DEFAULT,
    condition: Condition = None,
    images: Images = None,
    limit: Limit = None,
    unit_size: UnitSize = 256,
    device: Device = "cpu",
    sample: Annotated[
        int, typer.Option(help="Studies to read here, to measure.", metavar="N")
    ] = 256,
    workers: Annotated[
        int | None, typer.Option(help="Cores (or GPUs) of the run; default: this machine's cores.")
    ] = None,
    price: Annotated[
        float | None, typer.Option(help="Of one worker's hour, in any currency.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Say what `extract` with the same options would do, how long it takes and what it costs."""
    from radkg.run.planning import forecast, make_plan, save_forecast
    from radkg.run.settings import ExtractConfig
    from radkg.storage import open_storage

    config = ExtractConfig(
        archive=archive,
        out=out,
        extractor=extractor,
        condition=condition,  # type: ignore[arg-type]  # checked there
        images=images,
        limit=limit,
        unit_size=unit_size,
        device=device,  # type: ignore[arg-type]  # checked there
    )
    storage = open_storage(out)
    os.environ.setdefault("OMP_NUM_THREADS", "1")  # as a worker of Ray has it, one core each
    with contextlib.redirect_stdout(sys.stderr):
        found = forecast(
            make_plan(config, storage),
            sample=sample,
            workers=workers or os.cpu_count() or 1,
            price=price,
        )
    save_forecast(found, storage)
    _print_report(found, as_json)


@app.command()
def extract(
    archive: Archive,
    out: Out,
    extractor: Extractor = DEFAULT,
    condition: Condition = None,
    images: Images = None,
    limit: Limit = None,
    max_failed: MaxFailed = 0.05,
    unit_size: UnitSize = 256,
    study_timeout: StudyTimeout = 120.0,
    max_memory: MaxMemory = None,
    device: Device = "cpu",
    as_json: Json = False,
) -> None:
    """Extract the studies that do not stand yet, and publish one row for each."""
    from radkg.cluster.runner import extract as run_extract
    from radkg.progress import stage
    from radkg.run.settings import ExtractConfig

    config = ExtractConfig(
        archive=archive,
        out=out,
        extractor=extractor,
        condition=condition,  # type: ignore[arg-type]  # checked there
        images=images,
        limit=limit,
        max_failed=max_failed,
        unit_size=unit_size,
        study_timeout=study_timeout,
        max_memory=max_memory,
        device=device,  # type: ignore[arg-type]  # checked there
    )
    with (
        stage(console, "extract triplets (Ray)") as advance,
        contextlib.redirect_stdout(sys.stderr),  # stdout is for data, whoever else prints
    ):
        report = run_extract(config, lambda done, total, failed: advance(done, total))
    _print_report(report, as_json)


@app.command()
def train(
    out: Annotated[str, typer.Option(help="Directory of the run; all workers must see it.")],
    preset: Annotated[str, typer.Option(help="small, onepass or published.")] = "small",
    archive: Archive = "openi",
    images: Images = None,
    stage: Annotated[
        list[str] | None, typer.Option(help="Only this stage; may be repeated.")
    ] = None,
    workers: Annotated[str, typer.Option(help="How many, or MIN-MAX.", metavar="N")] = "1",
    parallel: Annotated[str, typer.Option(help="ddp or fsdp.")] = "ddp",
    precision: Annotated[
        str | None, typer.Option(help="fp32 or bf16; default: the preset's.")
    ] = None,
    language: Annotated[
        str | None, typer.Option(help="Directory of a Qwen2-architecture model to start from.")
    ] = None,
    vision: Annotated[
        str | None, typer.Option(help="Image encoder; default: the one trained here.")
    ] = None,
    radgraph: Annotated[
        str | None, typer.Option(help="RadGraph JSON file to learn from as well.")
    ] = None,
    only_radgraph: Annotated[
        bool, typer.Option(help="Learn to copy from that file alone, not from the rules.")
    ] = False,
    limit: Limit = None,
    steps: Annotated[int | None, typer.Option(help="Optimizer steps of every stage.")] = None,
    max_failures: Annotated[int, typer.Option(help="Lost workers to go on after.")] = 3,
    as_json: Json = False,
) -> None:
    """Train a model, stage by stage; a run that was stopped goes on with the same command."""
    from radkg.cluster.train import train as run_train
    from radkg.progress import training
    from radkg.train.stage_task import TrainJob

    job = TrainJob.from_mapping(
        {
            "preset": preset,
            "archive": archive,
            "out": out,
            "images": images,
            "stages": tuple(stage or ()),
            "language": language,
            "vision": vision,
            "radgraph": radgraph,
            "only_radgraph": only_radgraph,
            "limit": limit,
            "steps": steps,
            "workers": _range(workers),
            "parallel": parallel,
            "precision": precision,
            "max_failures": max_failures,
        }
    )
    with training(console) as follow, contextlib.redirect_stdout(sys.stderr):
        report = run_train(job, follow)
    if as_json:
        _print_json(dataclasses.asdict(report))
        return
    for line in report.stages:
        typer.echo(f"{line['stage']}: {line['step']} steps, loss {line['loss']:.4f}")
    typer.echo(f"model: {report.model}\nloss curve: {report.out}/metrics.jsonl, tensorboard/")


@app.command()
def experiment(
    name: Annotated[
        str, typer.Argument(help="conditions, projector, prefix, prompts or transfer.")
    ],
    out: Annotated[str, typer.Option(help="Directory for table and plot.")],
    archive: Archive = "openi",
    images: Images = None,
    model: Annotated[
        str, typer.Option(help="`small`, or the model directory that variants start from.")
    ] = DEFAULT,
    vision: Annotated[
        str | None, typer.Option(help="Image encoder; default: the model's own, or ImageNet's.")
    ] = None,
    split: Annotated[
        str, typer.Option(help="dev (a held-out tenth of train) to choose, test to report.")
    ] = "dev",
    steps: Annotated[int, typer.Option(help="Optimizer steps of one variant.")] = 200,
    minutes: Annotated[
        float | None, typer.Option(help="In place of --steps: as many as fit, for one variant.")
    ] = None,
    seed: Annotated[int, typer.Option(help="Of weights, order and shuffled images.")] = 0,
    limit: Limit = None,
    other: Annotated[
        str | None,
        typer.Option(help="transfer: RadGraph JSON (file or directory) of another institution."),
    ] = None,
    change: Annotated[
        list[str] | None,
        typer.Option("--set", help="A setting of the experiment, name=JSON; may be repeated."),
    ] = None,
    readme: Annotated[
        Path | None, typer.Option(help="Write the table between this file's marks as well.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Train small variants, compare them on human codes, and write a table and a plot."""
    from radkg.experiments import run as run_experiment
    from radkg.experiments.settings import ExperimentConfig

    config = ExperimentConfig(
        out=out,
        archive=archive,
        images=images,
        model=model,
        vision=vision,
        split=split,
        steps=steps,
        minutes=minutes,
        seed=seed,
        limit=limit,
        other=other,
    )
    own = {key: _json(value) for key, value in map(_pair, change or [])}
    with contextlib.redirect_stdout(sys.stderr):
        table, files = run_experiment(name, config, own)
    if readme is not None:
        table.write_into(readme)
    if as_json:
        _print_json({"rows": [dataclasses.asdict(row) for row in table.rows]})
        return
    typer.echo(table.markdown() + "\n".join(str(file) for file in files))


@app.command()
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
            help="Build a new Neo4j store in this directory by import, the quick way for a whole "
            "population. With the address of a server at --graph: only where half of the studies "
            "or more would be created or replaced there, else load the difference into it.",
            metavar="DIR",
        ),
    ] = None,
    neo4j_home: Neo4jHome = None,
    writers: Annotated[
        int | None,
        typer.Option(
            min=1,
            max=8,  # writers.PARTITIONS
            help="Transactions of different patients that go side by side. Default: half of the "
            "cores, 4 at most; 1 on the embedded engine, where they only get in each other's way; "
            "with --on-cluster its CPUs but one.",
            metavar="N",
        ),
    ] = None,
    on_cluster: OnCluster = False,
    as_json: Json = False,
) -> None:
    """Load what is published into the graph: the difference to what stands there."""
    from radkg.graph.build.sink import choose_sink
    from radkg.graph.load.loader import load as run_load
    from radkg.progress import stage
    from radkg.run.audit import record_load
    from radkg.run.snapshot import read_snapshot
    from radkg.storage import open_storage

    dispatch = _dispatch(on_cluster, graph, writers)
    snapshot = read_snapshot(open_storage(out))
    build = None if into is None else _builder(snapshot, into, neo4j_home)
    if build and graph == "embedded":
        _print_report(build(), as_json)
        return
    with _graph(graph, out, insecure, must_exist=False) as opened:
        choice = None
        if build:
            with stage(console, "compare with the graph"):
                choice = choose_sink(opened, snapshot, repair=repair)
            if choice.build:
                _print_report(build(choice.why), as_json)
                return
        with stage(console, f"load the graph ({opened.engine})") as advance:
            report = run_load(
                opened,
                snapshot,
                advance,
                repair=repair,
                differ=choice.differ if choice else None,
                writers=opened.engine.default_writers if writers is None else writers,
                dispatch=dispatch,
            )
    if choice:
        report = dataclasses.replace(report, why=choice.why)
    record_load(snapshot, opened.engine.name, dataclasses.asdict(report))
    _print_report(report, as_json)


@app.command()
def verify(
    out: Out,
    graph: GraphAddress = "embedded",
    insecure: Insecure = False,
    as_of: AsOf = None,
    quick: Annotated[
        bool,
        typer.Option(
            help="Compare the digest of each study, the numbers of its mentions and findings, and"
            " the totals of the graph: finds what is missing, doubled, left over or of another"
            " night, but no property that was changed by hand."
        ),
    ] = False,
    as_json: Json = False,
) -> None:
    """Compare the graph with the Parquet, every study; exit code 1 where they differ."""
    from radkg.graph.verify.full import verify as run_verify
    from radkg.graph.verify.quick import verify_quick
    from radkg.run.snapshot import read_snapshot
    from radkg.storage import open_storage

    night = _night(as_of, out)
    snapshot = night or read_snapshot(open_storage(out))
    with _graph(graph, out, insecure, night=night) as opened:
        report = verify_quick(opened, snapshot) if quick else run_verify(opened, snapshot)
    if as_json:
        _print_json(
            {
                "ok": report.ok,
                "studies": report.num_studies,
                "compared": report.compared,
                "differences": report.differences,
                "problems": report.problems,
                "retracted": report.num_retracted,
                "seconds": round(report.seconds, 1),
            }
        )
    else:
        typer.echo(report)
    if not report.ok:
        raise typer.Exit(1)


@app.command()
def migrate(
    out: Out,
    graph: GraphAddress = "embedded",
    insecure: Insecure = False,
    dry_run: Annotated[
        bool, typer.Option(help="Show the steps that are missing, do none.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Bring the schema of a graph up to this radkg, in numbered steps; `load` does the same."""
    from radkg.graph.migrations.steps import list_missing_steps, read_schema_version
    from radkg.graph.migrations.steps import migrate as run_migrate

    with _graph(graph, out, insecure) as opened:
        done = list_missing_steps(opened) if dry_run else run_migrate(opened)
        version = read_schema_version(opened)
    if as_json:
        listed = [{"number": step.number, "name": step.name, "what": step.what} for step in done]
        _print_json({"version": version, "dry_run": dry_run, "steps": listed})
        return
    for step in done:
        typer.echo(f"{step.number:03} {step.name}: {step.what}")
    missing = f"; missing steps: {len(done)}" if dry_run else ""
    typer.echo(f"schema version of the graph: {version}{missing}")


@app.command()
def retract(
    out: Out,
    study: Annotated[str | None, typer.Option(help="Retract the study with this id.")] = None,
    subject: Annotated[
        str | None, typer.Option(help="Retract all studies of the patient with this id.")
    ] = None,
    run: Annotated[
        str | None, typer.Option(help="Retract the night with this id, as `diff` names it.")
    ] = None,
    undo: Annotated[bool, typer.Option(help="Let it stand in the graph again.")] = False,
    graph: GraphAddress = "embedded",
    insecure: Insecure = False,
    as_json: Json = False,
) -> None:
    """Take a study, a patient or a night out of the graph, so that no load brings it back."""
    from radkg.graph.build.as_of import remove_as_of
    from radkg.graph.load.retracting import retract as run_retract
    from radkg.progress import stage
    from radkg.run import audit
    from radkg.run.retractions import KINDS
    from radkg.storage import open_storage

    given = [
        (kind, which) for kind, which in zip(KINDS, (study, subject, run), strict=True) if which
    ]
    if len(given) != 1:
        raise ConfigError("give one of --study, --subject and --run")
    ((kind, which),) = given
    storage = open_storage(out)
    if graph == "embedded" and not _store(out).is_dir():
        report = run_retract(None, storage, kind, which, undo=undo)
        typer.echo(f"there is no graph yet at {_store(out)}: the record is kept", err=True)
    else:
        with (
            _graph(graph, out, insecure) as opened,
            stage(console, "undo the retraction" if undo else "retract") as advance,
        ):
            report = run_retract(opened, storage, kind, which, undo=undo, progress=advance)
    audit.record(storage, "retract", {kind: which, "undo": undo, **dataclasses.asdict(report)})
    if not undo:
        remove_as_of(Path(out))  # they would hold it until somebody asks them again
    _print_report(report, as_json)


@app.command()
def diff(
    before: Annotated[
        str, typer.Argument(help="The night to start from: CURRENT, an id, or DIR@ID.")
    ],
    after: Annotated[str, typer.Argument(help="The night to compare with it, named likewise.")],
    out: Out,
    gate: Gate = None,
    min_support: MinSupport = 20,
    evidence: Annotated[
        int, typer.Option(help="Studies to name for each kind of change.", metavar="N")
    ] = 3,
    as_json: Json = False,
) -> None:
    """Tell what changed between two published nights, with evidence and cause."""
    from radkg.run import diff as nights
    from radkg.storage import open_storage

    if evidence < 0:
        raise ConfigError(f"--evidence is at least 0, not {evidence}")
    judge = nights.Gate(gate if gate is not None else 1.0, min_support)
    storage = open_storage(out)
    found = nights.diff(
        nights.open_night(before, storage), nights.open_night(after, storage), evidence
    )
    if as_json:
        names = [change.finding for change in judge.over(found)]
        settings = {"share": gate, "min_support": min_support, "over": names}
        _print_json(found.as_json() | {"gate": None if gate is None else settings})
    else:
        for title, columns, rows in found.tables():
            if rows:
                _print_table(columns, rows, title, as_csv=False)
    if gate is not None:
        judge.judge(found)


@app.command()
def nightly(
    archive: Archive,
    out: Out,
    extractor: Extractor = DEFAULT,
    condition: Condition = None,
    images: Images = None,
    limit: Limit = None,
    max_failed: MaxFailed = 0.05,
    unit_size: UnitSize = 256,
    study_timeout: StudyTimeout = 120.0,
    max_memory: MaxMemory = None,
    device: Device = "cpu",
    graph: GraphAddress = "embedded",
    insecure: Insecure = False,
    on_cluster: OnCluster = False,
    gate: Gate = None,
    min_support: MinSupport = 20,
    keep: Keep = 7,
    as_json: Json = False,
) -> None:
    """Extract, load and verify what is new or changed since the last night; then prune."""
    from radkg.run import diff as nights
    from radkg.run.settings import ExtractConfig
    from radkg.verbs.nightly import nightly as run_nightly

    config = ExtractConfig(
        archive=archive,
        out=out,
        extractor=extractor,
        condition=condition,  # type: ignore[arg-type]  # checked there
        images=images,
        limit=limit,
        max_failed=max_failed,
        unit_size=unit_size,
        study_timeout=study_timeout,
        max_memory=max_memory,
        device=device,  # type: ignore[arg-type]  # checked there
    )
    judge = nights.Gate(gate if gate is not None else 1.0, min_support)
    with contextlib.redirect_stdout(sys.stderr):  # stdout is for data, whoever else prints
        report = run_nightly(
            config,
            graph,
            _store(out) if graph == "embedded" else None,
            console,
            insecure=insecure,
            dispatch=_dispatch(on_cluster, graph),
            gate=judge if gate is not None else None,
            keep=keep,
        )
    _print_report(report, as_json)


@app.command()
def prune(out: Out, keep: Keep = 7, as_json: Json = False) -> None:
    """Remove all but the last nights, and what the journal holds twice; nothing else may run."""
    from radkg.graph.build.as_of import remove_as_of
    from radkg.run.prune import prune as run_prune
    from radkg.run.snapshot import snapshot_ids
    from radkg.storage import open_storage

    storage = open_storage(out)
    report = run_prune(storage, keep)
    remove_as_of(Path(out), snapshot_ids(storage))
    _print_report(report, as_json)


@app.command()
def query(
    name: Annotated[str | None, typer.Argument(help="Name of a query; see --list.")] = None,
    cypher: Annotated[
        Path | None,
        typer.Option(
            help="In place of a name: a file with a reading Cypher statement.", metavar="FILE"
        ),
    ] = None,
    param: Annotated[
        list[str] | None,
        typer.Option(
            help="A parameter as name=value, for --cypher also as name:=JSON; may be repeated."
        ),
    ] = None,
    out: Out = "radkg-demo",
    graph: GraphAddress = "embedded",
    insecure: Insecure = False,
    as_of: AsOf = None,
    errors: Annotated[
        list[Path] | None,
        typer.Option(
            help="Measured error of your extractor (`radkg evaluate --errors`), for corrected "
            "rates; may be repeated. Those of the shipped extractors are known."
        ),
    ] = None,
    timeout: Annotated[float, typer.Option(help="Seconds that --cypher may take.")] = 60.0,
    max_rows: Annotated[int, typer.Option(help="Most rows of --cypher.", metavar="N")] = 10_000,
    list_queries: Annotated[bool, typer.Option("--list", help="Show the named queries.")] = False,
    as_json: Json = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="Print comma-separated values.")] = False,
) -> None:
    """Ask the graph a named question about the population, or your own in Cypher."""
    from radkg.graph.ask.correction import read_shipped_tables, read_table
    from radkg.graph.ask.free_cypher import run_cypher
    from radkg.graph.ask.queries import find_unknown_concepts, run_query
    from radkg.graph.ask.queries import list_queries as list_all

    if list_queries:
        _print_queries(list_all(), as_json, as_csv)
        return
    if (name is None) == (cypher is None):
        raise ConfigError(
            "which query? give its name, or a file with --cypher; `radkg query --list` shows them"
        )
    values = dict(_pair(text) for text in param or [])
    tables = [*map(read_table, errors or []), *read_shipped_tables()]
    statement = None if cypher is None else _read_text(cypher)
    with _graph(graph, out, insecure, night=_night(as_of, out)) as opened:
        if statement is not None:
            answer, is_cut = run_cypher(
                opened,
                statement,
                dict(_typed(*pair) for pair in values.items()),
                timeout_s=timeout,
                max_rows=max_rows,
            )
            if is_cut:
                typer.echo(f"warning: cut off after {max_rows} rows: --max-rows", err=True)
        else:
            answer = run_query(opened, str(name), values, tables)
            for hint in find_unknown_concepts(opened, answer):
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
def explore(
    out: Out = "radkg-demo",
    graph: GraphAddress = "embedded",
    insecure: Insecure = False,
    review: Annotated[
        Path,
        typer.Option(help="CSV file for verdicts on triplets, for `radkg review score`."),
    ] = Path("review.csv"),
    port: Annotated[int, typer.Option(help="On this machine alone; 0: a free one.")] = 0,
    archive: ReportsArchive = None,
    images: Images = None,
    as_json: Json = False,
) -> None:
    """Look at the graph in a browser: concepts, sentences, studies, named queries; until Ctrl-C."""
    from radkg.explore import explore as run_explore
    from radkg.progress import stage
    from radkg.storage import open_storage

    def ready(address: str) -> None:
        if as_json:
            _print_json({"address": address, "review": str(review)})
        else:
            typer.echo(f"open: {address}\nreview file: {review}\nstop: Ctrl-C")

    with contextlib.ExitStack() as stack:
        with stage(console, "open the graph"):
            opened = stack.enter_context(_graph(graph, out, insecure))
        run_explore(
            opened, open_storage(out), review, ready, port=port, archive=archive, images=images
        )


@app.command()
def evaluate(
    archive: Archive = "openi",
    extractor: Extractor = DEFAULT,
    target: Annotated[
        str, typer.Option(help="copy: what is extracted, filed; codes: what the model files.")
    ] = "copy",
    condition: Condition = None,
    images: Images = None,
    split: Annotated[str, typer.Option(help="train or test.")] = "test",
    floors: Annotated[
        str | None,
        typer.Option(help="quick, or all: rules and n-grams too; default: all for codes."),
    ] = None,
    reliability: Annotated[
        Path | None, typer.Option(help="Write the reliability plot of the confidences (PNG).")
    ] = None,
    errors: Annotated[
        Path | None,
        typer.Option(help="Write the error on each finding (JSON), for `radkg query --errors`."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Score an extractor against the human codes of an archive, with the floors beside it."""
    from radkg.evaluation import check_question
    from radkg.evaluation import evaluate as run_evaluate
    from radkg.evaluation.errors import write_errors
    from radkg.evaluation.reliability import plot_reliability
    from radkg.evaluation.table import lines

    question: Any = {"target": target, "condition": condition, "images": images, "floors": floors}
    try:
        check_question(split, **question)
    except ValueError as error:
        raise ConfigError(str(error)) from error
    if errors is not None and target != "copy":
        raise ConfigError("--errors is measured on extractions: --target copy")
    report = run_evaluate(archive, extractor, split, **question)
    if errors is not None:
        write_errors(report, errors)
    if reliability is not None:
        plot_reliability(report, reliability)
    if as_json:
        _print_json(report)
        return
    columns, rows, notes = lines(report)
    _print_table(columns, rows, None, as_csv=False)
    typer.echo("\n".join(notes))


@app.command()
@take_options(EXPORT_FORMATS)
def export(
    path: Annotated[Path, typer.Argument(help="File to write, or a directory.")],
    out: Out,
    file_format: Annotated[
        str, typer.Option("--format", help=describe_formats(EXPORT_FORMATS))
    ] = "radgraph",
    **options: Any,
) -> None:
    """Write what is published in a format for other tools; twice gives equal bytes."""
    from radkg.storage import open_storage

    chosen = make_format(EXPORT_FORMATS, file_format, options)
    written = chosen.write(open_storage(out), path)
    typer.echo(f"{written} written to {path}", err=True)


@app.command("import")
@take_options(IMPORT_FORMATS)
def import_file(
    file: Annotated[Path, typer.Argument(help="File to import.")],
    out: Out,
    file_format: Annotated[
        str, typer.Option("--format", help=describe_formats(IMPORT_FORMATS))
    ] = "radgraph",
    graph: GraphAddress = "embedded",
    insecure: Insecure = False,
    as_json: Json = False,
    **options: Any,
) -> None:
    """Publish the documents of a file, or put a table of known relations into the graph."""
    from radkg.storage import open_storage

    chosen = make_format(IMPORT_FORMATS, file_format, options)
    storage = open_storage(out)

    def write_known(table: str, known: Sequence[Known]) -> Mapping[str, object]:
        from radkg.graph.load.knowledge import write_knowledge
        from radkg.progress import stage
        from radkg.run import audit

        work = "import relations" if known else "remove the table"
        with _graph(graph, out, insecure) as opened, stage(console, work) as advance:
            report = dataclasses.asdict(write_knowledge(opened, table, known, advance))
        audit.record(storage, "import", {"graph": opened.engine.name, **report})
        return report

    target = ImportTarget(storage=storage, write_known=write_known)
    report = chosen.read(file, target)
    if as_json:
        _print_json(report.values)
    elif report.sentence:
        typer.echo(report.sentence, err=True)
    else:
        _print_values(report.values)


@audit_app.command("show")
def audit_show(out: Out) -> None:
    """Print the log, a line of JSON for every run, oldest first."""
    from radkg.run.audit import lines
    from radkg.storage import open_storage

    for line in lines(open_storage(out)):
        typer.echo(json.dumps(line, sort_keys=True))


@audit_app.command("verify")
def audit_verify(
    out: Out,
    last: Annotated[
        str | None, typer.Option(help="A hash that an earlier run said: it must stand in the log.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Check that the log is whole and unchanged; exit code 1 where it is not."""
    from radkg.run.audit import verify as verify_log
    from radkg.storage import open_storage

    report = verify_log(open_storage(out), last)
    if as_json:
        _print_json({"ok": report.ok, **dataclasses.asdict(report)})
    else:
        said = report.problems or (f"all {report.runs} runs stand as they were written",)
        typer.echo("\n".join([*said, f"last: {report.last}"]))
    if not report.ok:
        raise typer.Exit(1)


@review_app.command("make")
def review_make(
    file: Annotated[Path, typer.Argument(help="Sheet to write: .csv or .html.")],
    out: Out,
    studies: Annotated[int, typer.Option(help="How many studies to draw at random.")] = 20,
    seed: Annotated[int, typer.Option(help="Of the drawing: the same seed, the same studies.")] = 0,
    archive: ReportsArchive = None,
    images: Images = None,
    as_json: Json = False,
) -> None:
    """Write a review sheet over studies drawn from what is published, one row per triplet."""
    from radkg.review import make_sheet

    sheet = make_sheet(out, file, num_studies=studies, seed=seed, archive=archive, images=images)
    for problem in sheet.problems:
        typer.echo(f"warning: {problem}", err=True)
    if as_json:
        _print_json(sheet._asdict())
    else:
        typer.echo(
            f"{sheet.studies} studies, {sheet.triplets} triplets, {sheet.images} images: "
            f"{sheet.file}"
        )


@review_app.command("score")
def review_score(
    files: Annotated[list[Path], typer.Argument(help="Filled sheets, one per reader.")],
    as_json: Json = False,
) -> None:
    """Score filled sheets: the share accepted, and the agreement between readers."""
    from radkg.review import score_sheets
    from radkg.review.scoring import lines

    report = score_sheets(files)
    if as_json:
        _print_json(report)
    else:
        typer.echo("\n".join(lines(report)))


@app.command()
def convert(
    layout: Annotated[str, typer.Argument(help="Layout of the checkpoint: medclip.")],
    source: Annotated[Path, typer.Argument(help="Published checkpoint: the zip, or its .bin.")],
    directory: Annotated[Path, typer.Argument(help="Directory to write, for --vision.")],
) -> None:
    """Convert a published image encoder to safetensors, once; nothing in it is executed."""
    from radkg.model.vision.medclip import convert_medclip

    if layout != "medclip":
        raise ConfigError(f"no layout {layout!r}: known: medclip; open_clip's is read as it is")
    convert_medclip(source, directory)
    typer.echo(f"image encoder written to {directory}", err=True)


@app.command("graph")
def serve_graph(out: Out, as_of: AsOf = None) -> None:
    """Keep the embedded graph of a run open for any Bolt client, until interrupted."""
    from radkg.graph.build.as_of import locate_as_of
    from radkg.graph.engine.embedded import USER

    night = _night(as_of, out)
    store = locate_as_of(Path(out), night) if night else _store(out)
    with _graph("embedded", out, insecure=False, night=night) as opened:
        typer.echo(f"address: {opened.address}\nuser: {USER}")
        typer.echo(f"password: in the file {store / 'password'}\nstop: Ctrl-C")
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


def _builder(snapshot: Snapshot, into: Path, neo4j_home: Path | None) -> Callable[..., BuildReport]:
    """Return what builds a store and writes it down; called with the reason, if there is one."""
    from radkg.graph.build.store import build_store
    from radkg.graph.engine.neo4j_home import Neo4jHome
    from radkg.progress import stage
    from radkg.run.audit import record_load

    if neo4j_home is None:
        raise ConfigError("--into builds a Neo4j store: say where Neo4j is with --neo4j-home")
    home = Neo4jHome(neo4j_home)

    def run(*why: str) -> BuildReport:
        report = build_store(snapshot, into, home, lambda name: stage(console, name), *why)
        record_load(snapshot, "import", dataclasses.asdict(report))
        return report

    return run


@contextlib.contextmanager
def _graph(
    address: str,
    out: str,
    insecure: bool,
    *,
    must_exist: bool = True,
    night: Snapshot | None = None,
) -> Iterator[Graph]:
    """Open the graph of a run, or that of one of its nights."""
    from radkg.graph import open_graph
    from radkg.graph.build.as_of import open_as_of
    from radkg.graph.engine.embedded import find_store
    from radkg.progress import stage

    store = None
    if address == "embedded":
        store = _store(out)
        if night is not None:
            with open_as_of(Path(out), night, lambda name: stage(console, name)) as opened:
                yield opened
            return
        if must_exist:
            find_store(Path(out))
    elif night is not None:
        raise ConfigError("--as-of builds an embedded graph: leave out --graph")
    with open_graph(address, store, insecure=insecure) as opened:
        yield opened


def _dispatch(on_cluster: bool, graph: str, writers: int | None = None) -> Dispatch | None:
    """Return who writes the studies of a load, where this process does not."""
    if not on_cluster:
        return None
    if graph == "embedded":
        raise ConfigError(
            "several processes cannot write an embedded graph: give --on-cluster the address of a"
            " Neo4j server with --graph, or leave it out"
        )
    from radkg.cluster.writers import writer_actors

    return functools.partial(writer_actors, number=writers)


def _night(as_of: str | None, out: str) -> Snapshot | None:
    from radkg.run.names import find_night
    from radkg.storage import open_storage

    return None if as_of is None else find_night(as_of, open_storage(out))


def _store(out: str) -> Path:
    if "://" in out:
        raise ConfigError(
            f"the embedded graph needs a local --out, not {out}: give --graph ADDRESS"
        )
    return Path(out).resolve() / "graph"


def _pair(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals:
        raise ConfigError(f"--param {text!r}: give name=value")
    return name, value


def _json(text: str) -> Any:
    try:
        value = json.loads(text)
    except ValueError:
        return text
    return tuple(value) if isinstance(value, list) else value


def _range(text: str) -> tuple[int, int]:
    low, _, high = text.partition("-")
    try:
        return int(low), int(high or low)
    except ValueError:
        raise ConfigError(f"--workers {text!r}: give N or MIN-MAX") from None


def _typed(name: str, value: str) -> tuple[str, Any]:
    """Return a parameter of free Cypher: name=value is text, name:=value is JSON."""
    if not name.endswith(":"):
        return name, value
    try:
        return name[:-1], json.loads(value)
    except ValueError as error:
        raise ConfigError(f"--param {name}={value}: what follows := is no JSON: {error}") from None


def _read_text(path: Path) -> str:
    try:
        return path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"cannot read {path}: {error}") from error


def _print_queries(known: Sequence[Query], as_json: bool, as_csv: bool) -> None:
    if as_json:
        _print_json([query.as_json() for query in known])
        return
    rows = [
        [q.family, q.name, q.question, ", ".join(f"{p.name}={p.default}" for p in q.parameters)]
        for q in known
    ]
    columns = ["family", "name", "question", "parameters"]
    _print_table(columns, rows, None, as_csv)


def _print_json(value: Any) -> None:
    typer.echo(json.dumps(value, default=str))


def _print_report(report: Any, as_json: bool) -> None:
    values: Mapping[str, Any] = dataclasses.asdict(report)
    if as_json:
        _print_json(values)
    else:
        _print_values(values)


def _print_values(values: Mapping[str, Any]) -> None:
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
    Console(markup=False, emoji=False).print(table)  # a cell is what an archive or a graph says
