"""Verbs on models: train, experiment, convert."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from radkg.cli.options import Archive, Images, Json, Limit, parse_bounds, parse_pair
from radkg.cli.output import console, keep_stdout_for_data, print_json
from radkg.errors import ConfigError

Preset = Literal[
    "small",
    "eye",
    "planner",
    "onepass",
    "published",
    "r2genkg-small",
    "r2genkg-smoke",
    "r2genkg-published",
    "medkit-small",
]
Parallel = Literal["ddp", "fsdp"]
Precision = Literal["fp32", "bf16"]


def train(
    out: Annotated[str, typer.Option(help="Directory of the run, which all workers must see.")],
    preset: Annotated[
        Preset, typer.Option(help="Preset: which stages are trained, on what, how long.")
    ] = "small",
    archive: Archive = "openi",
    images: Images = None,
    stage: Annotated[
        list[str] | None,
        typer.Option(help="Name of a stage to train; may be repeated. Default: all."),
    ] = None,
    workers: Annotated[str, typer.Option(help="Number of workers, or MIN-MAX.", metavar="N")] = "1",
    parallel: Annotated[
        Parallel, typer.Option(help="Way to share a model among workers: copies, or parts of one.")
    ] = "ddp",
    precision: Annotated[
        Precision | None, typer.Option(help="Precision of the floats; default: the preset's.")
    ] = None,
    language: Annotated[
        str | None,
        typer.Option(
            help="Directory of a language model to start from: of Qwen2's architecture, for "
            "R2GenKG of any."
        ),
    ] = None,
    vision: Annotated[
        str | None,
        typer.Option(help="Image encoder; default: the one that this run trains, or the shipped."),
    ] = None,
    knowledge: Annotated[
        str | None,
        typer.Option(help="Directory of a knowledge graph, for the presets of R2GenKG and MedKit."),
    ] = None,
    change: Annotated[
        list[str] | None,
        typer.Option("--set", help="Setting of the preset as name=JSON; may be repeated."),
    ] = None,
    radgraph: Annotated[
        str | None, typer.Option(help="RadGraph JSON file to learn from as well; default: none.")
    ] = None,
    only_radgraph: Annotated[
        bool, typer.Option(help="Learn to copy from --radgraph alone, not from the rules.")
    ] = False,
    teacher: Annotated[
        str | None,
        typer.Option(
            help="Teacher of `small`, `onepass` or `published`: a run of the archive, or an "
            "extractor such as llm:DIRECTORY, whose reading of the training reports is learnt as "
            "well. Default: the shipped one-pass model, for `onepass` the rules."
        ),
    ] = None,
    limit: Limit = None,
    steps: Annotated[
        int | None, typer.Option(help="Optimizer steps of every stage; default: the preset's.")
    ] = None,
    max_failures: Annotated[
        int, typer.Option(help="Number of lost workers after which the run goes on.")
    ] = 3,
    as_json: Json = False,
) -> None:
    """Train a model, stage by stage; a run that was stopped goes on with the same command."""
    from radkg.cli.progress import show_training
    from radkg.cluster.train import train as run_train
    from radkg.extractor import resolve_name
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
            "knowledge": knowledge,
            "settings": {key: _parse_json(value) for key, value in map(parse_pair, change or [])},
            "radgraph": radgraph,
            "only_radgraph": only_radgraph,
            "teacher": teacher and resolve_name(teacher),
            "limit": limit,
            "steps": steps,
            "workers": parse_bounds(workers),
            "parallel": parallel,
            "precision": precision,
            "max_failures": max_failures,
        }
    )
    with show_training(console) as follow, keep_stdout_for_data():
        report = run_train(job, follow)
    if as_json:
        print_json(dataclasses.asdict(report))
        return
    for line in report.stages:
        typer.echo(f"{line['stage']}: {line['step']} steps, loss {line['loss']:.4f}")
    typer.echo(f"model: {report.model}\nloss curve: {report.out}/metrics.jsonl, tensorboard/")


def experiment(
    name: Annotated[
        str,
        typer.Argument(
            help="Experiment: conditions, projector, prefix, prompts, r2genkg, medkit or transfer."
        ),
    ],
    out: Annotated[str, typer.Option(help="Directory for table and plot.")],
    archive: Archive = "openi",
    images: Images = None,
    model: Annotated[
        str, typer.Option(help="Model that variants start from: `small`, or a model directory.")
    ] = "small",
    vision: Annotated[
        str | None, typer.Option(help="Image encoder; default: the model's own, or ImageNet's.")
    ] = None,
    split: Annotated[
        Literal["dev", "test"],
        typer.Option(
            help="Studies to score: dev, a held-out tenth of train, to choose; test to report."
        ),
    ] = "dev",
    steps: Annotated[int, typer.Option(help="Number of optimizer steps of one variant.")] = 200,
    minutes: Annotated[
        float | None,
        typer.Option(help="Minutes of one variant, in place of --steps: as many steps as fit."),
    ] = None,
    seed: Annotated[int, typer.Option(help="Seed of weights, order and shuffled images.")] = 0,
    limit: Limit = None,
    other: Annotated[
        str | None,
        typer.Option(
            help="RadGraph JSON (file or directory) of another institution, for transfer."
        ),
    ] = None,
    change: Annotated[
        list[str] | None,
        typer.Option("--set", help="Setting of the experiment as name=JSON; may be repeated."),
    ] = None,
    readme: Annotated[
        Path | None, typer.Option(help="File between whose marks the table is written as well.")
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
    own = {key: _parse_json(value) for key, value in map(parse_pair, change or [])}
    with keep_stdout_for_data():
        table, files = run_experiment(name, config, own)
    if readme is not None:
        table.write_into(readme)
    if as_json:
        print_json({"rows": [dataclasses.asdict(row) for row in table.rows]})
        return
    typer.echo(table.to_markdown() + "\n".join(str(file) for file in files))


def convert(
    layout: Annotated[Literal["medclip"], typer.Argument(help="Layout of the checkpoint.")],
    source: Annotated[Path, typer.Argument(help="Published checkpoint: the zip, or its .bin.")],
    directory: Annotated[Path, typer.Argument(help="Directory to write, for --vision.")],
) -> None:
    """Convert a published image encoder to safetensors, once; nothing in it is executed."""
    from radkg.model.vision.medclip import convert_medclip

    convert_medclip(source, directory)
    typer.echo(f"image encoder written to {directory}", err=True)


def _parse_json(text: str) -> Any:
    """Return a value that is JSON, or else a text; a list becomes a tuple, as settings have it.

    Raises:
        ConfigError: the text begins as a list does, and is none.
    """
    try:
        value = json.loads(text)
    except ValueError:
        if text.startswith(("[", "{")):
            raise ConfigError(f'{text} is no list: write a list as ["a","b"]') from None
        return text
    return tuple(value) if isinstance(value, list) else value
