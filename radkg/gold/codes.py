"""The human MeSH codes of Open-i as gold: which findings a report asserts, and where.

A code is `Head/qualifier/...`; `codes.csv` says what each term is. The codes name the
salient present findings only: no uncertain or absent finding, no spans, no suggestive_of.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal

from radkg.errors import SchemaError
from radkg.schema.records import Label

GoldTriplet = tuple[str, str, str]
_TABLE = Path(__file__).with_name("codes.csv")


@dataclass(frozen=True, slots=True)
class Gold:
    """What the human codes of one report say.

    `usable` is False where the coders left the report out ("No Indexing", or no code at all);
    `normal` is True where they filed `normal` alone: a true negative.
    """

    usable: bool
    normal: bool
    entities: frozenset[tuple[str, Label]]
    triplets: frozenset[GoldTriplet]

    @property
    def observations(self) -> frozenset[str]:
        """Return the names of the coded observations, modifiers among them."""
        return frozenset(name for name, label in self.entities if label == "OBS-DP")


@dataclass(frozen=True, slots=True)
class _Term:
    kind: Literal[
        "observation", "anatomy", "side", "modifier", "finding", "skip", "normal", "unusable"
    ]
    name: str
    site: str
    parent: str


def parse_gold(codes: Iterable[str]) -> Gold:
    """Return the gold of one report's MeSH `major` strings.

    Raises:
        SchemaError: a head or qualifier is not in the table.
    """
    kinds: set[str] = set()
    entities: set[tuple[str, Label]] = set()
    triplets: set[GoldTriplet] = set()
    for code in codes:
        first, *rest = code.split("/")
        head = _term(first, "head")
        kinds.add(head.kind)
        if head.kind in ("observation", "anatomy"):
            convert = _observation if head.kind == "observation" else _anatomy
            convert(head, [_term(text, "qualifier") for text in rest], entities, triplets)
    return Gold(
        usable=bool(kinds) and "unusable" not in kinds,
        normal=kinds == {"normal"},
        entities=frozenset(entities),
        triplets=frozenset(triplets),
    )


def _observation(
    head: _Term,
    qualifiers: list[_Term],
    entities: set[tuple[str, Label]],
    triplets: set[GoldTriplet],
) -> None:
    """Convert a code whose head is an observation: its sites, their sides, its modifiers."""
    entities.add((head.name, "OBS-DP"))
    sites = _finest([term for term in qualifiers if term.kind == "anatomy"])
    names = [site.name for site in sites]
    for name in ([head.site] if head.site else []) + names:
        entities.add((name, "ANAT-DP"))
        triplets.add((head.name, "located_at", name))
    sided = (names or [head.site])[0]
    for term in qualifiers:
        if term.kind == "side":
            entities.add((term.name, "ANAT-DP"))
            triplets.add(
                (term.name, "modify", sided) if sided else (head.name, "located_at", term.name)
            )
        elif term.kind in ("modifier", "finding"):
            entities.add((term.name, "OBS-DP"))
            triplets.add((term.name, "modify", head.name))


def _anatomy(
    head: _Term,
    qualifiers: list[_Term],
    entities: set[tuple[str, Label]],
    triplets: set[GoldTriplet],
) -> None:
    """Convert a code whose head is an anatomy: the findings there, and what modifies either."""
    entities.add((head.name, "ANAT-DP"))
    findings = [term for term in qualifiers if term.kind == "finding"]
    if len(findings) > 1:
        findings = [term for term in findings if term.name != "borderline"]
    if not findings:  # "Aorta/mild": the first modifier stands in for the finding
        findings = [term for term in qualifiers if term.kind == "modifier"][:1]
    for term in findings:
        entities.add((term.name, "OBS-DP"))
        triplets.add((term.name, "located_at", head.name))
    for term in qualifiers:
        if term.kind in ("anatomy", "side"):
            entities.add((term.name, "ANAT-DP"))
            triplets.add((term.name, "modify", head.name))
        elif term not in findings:
            entities.add((term.name, "OBS-DP"))
            triplets.update((term.name, "modify", finding.name) for finding in findings)


def _finest(sites: list[_Term]) -> list[_Term]:
    """Drop the organ where a part of it is coded beside it: lung with base, heart with atrium."""
    parents = {site.parent for site in sites}
    return [site for site in sites if site.name not in parents]


def _term(text: str, use: str) -> _Term:
    """Look up one head or qualifier."""
    key = " ".join(text.lower().split())
    try:
        return _terms()[use, key]
    except KeyError:
        raise SchemaError(
            f"MeSH {use} {text!r} is not in {_TABLE.name}: add a line that says what it is"
        ) from None


@cache
def _terms() -> dict[tuple[str, str], _Term]:
    """Read the table of terms, once a process."""
    with _TABLE.open(encoding="ascii", newline="") as file:
        rows = list(csv.DictReader(line for line in file if not line.startswith("#")))
    return {
        (use, row["term"]): _Term(row["kind"], row["name"], row["site"], row["parent"])  # type: ignore[arg-type]
        for row in rows
        for use in (("head", "qualifier") if row["use"] == "any" else (row["use"],))
    }


@cache
def get_parents() -> dict[str, str]:
    """Return the organ of each fine site, by the names of the triplets."""
    return {term.name: term.parent for term in _terms().values() if term.parent}


@cache
def get_qualifiers() -> frozenset[str]:
    """Return the observations that the codes also use to modify another one (mild, enlarged)."""
    return frozenset(t.name for t in _terms().values() if t.kind in ("modifier", "finding"))


@cache
def get_anatomies() -> frozenset[str]:
    """Return the names of the sites that the codes can name, sides left out."""
    sites = {t.name for t in _terms().values() if t.kind == "anatomy"}
    return frozenset(sites | {t.site for t in _terms().values() if t.site})


@cache
def get_compound_sites() -> dict[str, tuple[str, ...]]:
    """Return the sites of the observations that the codes never name without one (effusion)."""
    heads = [t for (use, _), t in _terms().items() if use == "head" and t.kind == "observation"]
    return {
        head.name: tuple(t.site for t in heads if t.name == head.name)
        for head in heads
        if all(t.site for t in heads if t.name == head.name)
    }
