"""The verb on scores: evaluate, with four targets."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from radkg.cli.options import Archive, ConditionOption, Extractor, Images, Json
from radkg.cli.output import keep_stdout_for_data, print_json, print_table
from radkg.errors import ConfigError
from radkg.schema.records import Condition

_TARGETS_OF = {
    "archive": ("copy", "codes", "report"),
    "extractor": ("copy", "codes", "radgraph"),
    "gold": ("radgraph",),
    "condition": ("copy", "codes", "radgraph"),
    "images": ("copy", "codes", "report"),
    "split": ("copy", "codes", "report"),
    "floors": ("copy", "codes"),
    "reliability": ("copy", "codes", "radgraph"),
    "errors": ("copy",),
    "reporter": ("report",),
    "readers": ("report",),
    "predictions": ("report",),
    "export_pairs": ("report",),
}
"""by the option, the targets that have a use for it"""


def evaluate(
    context: typer.Context,
    archive: Archive = "openi",
    extractor: Extractor = "small",
    target: Annotated[
        Literal["copy", "codes", "radgraph", "report"],
        typer.Option(
            help="What is scored; copy: the extraction, filed as coders would; codes: what the "
            "model files itself; radgraph: spans, labels and relations against --gold; report: "
            "the reports that --reporter writes from --images, or the texts of --predictions."
        ),
    ] = "copy",
    gold: Annotated[
        list[str] | None,
        typer.Option(
            help="Gold of --target radgraph: radgraph-style (reports) or openi-sentences, of both "
            "the tenth whose labels no training reads; or a file of RadGraph JSON. A second file "
            "with the same texts is a second annotator. Default: radgraph-style."
        ),
    ] = None,
    condition: ConditionOption = None,
    images: Images = None,
    split: Annotated[
        Literal["train", "dev", "test"],
        typer.Option(
            help="Split whose studies are scored; dev: of --target report, the tenth of train that "
            "nothing learns from, to choose on; train: of the other targets."
        ),
    ] = "test",
    floors: Annotated[
        Literal["quick", "all"] | None,
        typer.Option(
            help="Floors beside the score; all: rules and n-grams too. Default: all for "
            "codes, else quick."
        ),
    ] = None,
    reliability: Annotated[
        Path | None, typer.Option(help="PNG file for the reliability plot of the confidences.")
    ] = None,
    errors: Annotated[
        Path | None,
        typer.Option(help="JSON file for the error on each finding, for `radkg query --errors`."),
    ] = None,
    reporter: Annotated[
        str | None,
        typer.Option(
            help="Reporter of --target report: `plan`, a model directory, or your own as "
            "package.module:factory; default: plan, where --predictions are not given."
        ),
    ] = None,
    readers: Annotated[
        str,
        typer.Option(help="Extractors that read the reports back, with commas between them."),
    ] = "rules,onepass",
    predictions: Annotated[
        Path | None,
        typer.Option(
            help="JSON Lines file of anybody's reports, a line {study_id, text} for each study; "
            "default: what --reporter writes."
        ),
    ] = None,
    export_pairs: Annotated[
        Path | None,
        typer.Option(
            help="JSON Lines file for the true report and the scored one of each study: study_id, "
            "ref, hyp; default: none."
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Score an extractor or a reporter against human codes or graphs, floors beside it."""
    _refuse_options(context, target)
    if target == "radgraph":
        _evaluate_graphs(gold or ["radgraph-style"], extractor, condition, reliability, as_json)
        return
    if target == "report":
        if split == "train":
            raise ConfigError("--target report has --split dev, to choose on, and --split test")
        names = [name.strip() for name in readers.split(",") if name.strip()]
        options: dict[str, Any] = {"split": split, "readers": names, "pairs": export_pairs}
        _evaluate_reports(archive, reporter, images, predictions, options, as_json)
        return
    if split == "dev":
        raise ConfigError("--split dev is for --target report")
    from radkg.evaluation import check_question
    from radkg.evaluation import evaluate as run_evaluate
    from radkg.evaluation.errors import write_errors
    from radkg.evaluation.table import make_score_table

    question: Any = {"target": target, "condition": condition, "images": images, "floors": floors}
    try:
        check_question(split, **question)
    except ValueError as error:
        raise ConfigError(str(error)) from error
    report = run_evaluate(archive, extractor, split, **question)
    if errors is not None:
        write_errors(report, errors)
    _print_scores(report, make_score_table, reliability, as_json)


def _evaluate_graphs(
    gold: list[str],
    extractor: str,
    condition: Condition | None,
    reliability: Path | None,
    as_json: bool,
) -> None:
    from radkg.evaluation.radgraph import evaluate_radgraph
    from radkg.evaluation.radgraph_table import make_radgraph_table

    report = evaluate_radgraph(gold, extractor, condition)
    _print_scores(report, make_radgraph_table, reliability, as_json)


def _evaluate_reports(
    archive: str,
    reporter: str | None,
    images: str | None,
    predictions: Path | None,
    options: dict[str, Any],
    as_json: bool,
) -> None:
    from radkg.evaluation.reports import check_report_question, evaluate_reports
    from radkg.evaluation.reports.table import list_report_notes, make_report_tables
    from radkg.reporter.loading import DEFAULT_REPORTER, load_reporter

    name = reporter or (None if predictions else DEFAULT_REPORTER)
    check_report_question(name is not None, images, predictions)
    with keep_stdout_for_data():
        writer = None if name is None else load_reporter(name)
        report = evaluate_reports(archive, writer, images, predictions=predictions, **options)
    if as_json:
        print_json(report)
        return
    for table in make_report_tables(report):
        print_table(table.columns, table.rows, table.title)
    typer.echo("\n".join(list_report_notes(report)))


def _print_scores(
    report: dict[str, Any],
    make_table: Callable[[dict[str, Any]], tuple[list[str], list[list[str]], list[str]]],
    reliability: Path | None,
    as_json: bool,
) -> None:
    """Print a report of scores, and plot its calibration into a file where one is named."""
    from radkg.evaluation.reliability import plot_reliability

    if reliability is not None:
        plot_reliability(report, reliability)
    if as_json:
        print_json(report)
        return
    columns, rows, notes = make_table(report)
    print_table(columns, rows)
    typer.echo("\n".join(notes))


def _refuse_options(context: typer.Context, target: str) -> None:
    """Refuse options that were given and that the target has no use for."""
    for name, targets in _TARGETS_OF.items():
        is_given = str(context.get_parameter_source(name)) != "ParameterSource.DEFAULT"
        if is_given and target not in targets:
            known = " or ".join(filter(None, (", ".join(targets[:-1]), targets[-1])))
            raise ConfigError(
                f"--{name.replace('_', '-')} is for --target {known}, not for --target {target}"
            )
