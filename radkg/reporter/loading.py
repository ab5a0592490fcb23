"""From a name to a reporter: `plan`, a model directory, or a user's factory.

A directory says in its config.json which kind of model it holds; `KINDS` says which class writes
with that kind.
"""

from __future__ import annotations

from pathlib import Path

from radkg.errors import ConfigError
from radkg.extractor.loading import find_object, resolve_name
from radkg.reporter.base import Reporter
from radkg.schema.records import DEVICES, Device

PLAN = "plan"
GIVEN = "plan:"
"""before the name of a file with plans"""
DEFAULT_REPORTER = PLAN
KINDS: dict[str, str] = {
    "planner": "radkg.reporter.planned:load_planned",
    "r2genkg": "radkg.reporter.r2genkg:load_r2genkg",
    "medkit": "radkg.reporter.medkit:load_medkit",
}
"""by the kind of a model directory, what makes its reporter from `(directory, device)`"""


def load_reporter(name: str = DEFAULT_REPORTER, device: Device = "cpu") -> Reporter:
    """Return a reporter.

    Args:
        name: `plan` (the shipped eye plans, sentences of Open-i's training part are written),
            `plan:FILE` (a person's plans), a model directory, or your own as
            `package.module:factory`.
        device: where a model computes.

    Raises:
        ConfigError: there is none of that name; the message says what was tried.
        ExtractorError: a model directory is damaged.
    """
    if device not in DEVICES:
        raise ConfigError(f"device {device!r} is none of {', '.join(DEVICES)}")
    if name == PLAN:
        from radkg.reporter.planned import load_shipped

        return load_shipped(device)
    if name.startswith(GIVEN):
        from radkg.reporter.given import GivenPlansReporter

        return GivenPlansReporter(Path(name.removeprefix(GIVEN)), device)
    if Path(name).is_dir():
        from radkg.model.checkpoint import read_config

        kind = read_config(Path(name))["kind"]
        if kind not in KINDS:
            raise ConfigError(
                f"{name} holds a {kind!r}, which writes no report: known {', '.join(KINDS)}"
            )
        made: Reporter = find_object(KINDS[kind])(Path(name), device)
        return made
    if ":" not in name:
        raise ConfigError(
            f"no reporter {name!r}: give {PLAN}, {GIVEN}FILE, a model directory, or "
            "package.module:factory"
        )
    try:
        made = find_object(name)()
        _ = made.name, made.model_id, made.preprocessing
    except Exception as error:  # somebody else's code: whatever it raises, say so in one line
        raise ConfigError(
            f"cannot load reporter {name!r}: {type(error).__name__}: {error}"
        ) from error
    return made


def resolve_reporter(name: str) -> str:
    """Return the name with the path of a directory or file absolute: workers stand elsewhere."""
    if name.startswith(GIVEN):
        return GIVEN + str(Path(name.removeprefix(GIVEN)).resolve())
    return name if name == PLAN else resolve_name(name)
