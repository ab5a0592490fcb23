"""All that the population says of one concept: who has it, with what, where, since when."""

from __future__ import annotations

from typing import Any

from radkg.graph.ask.correction import ErrorTable
from radkg.metrics.prevalence import correct_prevalence
from radkg.population.answers import CLASS_NAMES, NAMED
from radkg.population.asking import list_columns, list_ignored, resolve_name
from radkg.population.comparing import LEAST, compute_ratio
from radkg.population.counting import count, count_times, list_groups
from radkg.population.periods import choose_times, make_period
from radkg.population.population import PRESENT, Population
from radkg.schema.mentions import Array

Row = dict[str, Any]
WIDTH = 10  # years of a group of ages

_NAMES = {"modifier": "word", "with_finding": "finding", "suggestion": "finding", "sign": "finding"}


def describe_concept(
    population: Population,
    text: str,
    limit: int,
    error: ErrorTable | None = None,
) -> Row | None:
    """Return what is known of the concept that a text names; None where no study mentions it.

    Args:
        population: that is asked.
        text: a name as a person writes it.
        limit: the most rows of one list.
        error: measured error of what read the population; None: no rate is corrected.
    """
    name = resolve_name(population, text)
    if name not in population.codes:
        return None
    ignore = list_ignored()

    def ask(query: str, **given: Any) -> list[Row]:
        return list_rows(population, query, **given)

    pairs = ask("co_occurrence", finding=name, ignore=ignore, limit=limit)
    lifts = ask("lift", finding=name, min_studies=LEAST, ignore=ignore, limit=limit)
    code = population.codes[name]
    literal = " ".join(text.lower().split())
    return {
        "name": name,
        "notes": [f"{literal!r} is {name!r} in the graph"] if literal != name else [],
        "is_finding": bool(count(population.find_label(code) >= 0)),
        "is_site": bool((population.sites["other"] == code).any()),
        "mentioned": population.count_mentioned(code),
        "certainty": describe_certainty(population, name, error),
        "occurs_with": _add_intervals(population, pairs),
        "unusual": _add_intervals(population, lifts),
        "described": ask("modifiers", finding=name, limit=limit),
        "located": ask("finding_sites", finding=name, limit=limit),
        "findings_there": ask("site_findings", site=name, ignore=ignore, limit=limit),
        "suggests": ask("suggests", finding=name, limit=limit),
        "suggested_by": ask("suggested_by", finding=name, limit=limit),
        "severity": _name_classes("severity", ask("severity", finding=name)),
        "sides": _name_classes("side", ask("laterality", finding=name)),
        **describe_groups(population, name, error),
    }


def list_rows(population: Population, query: str, **given: Any) -> list[Row]:
    """Return the rows of a named query with the names of its columns, in the words of the page."""
    columns = [_NAMES.get(column, column) for column in list_columns(query)]
    found = NAMED[query](population, **given)
    return [dict(zip(columns, row, strict=True)) for row in found]


def describe_certainty(population: Population, name: str, error: ErrorTable | None) -> Row:
    """Return in how many studies a finding is present, uncertain, denied or not mentioned."""
    rows = NAMED["prevalence"](population, name)
    numbers = {row[0].replace(" ", "_"): row[1] for row in rows}
    of = count(population.read)
    correct = Corrector(name, error)
    mentioned = of - numbers["not_mentioned"]
    return {**numbers, "mentioned": mentioned, **correct.make_row(numbers["present"], of)}


def describe_groups(
    population: Population, name: str, error: ErrorTable | None
) -> dict[str, list[Row]]:
    """Return the prevalence of a finding over time and by age, sex and view."""
    present = population.find_label(population.get_code(name)) == PRESENT
    correct = Corrector(name, error)
    unit, times = choose_times(population)

    def rate_one(which: Array) -> Row:
        return correct.make_row(count(which & present), count(which & population.read))

    return {
        "trend": [
            {**make_period(time, unit)._asdict(), **correct.make_row(studies, of)}
            for time, studies, of in count_times(population, times, present)
        ],
        **list_groups(population, WIDTH, rate_one),
    }


class Corrector:
    """Makes rows with rates of one finding, corrected for the measured error of the extractor."""

    def __init__(self, name: str, error: ErrorTable | None) -> None:
        self._error = error.findings.get(name) if error else None

    def make_row(self, studies: int, of: int) -> Row:
        """Return studies, of, rate, corrected, low and high; None for what is not known."""
        found = correct_prevalence(studies, of, self._error) if self._error else None
        corrected = found or (None, None, None)
        names = ("corrected", "low", "high")
        rate = studies / of if of else None
        return {"studies": studies, "of": of, "rate": rate} | dict(
            zip(names, corrected, strict=True)
        )


def _name_classes(column: str, rows: list[Row]) -> list[Row]:
    """Return rows of severity or laterality with the classes as a cohort names them."""
    names = {told: name for name, told in CLASS_NAMES.items()}
    return [{**row, column: names.get(row[column], row[column])} for row in rows]


def _add_intervals(population: Population, rows: list[Row]) -> list[Row]:
    """Return rows of co_occurrence with the interval of their lift."""
    of = count(population.read)
    found = []
    for row in rows:
        with_other = round(row["overall"] * of)
        ratio = compute_ratio(row["studies"], row["of"], with_other, of)
        ends = {"low": ratio.low, "high": ratio.high} if ratio else {"low": None, "high": None}
        found.append({**row, **ends})
    return found
