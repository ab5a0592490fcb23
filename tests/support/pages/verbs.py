"""The reference of the verbs, from the command line itself.

python -m tests.support.pages.verbs > docs/reference/verbs.md
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Iterator
from typing import Any

import typer.main

from radkg.cli.app import app

_VALUES = {"str": "text", "int": "integer", "float": "number", "Path": "path"}
HEAD = """# Verbs

This page is made from the command line: `python -m tests.support.pages.verbs` prints it. Every verb
has `--help`, and `--json` where it prints. Data goes to stdout, progress and messages to stderr.
[Troubleshooting](../guides/troubleshooting.md) lists the exit codes.
"""


def list_commands(command: Any, path: str = "radkg") -> Iterator[tuple[str, Any]]:
    """Yield every verb with its words, those of a group behind the words of the group."""
    for name, inner in command.commands.items():
        words = f"{path} {name}"
        if hasattr(inner, "commands"):
            yield from list_commands(inner, words)
        else:
            yield words, inner


def write_page() -> str:
    """Return the page: a table of all verbs, then each with its arguments and options."""
    verbs = list(list_commands(typer.main.get_command(app)))
    lines = [HEAD, "| verb | what |", "|---|---|"]
    for words, command in verbs:
        lines.append(f"| [`{words}`](#{words.replace(' ', '-')}) | {_cell(_summary(command))} |")
    for words, command in verbs:
        lines += ["", f"## {words}", "", _summary(command), ""]
        lines += ["| argument or option | value | default | what |", "|---|---|---|---|"]
        lines += [_row(each) for each in command.params if each.name != "help" and not each.hidden]
    return "\n".join(lines) + "\n"


def _summary(command: Any) -> str:
    return " ".join(inspect.cleandoc(command.help or "").split())


def _row(parameter: Any) -> str:
    is_option = parameter.param_type_name == "option"
    names = [*parameter.opts, *parameter.secondary_opts] if is_option else [parameter.name.upper()]
    value = "" if getattr(parameter, "is_flag", False) else _value(parameter)
    cells = (", ".join(f"`{name}`" for name in names), value, _default(parameter))
    return f"| {' | '.join(cells)} | {_cell(parameter.help or '')} |"


def _value(parameter: Any) -> str:
    if parameter.type_descriptor.is_choice:
        return ", ".join(f"`{choice}`" for choice in parameter.type_descriptor.choices)
    value = str(parameter.metavar or parameter.bare_type()).strip("<>")
    inner = value.removeprefix("list[").removesuffix("]")
    return _VALUES.get(inner, inner) + (", may be repeated" if inner != value else "")


def _default(parameter: Any) -> str:
    if parameter.required:
        return "required"
    default = parameter.default
    if default is None or default is False or default == () or callable(default):
        return ""
    return f"`{default}`"


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


if __name__ == "__main__":
    sys.stdout.write(write_page())
