"""A cohort: which studies of a population are meant, as fields, words, an address or a command.

All fields hold together; of several sexes or views one is enough. The studies are those that were
read. A cohort has one canonical form, so that an address, a saved name and a command mean the same.
"""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterable
from dataclasses import dataclass, fields, replace
from datetime import date
from typing import Any
from urllib.parse import parse_qsl, urlencode

from radkg.errors import ConfigError
from radkg.population.counting import UNKNOWN_NAME
from radkg.population.criteria import DETAILS, Criterion, order_criteria
from radkg.population.population import Population
from radkg.schema.records import OLDEST, SEXES

MAX_FINDINGS = 20
MAX_TEXT = 500  # characters of one value


@dataclass(frozen=True)
class Cohort:
    """Which studies; a field that is empty or None asks for nothing."""

    finding: tuple[Criterion, ...] = ()
    """all of which hold; as `order_criteria` has them"""
    since: date | None = None
    """first day; leaves out studies without a date"""
    until: date | None = None
    """last day; leaves out studies without a date"""
    age_from: int | None = None
    """in years, at most 90, which stands for all who are older; leaves out unknown ages"""
    age_to: int | None = None
    """in years, inclusive; leaves out unknown ages"""
    sex: tuple[str, ...] = ()
    """of SEXES or unknown; sorted"""
    view: tuple[str, ...] = ()
    """view positions as the archive writes them, or unknown; sorted"""
    confidence: float = 0.0
    """in [0, 1]: a finding below it does not count"""
    night: str = ""
    """id of a snapshot; empty: the one that is asked"""

    def __post_init__(self) -> None:
        if len(self.finding) > MAX_FINDINGS:
            raise ConfigError(f"a cohort has at most {MAX_FINDINGS} findings")
        if not 0.0 <= self.confidence <= 1.0:
            raise ConfigError(f"confidence is from 0 to 1, not {self.confidence:g}")
        for name in ("age_from", "age_to"):
            age = getattr(self, name)
            if age is not None and not 0 <= age <= OLDEST:
                raise ConfigError(
                    f"{name} is from 0 to {OLDEST}, which stands for all who are older, not {age}"
                )
        for sex in self.sex:
            if sex not in (*SEXES, UNKNOWN_NAME):
                raise ConfigError(f"sex {sex!r} is none of {', '.join((*SEXES, UNKNOWN_NAME))}")

    @classmethod
    def parse(cls, pairs: Iterable[tuple[str, str]]) -> Cohort:
        """Return the cohort of names and values, as an address or a command line has them.

        Raises:
            ConfigError: a name is no field, stands twice where one value is meant, or its value is
                none.
        """
        given: dict[str, Any] = {}
        for name, text in pairs:
            if name not in _FORMS:
                raise ConfigError(f"a cohort has no {name!r}: there is {', '.join(_FORMS)}")
            value = _parse_value(name, text)
            if name in _REPEATED:
                given[name] = (*given.get(name, ()), value)
            elif name in given:
                raise ConfigError(f"{name} stands twice")
            else:
                given[name] = value
        for name in ("sex", "view"):
            given[name] = tuple(sorted(set(given.get(name, ()))))
        given["finding"] = order_criteria(given.get("finding", ()))
        return cls(**given)

    @classmethod
    def parse_query(cls, query: str) -> Cohort:
        """Return the cohort of a query string; inverse of `to_query`.

        Raises:
            ConfigError: as `parse`.
        """
        return cls.parse(parse_qsl(query.lstrip("?"), keep_blank_values=True))

    def list_pairs(self) -> list[tuple[str, str]]:
        """Return names and values in canonical order: what `parse` reads."""
        pairs = []
        for field in fields(self):
            value = getattr(self, field.name)
            if value == field.default:
                continue
            values = value if isinstance(value, tuple) else (value,)
            pairs += [(field.name, _write_value(each)) for each in values]
        return pairs

    def to_query(self) -> str:
        """Return the canonical query string; equal cohorts have equal ones."""
        return urlencode(self.list_pairs())

    def to_command(self) -> str:
        """Return the command line that counts the cohort; RUN stands for the run's directory."""
        words = ["radkg", "cohort", "--out", "RUN"]
        for name, value in self.list_pairs():
            words += [f"--{name.replace('_', '-')}", value]
        return shlex.join(words)

    def list_criteria(self) -> list[dict[str, Any]]:
        """Return what is asked for, one thing each, with its words."""
        found: list[dict[str, Any]] = []
        for name, value in self.list_pairs():
            one: dict[str, Any] = {
                "parameter": name,
                "value": value,
                "words": _describe(name, value),
            }
            if name == "finding":
                criterion = Criterion.parse(value)
                details = {each: getattr(criterion, each) or None for each in DETAILS}
                one |= {"name": criterion.name, "state": criterion.state, **details}
            found.append(one)
        return found

    def describe(self) -> str:
        """Return the cohort in the words of a reader."""
        return "; ".join(each["words"] for each in self.list_criteria()) or "all studies"

    def resolve(self, population: Population, resolve_name: Resolve) -> Cohort:
        """Return the cohort with the names that the population has for its findings and sites."""
        named = {
            replace(
                each,
                name=resolve_name(population, each.name),
                site=each.site and resolve_name(population, each.site),
            )
            for each in self.finding
        }
        return replace(self, finding=order_criteria(named))


Resolve = Callable[[Population, str], str]

_REPEATED = ("finding", "sex", "view")
_FORMS = {
    "finding": "a finding as effusion:present",
    "since": "a date as 2014-03-01",
    "until": "a date as 2014-03-01",
    "age_from": f"a whole number from 0 to {OLDEST}",
    "age_to": f"a whole number from 0 to {OLDEST}",
    "sex": "a sex",
    "view": "a view position",
    "confidence": "a number from 0 to 1",
    "night": "the id of a snapshot",
}


def _parse_value(name: str, text: str) -> Any:
    try:
        text.encode()
        if len(text) > MAX_TEXT or not text.strip():
            raise ValueError(text)
        if name == "finding":
            return Criterion.parse(text)
        if name in ("since", "until"):
            return date.fromisoformat(text)
        if name in ("age_from", "age_to"):
            return int(text)
        return float(text) if name == "confidence" else text.strip()
    except ValueError:
        raise ConfigError(f"{name}={text[:MAX_TEXT]!r} is not {_FORMS[name]}") from None


def _write_value(value: Any) -> str:
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def _describe(name: str, value: str) -> str:
    """Return one thing that is asked for in the words of a reader."""
    if name == "finding":
        return Criterion.parse(value).describe()
    if name == "age_to" and value == str(OLDEST):
        return "of known age"
    return _WORDS[name].format(value)


_WORDS = {
    "since": "from {} on",
    "until": "until {}",
    "age_from": "{} years and older",
    "age_to": "{} years and younger",
    "sex": "{}",
    "view": "view {}",
    "confidence": "findings with a confidence of {} or more",
    "night": "night {}",
}
