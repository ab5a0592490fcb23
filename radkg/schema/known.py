"""A relation between terms that an imported table states, of no single study."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple


class Term(NamedTuple):
    """A term of a table: its code in a vocabulary, and one of its names."""

    code: str
    name: str


@dataclass(frozen=True, slots=True)
class KnownRelation:
    """A relation between two terms, and how often the table counts it."""

    head: Term
    relation: str
    tail: Term
    count: int
