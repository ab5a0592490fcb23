"""What a format offers: a name, a few words of help, options as dataclass fields, one method."""

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
    """A format that a published snapshot is written to; its classes are dataclasses of options."""

    name: ClassVar[str]
    """what `--format` calls it"""
    help: ClassVar[str]
    """what it is, in a few words"""

    def write(self, storage: Storage, path: Path) -> str:
        """Write what is published, without what is retracted; return what was written, in words.

        Two calls write equal bytes. What stood at `path` is replaced when all is written.

        Args:
            storage: of the run.
            path: a file, or a directory for a format of several files.

        Raises:
            ConfigError: no such study is published.
            SnapshotError: nothing is published, or something is not as it was published.
            StorageError: `path` cannot be written.
        """
        ...


class ImportFormat(Protocol):
    """A format that is imported; its classes are dataclasses of options."""

    name: ClassVar[str]
    """what `--format` calls it"""
    help: ClassVar[str]
    """what it is, in a few words"""

    def read(self, file: Path, target: ImportTarget) -> ImportReport:
        """Import a file.

        Raises:
            StorageError: the file cannot be read.
            SchemaError: the file is not of this format; the message names the place.
        """
        ...


@dataclasses.dataclass(frozen=True, kw_only=True)
class ImportTarget:
    """Where an imported file goes: what is published under a storage, or the run's graph."""

    storage: Storage
    write_known: Callable[[str, Sequence[KnownRelation]], Mapping[str, object]]
    """makes the graph hold exactly these relations for a table; returns what stands there"""


@dataclasses.dataclass(frozen=True, kw_only=True)
class ImportReport:
    """What an import did."""

    values: Mapping[str, object]
    """JSON-ready"""
    sentence: str | None = None
    """what people read in place of the values"""


AnyFormat = TypeVar("AnyFormat", ExportFormat, ImportFormat)


class Option(NamedTuple):
    """What the command line says of an option; stands in the annotation of its field."""

    description: str
    """what the value is; the help names the formats that take it before"""
    metavar: str | None = None
    """what stands for the value in the help; None: its type"""
    flag: str | None = None
    """on the command line; None: the name of the field"""


class FormatOption(NamedTuple):
    """An option of a format."""

    flag: str
    kind: Any
    """its type"""
    choices: tuple[str, ...]
    """the values that it may have; () where any value of its type will do"""
    default: object
    description: str
    metavar: str | None


@dataclasses.dataclass(frozen=True, kw_only=True)
class Format:
    """Base of the formats: each field is an option, annotated with an `Option`."""

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
        kind, said = get_args(hints[field.name])  # Annotated[kind, Option]
        literals = [each for each in (kind, *get_args(kind)) if get_origin(each) is Literal]
        options[field.name] = FormatOption(
            flag=said.flag or f"--{field.name.replace('_', '-')}",
            kind=kind,
            choices=get_args(literals[0]) if literals else (),
            default=field.default,
            description=said.description,
            metavar=said.metavar,
        )
    return options


def make_format(
    formats: Sequence[type[AnyFormat]], name: str, options: Mapping[str, Any] | None = None
) -> AnyFormat:
    """Return the format of a name with its options.

    Args:
        formats: EXPORT_FORMATS or IMPORT_FORMATS.
        name: of one of them.
        options: by the names of their fields; None and False stand for an option not given, so
            that the default of the format holds.

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
            raise ConfigError(f"{flag} is not for --format {name}, but for {', '.join(others)}")
    return known[name](**chosen)
