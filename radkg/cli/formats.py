"""Options of `radkg export` and `radkg import`, taken from the registries of formats."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Sequence
from typing import Annotated, TypeVar

import typer

from radkg.cli.signatures import make_option, replace_parameter
from radkg.interchange.formats.base import ExportFormat, FormatOption, ImportFormat, list_options

Command = TypeVar("Command", bound=Callable[..., None])
Formats = Sequence[type[ExportFormat]] | Sequence[type[ImportFormat]]


def describe_formats(formats: Formats) -> str:
    """Return the help of `--format`: each name with what it is."""
    return ", ".join(f"{each.name} ({each.help})" for each in formats)


def take_format_options(formats: Formats) -> Callable[[Command], Command]:
    """Give a command the options of all formats in place of its `**options`.

    The help of an option names the formats that take it. An option that is not given arrives as
    None, or as False where it is a switch.
    """

    def give_signature(command: Command) -> Command:
        merged = replace_parameter(command, "options", _list_parameters(formats))
        vars(command)["__signature__"] = merged
        return command

    return give_signature


def _list_parameters(formats: Formats) -> Iterator[inspect.Parameter]:
    takers: dict[str, list[str]] = {}
    options: dict[str, FormatOption] = {}
    for each in formats:
        for name, option in list_options(each).items():
            takers.setdefault(name, []).append(each.name)
            options.setdefault(name, option)
    for name, option in options.items():
        is_switch = option.default is False
        kind = bool if is_switch else option.kind | None
        text = f"{', '.join(takers[name])}: {option.description}"
        said = typer.Option(option.flag, help=text, metavar=option.metavar)
        yield make_option(name, Annotated[kind, said], False if is_switch else None)
