"""The protocols of formats: a name, a short help, options as dataclass fields, one method."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import (
    TYPE_CHECKING,
    Any,
    ClassVar,
    Literal,
    NamedTuple,
    Protocol,
    TypeVar,
    get_args,
    get_origin,
    get_type_hints,
)

from radkg.errors import ConfigError

if TYPE_CHECKING:
    from radkg.schema.known import KnownRelation
    from radkg.storage import Storage


class ExportFormat(Protocol):
    """A format of export; a class of this protocol is a dataclass whose fields are its options."""

    name: ClassVar[str]
    """value of `--format`"""
    help: ClassVar[str]
    """description of the format in a few words"""

    def write(self, storage: Storage, path: Path) -> str:
        """Write the visible snapshot of a run; return a few words on what was written.

        Two calls write equal bytes. An earlier file at `path` is replaced when the new one is
        complete.

        Args:
            storage: storage of the run.
            path: the file to write, or the directory for a format of several files.

        Raises:
            ConfigError: the snapshot has no such study.
            SnapshotError: nothing is published, or published bytes or reports were changed.
            StorageError: `path` cannot be written.
        """
        ...


class ImportFormat(Protocol):
    """A format of import; a class of this protocol is a dataclass whose fields are its options."""

    name: ClassVar[str]
    """value of `--format`"""
    help: ClassVar[str]
    """description of the format in a few words"""

    def read(self, file: Path, target: ImportTarget) -> ImportReport:
        """Import a file.

        Raises:
            StorageError: the file cannot be read.
            SchemaError: the file is not of this format; the message names the place.
        """
        ...


@dataclasses.dataclass(frozen=True, kw_only=True)
class ImportTarget:
    """The destination of an import: the storage of the run, or the graph of the run."""

    storage: Storage
    write_known: Callable[[str, Sequence[KnownRelation]], Mapping[str, object]]
    """replaces the relations of a table in the graph by these; returns facts for the report"""


@dataclasses.dataclass(frozen=True, kw_only=True)
class ImportReport:
    """The result of an import."""

    values: Mapping[str, object]
    """JSON-ready"""
    sentence: str | None = None
    """text for people in place of the values; None: the values are printed"""


AnyFormat = TypeVar("AnyFormat", ExportFormat, ImportFormat)


class Option(NamedTuple):
    """The help of an option on the command line, in the annotation of its field."""

    description: str
    """description of the value; the command line puts the names of the formats in front"""
    metavar: str | None = None
    """placeholder of the value in the help; None: the type"""
    flag: str | None = None
    """flag on the command line; None: made from the name of the field"""


class FormatOption(NamedTuple):
    """An option of a format, as the command line needs it."""

    flag: str
    kind: Any
    """type of the value"""
    choices: tuple[str, ...]
    """allowed values; () where any value of the type is allowed"""
    default: object
    description: str
    metavar: str | None


@dataclasses.dataclass(frozen=True, kw_only=True)
class Format:
    """Base of all formats: each field is an option, annotated with an `Option`."""

    refused: ClassVar[Mapping[str, str]] = {}
    """why the format does not take an option that others take, by the name of its field"""

    def __post_init__(self) -> None:
        for name, option in list_options(type(self)).items():
            value = vars(self)[name]
            if option.choices and value != option.default and value not in option.choices:
                known = ", ".join(option.choices)
                raise ConfigError(f"no {option.flag} {value!r}: known: {known}")


def list_options(format_class: type[Any]) -> dict[str, FormatOption]:
    """Return the options of a format by the names of its fields."""
    hints = get_type_hints(format_class, include_extras=True)
    options = {}
    for field in dataclasses.fields(format_class):
        kind, option = get_args(hints[field.name])  # Annotated[kind, Option]
        literals = [each for each in (kind, *get_args(kind)) if get_origin(each) is Literal]
        options[field.name] = FormatOption(
            flag=option.flag or f"--{field.name.replace('_', '-')}",
            kind=kind,
            choices=get_args(literals[0]) if literals else (),
            default=field.default,
            description=option.description,
            metavar=option.metavar,
        )
    return options


def make_format(
    formats: Sequence[type[AnyFormat]], name: str, options: Mapping[str, Any] | None = None
) -> AnyFormat:
    """Return the format with this name, made with these options.

    Args:
        formats: EXPORT_FORMATS or IMPORT_FORMATS.
        name: name of one of the formats.
        options: values by name of field; None and False mean the default of the format.

    Raises:
        ConfigError: no format has this name, the format has no such option, or the option has no
            such value.
    """
    known = {each.name: each for each in formats}
    if name not in known:
        raise ConfigError(f"no format {name!r}: known: {', '.join(known)}")
    chosen = {key: value for key, value in (options or {}).items() if value}
    takers = {each.name: list_options(each) for each in formats}
    for key in chosen:
        if key not in takers[name]:
            others = [other for other, own in takers.items() if key in own]
            if not others:
                raise ConfigError(f"no option {key!r} of --format {name}")
            flag = takers[others[0]][key].flag
            why = getattr(known[name], "refused", {}).get(key)
            raise ConfigError(
                f"{flag} is not for --format {name}, but for {', '.join(others)}"
                + (f": {why}" if why else "")
            )
    return known[name](**chosen)
