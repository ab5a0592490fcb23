"""Verbs that exchange with others: export, import, data, review."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from radkg.cli.formats import describe_formats, take_format_options
from radkg.cli.options import DraftsRun, GraphAddress, Images, Insecure, Json, Out, ReportsArchive
from radkg.cli.output import print_json, print_report, print_values, show_progress
from radkg.interchange.formats import EXPORT_FORMATS, IMPORT_FORMATS
from radkg.interchange.formats.base import make_format

review = typer.Typer(help="Have radiologists judge triplets or drafts, and score the sheets.")


@take_format_options(EXPORT_FORMATS)
def export(
    path: Annotated[Path, typer.Argument(help="File to write, or a directory.")],
    out: Out,
    file_format: Annotated[
        str, typer.Option("--format", help=describe_formats(EXPORT_FORMATS))
    ] = "radgraph",
    **options: Any,
) -> None:
    """Write what is published in a format for other tools; twice gives equal bytes."""
    from radkg.run.run import Run

    chosen = make_format(EXPORT_FORMATS, file_format, options)
    written = chosen.write(Run(out).storage, path)
    typer.echo(f"{written} written to {path}", err=True)


@take_format_options(IMPORT_FORMATS)
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
    from radkg.verbs.importing import ImportConfig
    from radkg.verbs.importing import import_file as run_import

    chosen = make_format(IMPORT_FORMATS, file_format, options)
    config = ImportConfig(file=file, out=out, graph=graph, insecure=insecure)
    report = run_import(config, chosen, show_progress())
    if as_json:
        print_json(report.values)
    elif report.sentence:
        typer.echo(report.sentence, err=True)
    else:
        print_values(report.values)


def data(
    name: Annotated[
        Literal["radgraph-style"],
        typer.Argument(help="Data set; radgraph-style: invented reports with model-made labels."),
    ],
    directory: Annotated[Path, typer.Argument(help="Directory to write.")],
    as_json: Json = False,
) -> None:
    """Write the annotated reports that radkg carries as RadGraph JSON, with guide and licence."""
    from radkg.interchange.radgraph_style import write_radgraph_style

    print_report(write_radgraph_style(directory), as_json)


@review.command("make")
def review_make(
    file: Annotated[Path, typer.Argument(help="Sheet to write: .csv or .html.")],
    out: Out,
    studies: Annotated[int, typer.Option(help="Number of studies to draw at random.")] = 20,
    seed: Annotated[
        int, typer.Option(help="Seed of the draw: the same seed draws the same studies.")
    ] = 0,
    drafts: DraftsRun = None,
    archive: ReportsArchive = None,
    images: Images = None,
    as_json: Json = False,
) -> None:
    """Write a review sheet over studies drawn from what is published: triplets, or drafts."""
    from radkg.review import make_draft_sheet, make_sheet

    places = {"archive": archive, "images": images}
    sheet = (
        make_draft_sheet(out, drafts, file, num_studies=studies, seed=seed, **places)
        if drafts
        else make_sheet(out, file, num_studies=studies, seed=seed, **places)
    )
    for problem in sheet.problems:
        typer.echo(f"warning: {problem}", err=True)
    if as_json:
        print_json(sheet._asdict())
    else:
        counted = ("drafts", "sentences") if drafts else ("studies", "triplets")
        numbers = (f"{getattr(sheet, name)} {name}" for name in (*counted, "images"))
        typer.echo(f"{', '.join(numbers)}: {sheet.file}")


@review.command("score")
def review_score(
    files: Annotated[list[Path], typer.Argument(help="Filled sheets, one per reader.")],
    as_json: Json = False,
) -> None:
    """Score filled sheets: the share accepted or correct, and the agreement between readers."""
    from radkg.review import score_sheets
    from radkg.review.scoring import format_scores

    report = score_sheets(files)
    if as_json:
        print_json(report)
    else:
        typer.echo("\n".join(format_scores(report)))
