"""The signature that typer reads of a command whose options come from somewhere else."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable
from typing import Any


def make_option(
    name: str, annotation: Any, default: Any = inspect.Parameter.empty
) -> inspect.Parameter:
    """Return a parameter that typer shows as an option; without a default a value must be given."""
    keyword = inspect.Parameter.KEYWORD_ONLY
    return inspect.Parameter(name, keyword, default=default, annotation=annotation)


def replace_parameter(
    command: Callable[..., None], name: str, options: Iterable[inspect.Parameter]
) -> inspect.Signature:
    """Return the signature of a command with options in place of its parameter `name`."""
    parameters: list[inspect.Parameter] = []
    for each in inspect.signature(command, eval_str=True).parameters.values():
        parameters += options if each.name == name else [each.replace(kind=each.KEYWORD_ONLY)]
    return inspect.Signature(parameters)
