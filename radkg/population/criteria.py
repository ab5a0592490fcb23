"""What a cohort says of one finding, and how that is written: effusion:present:severity=mild.

A text is a name, a state and details, parted by colons. Without a state the finding is present.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal, get_args

from radkg.errors import ConfigError
from radkg.population.population import ABSENT, PRESENT, UNCERTAIN
from radkg.population.wording import SEVERITIES, SIDES

State = Literal["present", "uncertain", "absent", "possible", "mentioned", "without", "unmentioned"]
STATES: tuple[State, ...] = get_args(State)
LABELS_OF: dict[State, tuple[int, ...]] = {
    "present": (PRESENT,),
    "uncertain": (UNCERTAIN,),
    "absent": (ABSENT,),
    "possible": (UNCERTAIN, PRESENT),
    "mentioned": (ABSENT, UNCERTAIN, PRESENT),
    "without": (UNCERTAIN, PRESENT),
    "unmentioned": (ABSENT, UNCERTAIN, PRESENT),
}
"""labels of the finding in the studies that a state takes, or leaves out where it is negative"""
NEGATIVE: tuple[State, ...] = ("without", "unmentioned")
DETAILS = ("severity", "side", "site")

_WORDS: dict[State, str] = {
    "present": "{} present",
    "uncertain": "{} uncertain",
    "absent": "{} denied",
    "possible": "{} present or uncertain",
    "mentioned": "{} mentioned",
    "without": "no {}",
    "unmentioned": "{} not mentioned",
}
_CLASSES: dict[str, tuple[str, ...]] = {"severity": SEVERITIES, "side": SIDES}


@dataclass(frozen=True, order=True)
class Criterion:
    """One finding of a cohort; a detail that is empty is not asked for."""

    name: str
    state: State = "present"
    severity: str = ""
    """one of SEVERITIES"""
    side: str = ""
    """one of SIDES"""
    site: str = ""
    """name of a site of the finding"""

    def __post_init__(self) -> None:
        if not self.name:
            raise ConfigError("a finding of a cohort has no name: write effusion:present")
        for detail, known in _CLASSES.items():
            value = getattr(self, detail)
            if value and value not in known:
                raise ConfigError(f"{detail} {value!r} is none of {', '.join(known)}")
        if self.is_negative and any(getattr(self, detail) for detail in DETAILS):
            raise ConfigError(
                f"{self.name}:{self.state} takes no severity, side or site: studies without the "
                "finding have none"
            )

    @property
    def is_negative(self) -> bool:
        """Whether the studies are those that lack something."""
        return self.state in NEGATIVE

    @property
    def details(self) -> dict[str, str]:
        """The details that are asked for."""
        return {name: getattr(self, name) for name in DETAILS if getattr(self, name)}

    @classmethod
    def parse(cls, text: str) -> Criterion:
        """Return the criterion in a text.

        Raises:
            ConfigError: a detail is none, is unknown or stands with a state that has none.
        """
        pieces = text.split(":")
        given: dict[str, Any] = {}
        while len(pieces) > 1 and (found := _parse_piece(pieces[-1])):
            name, value = found
            if name in given:
                raise ConfigError(f"{text!r} has two of {name}")
            given[name] = value
            pieces.pop()
        return cls(_tidy(":".join(pieces)), **given)

    def __str__(self) -> str:
        """Return the text that `parse` reads; it always has the state."""
        details = (f"{name}={value}" for name, value in self.details.items())
        return ":".join([self.name, self.state, *details])

    def describe(self) -> str:
        """Return the criterion in the words of a reader: "effusion present (mild, left)"."""
        words = _WORDS[self.state].format(self.name)
        details = [self.severity and f"{self.severity} severity", self.side and _SIDES[self.side]]
        told = ", ".join(filter(None, [*details, self.site and f"at {self.site}"]))
        return f"{words} ({told})" if told else words


def order_criteria(criteria: Iterable[Criterion]) -> tuple[Criterion, ...]:
    """Return criteria, each once, by name, those that studies lack behind the others."""
    return tuple(sorted(set(criteria), key=lambda each: (each.is_negative, each)))


_SIDES = {"left": "left", "right": "right", "both": "both sides", "unstated": "side not stated"}


def _parse_piece(piece: str) -> tuple[str, str] | None:
    """Return field and value of a piece behind the name; None where it belongs to the name."""
    if piece.strip() in STATES:
        return "state", piece.strip()
    name, equals, value = piece.partition("=")
    if equals and name.strip() in DETAILS:
        return name.strip(), _tidy(value)
    return None


def _tidy(name: str) -> str:
    return " ".join(name.lower().split())
