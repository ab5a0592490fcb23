"""Verbs on the knowledge graph that report writers learn from: build, diff, compare, page."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Annotated

import typer

from radkg.cli.options import Json, Out, ReportsArchive
from radkg.cli.output import print_json, print_report, print_table, show_progress

knowledge = typer.Typer(
    help="Build the knowledge graph that report writers learn from, and look into it."
)

Directory = Annotated[Path, typer.Argument(help="Directory of a knowledge graph.")]


@knowledge.command("build")
def knowledge_build(
    out: Out,
    into: Annotated[
        Path | None,
        typer.Option(
            help="Directory of the graph; default: `knowledge` in the run. The graph that stood "
            "there stays beside it, its name followed by `-previous`.",
            metavar="DIR",
        ),
    ] = None,
    images: Annotated[
        str | None,
        typer.Option(
            help="Images of the archive, for visual tokens: a path or s3://bucket/key, as of "
            "`radkg extract`; default: no visual tokens."
        ),
    ] = None,
    eye: Annotated[
        Path | None,
        typer.Option(
            help="Model directory of the eye that looks at the images; default: that of the "
            "shipped small model.",
            metavar="DIR",
        ),
    ] = None,
    token_width: Annotated[
        int | None,
        typer.Option(help="Width of a visual token; default: that of the tower's features."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Count the concepts and relations that the published training reports state."""
    from radkg.verbs.knowledge import KnowledgeConfig, build

    config = KnowledgeConfig(out=out, into=into, images=images, eye=eye, token_width=token_width)
    print_report(build(config, show_progress()), as_json)


@knowledge.command("diff")
def knowledge_diff(
    before: Annotated[Path, typer.Argument(help="Directory of the graph to start from.")],
    after: Annotated[Path, typer.Argument(help="Directory of the graph to compare with it.")],
    as_json: Json = False,
) -> None:
    """Tell which concepts and relations came, went or changed between two graphs."""
    from radkg.knowledge.diff import compare_knowledge
    from radkg.knowledge.store import load_knowledge
    from radkg.knowledge.tables import make_diff_tables

    found = compare_knowledge(load_knowledge(before), load_knowledge(after))
    if as_json:
        print_json(found.to_dict())
        return
    for title, columns, rows in make_diff_tables(found):
        if rows:
            print_table(columns, rows, title)


@knowledge.command("compare")
def knowledge_compare(
    directory: Directory,
    table: Annotated[
        Path,
        typer.Option(
            "--with",
            help="Table of relations that others published: CSV with the columns of R2GenKG's "
            "M3KG, as `radkg import --format relations` takes it.",
            metavar="FILE",
        ),
    ],
    as_json: Json = False,
) -> None:
    """Compare a graph with a published table: what both have, and how the counts agree."""
    from radkg.knowledge.tables import make_comparison_tables
    from radkg.verbs.knowledge import compare

    found = compare(directory, table)
    if as_json:
        print_json(dataclasses.asdict(found))
        return
    for title, columns, rows in make_comparison_tables(found):
        print_table(columns, rows, title)


@knowledge.command("page")
def knowledge_page(
    directory: Directory,
    label: Annotated[str, typer.Option(help="Finding whose visual tokens are shown.")],
    out: Annotated[
        Path, typer.Option("--out", help="HTML file to write; it works offline.", metavar="FILE")
    ],
    images: Annotated[
        str, typer.Option(help="Images of the archive, as of `radkg knowledge build`.")
    ],
    archive: ReportsArchive = None,
    cases: Annotated[
        int, typer.Option(help="Number of tokens of all labels to be judged on the page.")
    ] = 50,
    seed: Annotated[
        int, typer.Option(help="Seed of the draw: the same seed draws the same cases.")
    ] = 0,
    as_json: Json = False,
) -> None:
    """Write a page of a label's visual tokens, with cases to judge for `radkg review score`."""
    from radkg.review.tokens import TokenPageSettings, make_token_page

    settings = TokenPageSettings(
        label=label, images=images, archive=archive, cases=cases, seed=seed
    )
    page = make_token_page(directory, out, settings)
    for problem in page.problems:
        typer.echo(f"warning: {problem}", err=True)
    if as_json:
        print_json(page._asdict())
    else:
        typer.echo(
            f"{page.tokens} tokens of {page.label}, {page.images} images shown, {page.cases} cases "
            f"to judge: {page.file}"
        )
