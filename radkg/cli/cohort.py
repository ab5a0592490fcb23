"""The verb on a cohort: which studies are meant, by the columns and without a graph."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated

import typer

from radkg.cli.options import Json, Out
from radkg.cli.output import print_json, print_table, print_values, show_progress
from radkg.errors import ConfigError

if TYPE_CHECKING:
    from radkg.population.cohort import Cohort
    from radkg.run.run import Run

_SHOWN = ("words", "studies", "patients", "of", "rate", "query")


def cohort(
    out: Out = "radkg-demo",
    finding: Annotated[
        list[str] | None,
        typer.Option(
            help="Finding as name:state:detail=value; may be repeated, and all must hold. States: "
            "present (the default), uncertain, absent, possible, mentioned, without, unmentioned. "
            "Details: severity, side, site."
        ),
    ] = None,
    since: Annotated[
        str | None, typer.Option(help="First day, as 2014-03-01; leaves out undated studies.")
    ] = None,
    until: Annotated[
        str | None, typer.Option(help="Last day, as 2014-03-31; leaves out undated studies.")
    ] = None,
    age_from: Annotated[
        int | None, typer.Option(help="Least age in years; 90 stands for all who are older.")
    ] = None,
    age_to: Annotated[int | None, typer.Option(help="Greatest age in years.")] = None,
    sex: Annotated[
        list[str] | None,
        typer.Option(help="Sex: female, male, other or unknown; may be repeated, and one is met."),
    ] = None,
    view: Annotated[
        list[str] | None,
        typer.Option(help="View position or unknown; may be repeated, and one is met."),
    ] = None,
    confidence: Annotated[
        float, typer.Option(help="Confidence in [0, 1] below which a finding does not count.")
    ] = 0.0,
    night: Annotated[
        str | None,
        typer.Option(
            help="Snapshot: its id, the beginning of the id, or a date. Default: the last one.",
            metavar="SNAPSHOT",
        ),
    ] = None,
    address: Annotated[
        str | None,
        typer.Option(help="Cohort as the explorer's address writes it, in place of the above."),
    ] = None,
    name: Annotated[
        str | None, typer.Option(help="Name of a saved cohort, in place of the above.")
    ] = None,
    save: Annotated[
        str | None, typer.Option(help="Name to save the cohort under, beside the run.")
    ] = None,
    list_saved: Annotated[
        bool, typer.Option("--list", help="Show the saved cohorts, in place of one.")
    ] = False,
    as_ids: Annotated[
        bool, typer.Option("--ids", help="The study ids, one a line, in place of the numbers.")
    ] = False,
    as_csv: Annotated[
        bool, typer.Option("--csv", help="The studies as CSV, in which no cell is a formula.")
    ] = False,
    as_cypher: Annotated[
        bool, typer.Option("--cypher", help="The Cypher that gives these studies from the graph.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Count the studies that have some findings and lack others, or list them, in a second."""
    from radkg.population.asking import resolve_name
    from radkg.population.building import open_population
    from radkg.population.describing import describe_cohort, list_ids, write_csv
    from radkg.population.saved import save_cohort
    from radkg.population.selecting import select_studies
    from radkg.run.run import Run

    given = {
        **{"finding": finding, "since": since, "until": until, "age_from": age_from},
        **{"age_to": age_to, "sex": sex, "view": view, "night": night},
        "confidence": confidence or None,
    }
    run = Run(out)
    if list_saved:
        _print_saved(run, as_json)
        return
    asked = _choose_cohort(run, given, address, name)
    snapshot = run.find_snapshot(asked.night) if asked.night else run.read_snapshot()
    with show_progress()("read the columns") as advance:
        population = open_population(snapshot, advance)
    resolved = asked.resolve(population, resolve_name)
    studies = select_studies(population, resolved)
    found = describe_cohort(population, asked, resolved, studies)
    for note in found["notes"]:
        typer.echo(f"note: {note}", err=True)
    if save is not None:
        save_cohort(run.storage, save, resolved)
    if as_json:
        print_json(found | {"study_ids": list_ids(population, studies)})
    elif as_cypher:
        typer.echo(found["cypher"], nl=False)
    elif as_ids:
        for study_id in list_ids(population, studies):
            typer.echo(study_id)
    elif as_csv:
        typer.echo(write_csv(population, studies), nl=False)
    else:
        print_values({key: found[key] for key in _SHOWN})


def _print_saved(run: Run, as_json: bool) -> None:
    from radkg.population.saved import list_cohorts

    found = [each.to_dict() for each in list_cohorts(run.storage)]
    if as_json:
        print_json(found)
    else:
        print_table(["name", "words"], [[each["name"], each["words"]] for each in found])


def _choose_cohort(
    run: Run, given: Mapping[str, object], address: str | None, name: str | None
) -> Cohort:
    """Return the cohort that the options mean: by criteria, by an address or by a name."""
    from radkg.population.cohort import Cohort
    from radkg.population.saved import find_cohort

    pairs = [
        (key, str(each))
        for key, value in given.items()
        if value is not None
        for each in (value if isinstance(value, list) else [value])
    ]
    if sum([bool(pairs), address is not None, name is not None]) > 1:
        raise ConfigError("which cohort? give criteria, --address or --name, one of these")
    if name is not None:
        return find_cohort(run.storage, name)
    return Cohort.parse(pairs) if address is None else Cohort.parse_query(address)
