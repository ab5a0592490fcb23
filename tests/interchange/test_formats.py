"""A format is one class in the registry: the command line learns its options from there."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

import pytest
import typer
from typer.testing import CliRunner

from radkg.cli.formats import describe_formats, take_format_options
from radkg.errors import ConfigError
from radkg.interchange.formats import EXPORT_FORMATS, IMPORT_FORMATS
from radkg.interchange.formats.base import Format, Option, list_options, make_format
from radkg.interchange.formats.options import OneStudy
from radkg.storage import Storage, open_storage


@dataclass(frozen=True, kw_only=True)
class LinesExport(Format):
    name: ClassVar[str] = "lines"
    help: ClassVar[str] = "a line of text"

    study: OneStudy = None
    line_end: Annotated[Literal["unix", "dos"], Option("how a line ends.")] = "unix"

    def write(self, storage: Storage, path: Path) -> str:
        path.write_text(f"{self.study} {self.line_end} {storage.uri}")
        return "1 line"


def invoke(*arguments: str) -> Any:
    formats = (*EXPORT_FORMATS, LinesExport)
    app = typer.Typer()

    @app.command()
    @take_format_options(formats)
    def export(path: Path, file_format: str = "lines", **options: Any) -> None:
        made = make_format(formats, file_format, options)
        typer.echo(made.write(open_storage(str(path.parent)), path))

    return CliRunner().invoke(app, arguments)


def test_a_new_format_needs_nothing_but_its_class_in_the_registry(tmp_path: Path):
    path = tmp_path / "f"
    done = invoke(str(path), "--line-end", "dos", "--study", "s1")
    assert (done.exit_code, done.stdout) == (0, "1 line\n")
    assert path.read_text() == f"s1 dos {tmp_path}"
    assert invoke(str(path)).exit_code == 0
    assert path.read_text() == f"None unix {tmp_path}"
    wrong = invoke(str(path), "--line-end", "x")
    assert wrong.exit_code == 2
    assert "'x' is not one of 'unix'" in " ".join(wrong.output.split())
    wrong = invoke(str(path), "--spelling", "xl")
    assert "--spelling is not for --format lines, but for radgraph" in str(wrong.exception)
    wrong = invoke(str(path), "--file-format", "fhir", "--line-end", "dos")
    assert "--line-end is not for --format fhir, but for lines" in str(wrong.exception)


@pytest.mark.parametrize("formats", [EXPORT_FORMATS, IMPORT_FORMATS])
def test_an_option_of_several_formats_is_one_option(formats):
    known = {}
    for each in formats:
        for name, option in list_options(each).items():
            assert known.setdefault(name, option) == option
    assert len({option.flag for option in known.values()}) == len(known)


@pytest.mark.parametrize("formats", [EXPORT_FORMATS, IMPORT_FORMATS])
def test_every_format_is_described_under_a_name_of_its_own(formats):
    names = [each.name for each in formats]
    assert len(set(names)) == len(names)
    assert all(f"{each.name} ({each.help})" in describe_formats(formats) for each in formats)


def test_an_option_that_no_format_has_is_refused():
    with pytest.raises(ConfigError, match="no option 'colour' of --format fhir"):
        make_format(EXPORT_FORMATS, "fhir", {"colour": "red"})
