"""What a person may mean while they type: names that complete a text, the best first."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal, NamedTuple, get_args

import numpy as np

from radkg.graph.ask.naming import find_nearest_names, list_names
from radkg.population.counting import count, group_sexes, group_views
from radkg.population.criteria import STATES
from radkg.population.population import Population
from radkg.population.wording import SEVERITIES, SIDES

ChoiceKind = Literal["finding", "site", "view", "sex", "severity", "side", "state"]
CHOICE_KINDS: tuple[ChoiceKind, ...] = get_args(ChoiceKind)


class Choice(NamedTuple):
    """A name that can be chosen."""

    name: str
    studies: int | None
    """that mention it, or are of it; None: not counted"""
    note: str | None = None
    """why it is offered, where the text does not stand in it"""


def list_choices(population: Population, kind: ChoiceKind, text: str, limit: int) -> list[Choice]:
    """Return names of a kind that complete a text, the best first, then those of most studies.

    What the readers call the text comes first (PTX is a pneumothorax), then what begins with it,
    what has a word that begins with it, and what holds it. Where a text completes to no finding or
    site, the nearest names are offered, as `radkg query` names them.
    """
    wanted, *read = list_names(text)
    ranked: list[tuple[int, int, int, Choice]] = []
    choices = list(_list_all(population, kind))
    for choice in choices:
        rank = _rank(choice.name, wanted)
        if choice.name in read and choice.name != wanted:
            rank, choice = 0, choice._replace(note=f"{text.strip()} is {choice.name}")
        if rank is not None:
            ranked.append((rank, -(choice.studies or 0), len(ranked), choice))
    if ranked or kind not in ("finding", "site"):
        return [choice for *_, choice in sorted(ranked)[:limit]]
    known = {choice.name: choice for choice in choices}
    near = find_nearest_names(sorted(known), wanted)
    return [known[name]._replace(note=f"near to {wanted}") for name in near[:limit]]


def describe_unknown(population: Population, name: str) -> str:
    """Return a hint for a name that no study mentions."""
    near = [repr(each) for each in find_nearest_names(population.names, name)]
    hint = f": did you mean {' or '.join(near)}?" if near else ""
    return f"no study mentions {name!r}{hint}"


def _rank(name: str, wanted: str) -> int | None:
    """Return how well a name completes a text, 0 the best; None: not at all."""
    if not wanted or name == wanted:
        return 0
    if name.startswith(wanted):
        return 1
    if f" {wanted}" in name:
        return 2
    return 3 if wanted in name else None


def _list_all(population: Population, kind: ChoiceKind) -> Iterable[Choice]:
    if kind in ("finding", "site"):
        numbers = population.mentioned if kind == "finding" else population.at_sites
        return [
            Choice(population.names[code], int(numbers[code]))
            for code in np.flatnonzero(numbers).tolist()
        ]
    if kind in ("view", "sex"):
        groups = group_views(population) if kind == "view" else group_sexes(population)
        return [Choice(name, count(which & population.read)) for name, which in groups]
    fixed = {"severity": SEVERITIES, "side": SIDES, "state": STATES}
    return [Choice(name, None) for name in fixed[kind]]
