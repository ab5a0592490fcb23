"""Plans that a person gives: a file of JSON Lines, one plan a study, written as the eye's are.

    {"study_id": "CXR1", "plan": [{"finding": "effusion", "polarity": "present", "site": "pleura",
                                   "side": "left", "degree": "small"}]}

Site, side and degree may be left out; polarity is `present` where nothing else is said.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import fields
from hashlib import blake2b
from pathlib import Path
from typing import Any

from radkg.errors import ConfigError, SchemaError
from radkg.extractor import PreparedImages
from radkg.reporter.base import Plan
from radkg.reporter.claims import complete_site
from radkg.reporter.planned import SHIPPED_PLANNER, PlannedReporter
from radkg.reporter.rows import make_draft
from radkg.schema.drafts import POLARITIES, Claim, Draft
from radkg.schema.records import Device, Study

_GIVEN = frozenset(("finding", "polarity", "site", "side", "degree"))
_SIDES = ("left", "right", "bilateral")


class GivenPlansReporter(PlannedReporter):
    """Writes the plans of a file; it looks at no image.

    Raises:
        ConfigError: the file cannot be read, or a line of it is no plan.
    """

    preprocessing = None

    def __init__(self, path: Path, device: Device = "cpu") -> None:
        data, self._plans = read_plans(path)
        super().__init__(SHIPPED_PLANNER, device)
        self._path = path
        self.model_id = blake2b(self.model_id.encode() + data, digest_size=8).hexdigest()

    def __reduce__(self) -> tuple[type[GivenPlansReporter], tuple[Any, ...]]:
        return (GivenPlansReporter, (self._path, self.device))

    def __call__(
        self, studies: Sequence[Study], /, images: PreparedImages | None = None
    ) -> list[Draft]:
        """Return one draft per study, in order; one without a plan has no text."""
        drafts = []
        for study in studies:
            plan = self._plans.get(study.study_id)
            if plan is None:
                reason = f"{self._path.name} holds no plan of the study"
                drafts.append(make_draft(self, study, "empty", reason))
            else:
                drafts += self.write_plans([study], [plan])
        return drafts


def read_plans(path: Path) -> tuple[bytes, dict[str, Plan]]:
    """Return the bytes of a file, and its plans by study.

    Raises:
        ConfigError: the file cannot be read, or a line of it is no plan.
    """
    try:
        data = path.read_bytes()
        lines = data.decode().splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"cannot read the plans in {path}: {error}") from error
    plans: dict[str, Plan] = {}
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            study_id, plan = _read_plan(json.loads(line))
        except (ValueError, KeyError, TypeError, SchemaError) as error:
            raise ConfigError(f"line {number} of {path} is no plan: {error}") from error
        if study_id in plans:
            raise ConfigError(f"line {number} of {path} is a second plan of study {study_id}")
        plans[study_id] = plan
    return data, plans


def _read_plan(row: Any) -> tuple[str, Plan]:
    if not isinstance(row, dict) or not isinstance(row.get("study_id"), str):
        raise SchemaError('give {"study_id": ..., "plan": [...]}')
    return row["study_id"], tuple(complete_site(_read_claim(one)) for one in row["plan"])


def _read_claim(one: Any) -> Claim:
    if not isinstance(one, dict) or not isinstance(one.get("finding"), str) or not one["finding"]:
        raise SchemaError("a claim needs a finding")
    if unknown := sorted(one.keys() - _GIVEN):
        raise SchemaError(f"a claim has no {unknown[0]!r}: it has {', '.join(_names())}")
    claim = Claim(**{"polarity": "present", **one})
    if claim.polarity not in POLARITIES:
        raise SchemaError(f"polarity {claim.polarity!r} is none of {', '.join(POLARITIES)}")
    if claim.side not in (None, *_SIDES):
        raise SchemaError(f"side {claim.side!r} is none of {', '.join(_SIDES)}")
    for name in ("site", "degree"):
        if not isinstance(getattr(claim, name), str | None):
            raise SchemaError(f"{name} is no text")
    return claim


def _names() -> list[str]:
    return [field.name for field in fields(Claim) if field.name in _GIVEN]
