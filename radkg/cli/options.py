"""Options that verbs share, and the one place where options become the settings of a run."""

from __future__ import annotations

import dataclasses
import functools
import inspect
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from radkg.cli.signatures import make_option, replace_parameter
from radkg.errors import ConfigError
from radkg.model.generate.spec import EngineName
from radkg.run.settings import DraftConfig, ExtractConfig, RunConfig
from radkg.schema.records import Condition, Device

RunnerName = Literal["auto", "local", "ray"]

Archive = Annotated[
    str,
    typer.Option(
        help="Archive to read: `openi`, `padchest`, or a path or s3://bucket/key of Open-i, "
        "MIMIC-CXR, CheXpert Plus, PadChest, a table or folder of reports, or RadGraph JSON."
    ),
]
ReportsArchive = Annotated[
    str | None, typer.Option(help="Archive with the reports; default: the archive of the run.")
]
Extractor = Annotated[
    str,
    typer.Option(
        help="Extractor: `small` (the shipped model), `onepass` (the fast one, reports alone), "
        "`rules`, a model directory, a chat model as llm:DIRECTORY_OR_NAME, or your own as "
        "package.module:factory."
    ),
]
ConditionOption = Annotated[
    Condition | None,
    typer.Option("--condition", help="What a model reads; default: what the extractor is for."),
]
Images = Annotated[
    str | None,
    typer.Option(
        help="Images of the archive: a path or s3://bucket/key of a directory, a zip, a tar, or "
        "a directory of several of these; default: reports alone."
    ),
]
Limit = Annotated[
    int | None, typer.Option(help="Number of studies to take from the start; default: all.")
]
Out = Annotated[str, typer.Option(help="Directory or s3://bucket/prefix of the run.")]
MaxFailed = Annotated[
    float,
    typer.Option(help="Share of failed studies in [0, 1] above which the run publishes nothing."),
]
UnitSize = Annotated[int, typer.Option(help="Mean number of studies in one unit of work.")]
StudyTimeout = Annotated[
    float,
    typer.Option(
        help="Seconds that one study may take; a unit of n studies may take 1 + n/60 times that."
    ),
]
MaxMemory = Annotated[
    float | None,
    typer.Option(help="GiB that a worker may allocate; default: its share of the machine."),
]
Pseudonymise = Annotated[
    str | None,
    typer.Option(
        help="File of a secret key, 32 bytes or more, of mode 0600: ids of patients, studies and "
        "images become pseudonyms under it, in all that is written. Default: ids stay.",
        metavar="KEYFILE",
    ),
]
DeviceOption = Annotated[
    Device,
    typer.Option(
        "--device", help="Device of the model; cuda: a GPU a worker, and CPUs that read images."
    ),
]
GpusPerWorker = Annotated[
    float,
    typer.Option(
        help="GPUs of a worker with --device cuda: a fraction shares a GPU among workers, 2 and "
        "more lay a model over them where --engine can.",
        metavar="N",
    ),
]
EngineOption = Annotated[
    EngineName,
    typer.Option(
        "--engine",
        help="Engine of an extractor that writes text; auto: ctranslate2 on CPUs and transformers "
        "on GPUs, for `llm:` continuous.",
    ),
]
BatchTokens = Annotated[
    int | None,
    typer.Option(
        help="Tokens that the engine reads at once; a worker then hands it studies of several "
        "units. Default: the engine's own, one unit at a time.",
        metavar="N",
    ),
]
RunnerOption = Annotated[
    RunnerName,
    typer.Option(
        "--runner",
        help="Runner of the extraction: this machine (local), Ray, or by the amount of work (auto: "
        "local for less than about a minute where RAY_ADDRESS names no cluster).",
    ),
]
Workers = Annotated[
    str | None,
    typer.Option(
        help="Number of workers, or MIN-MAX on Ray, where MAX are used as nodes come; default: the "
        "cores of this machine, or all that the cluster gives; 0: this process, without Ray.",
        metavar="N",
    ),
]
Gate = Annotated[
    float | None,
    typer.Option(
        help="Share of the studies with a finding in [0, 1]; where the finding flips in more, the "
        "exit code is 1. Default: no gate.",
        metavar="SHARE",
    ),
]
MinSupport = Annotated[
    int, typer.Option(help="Number of studies that a finding needs for the gate to judge it.")
]
Keep = Annotated[int, typer.Option(help="Number of snapshots that stay, for `radkg diff`.")]
Neo4jHome = Annotated[
    Path | None,
    typer.Option(
        envvar="NEO4J_HOME",
        help="Folder of a Neo4j 5 installation on this machine, or of its jars.",
        metavar="DIR",
    ),
]
GraphAddress = Annotated[
    str,
    typer.Option(
        "--graph",
        help="Graph: `embedded`, or the address of a Neo4j server, whose login is NEO4J_USER and "
        "NEO4J_PASSWORD, and the file of whose CA is NEO4J_CA, in the environment.",
    ),
]
AsOf = Annotated[
    str | None,
    typer.Option(
        "--as-of",
        help="Snapshot: its id, the beginning of the id, or a date. Its graph is built beside that "
        "of the run unless it stands. Default: the graph of the run.",
        metavar="SNAPSHOT",
    ),
]
OnCluster = Annotated[
    bool,
    typer.Option(
        "--on-cluster",
        help="Write with actors of the Ray cluster at RAY_ADDRESS, or of a Ray on this machine; "
        "each logs in as its own environment says. Needs a server at --graph.",
    ),
]
DraftsRun = Annotated[
    str | None,
    typer.Option(
        "--drafts",
        help="Directory or s3://bucket/prefix of a run of drafts of the same archive. Default: no "
        "drafts.",
        metavar="DRAFTS_RUN",
    ),
]
Insecure = Annotated[
    bool,
    typer.Option(
        help="Allow an unencrypted connection to another machine, as NEO4J_INSECURE=1 does."
    ),
]
Json = Annotated[bool, typer.Option("--json", help="One line of JSON in place of text.")]

Reporter = Annotated[
    str,
    typer.Option(
        help="Reporter: `plan` (the shipped eye plans), `plan:FILE` (your own plans as JSON "
        "Lines), a model directory, or your own as package.module:factory."
    ),
]

_RUN_OPTIONS: dict[str, Any] = {
    "archive": Archive,
    "out": Out,
    "extractor": Extractor,
    "reporter": Reporter,
    "condition": ConditionOption,
    "images": Images,
    "limit": Limit,
    "max_failed": MaxFailed,
    "unit_size": UnitSize,
    "study_timeout": StudyTimeout,
    "max_memory": MaxMemory,
    "pseudonymise": Pseudonymise,
    "device": DeviceOption,
    "gpus_per_worker": GpusPerWorker,
    "engine": EngineOption,
    "batch_tokens": BatchTokens,
}


def take_extract_config(
    *, leave_out: tuple[str, ...] = (), **defaults: str
) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Give a command the options of `ExtractConfig`; the command gets them as `config`.

    Args:
        leave_out: fields that the command has no use for; they keep their default.
        **defaults: of this command, in place of those of `ExtractConfig`.
    """
    return _take_config(ExtractConfig, leave_out, defaults)


def take_draft_config() -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Give a command the options of `DraftConfig`; the command gets them as `config`."""
    return _take_config(DraftConfig, (), {})


def _take_config(
    kind: type[RunConfig], leave_out: tuple[str, ...], defaults: Mapping[str, str]
) -> Callable[[Callable[..., None]], Callable[..., None]]:

    def decorate(command: Callable[..., None]) -> Callable[..., None]:
        options = [
            make_option(
                field.name,
                _RUN_OPTIONS[field.name],
                defaults.get(field.name, _default(field)),
            )
            for field in dataclasses.fields(kind)
            if field.name not in leave_out
        ]

        @functools.wraps(command)
        def run(**values: Any) -> None:
            settings = {option.name: values.pop(option.name) for option in options}
            command(config=kind(**settings), **values)

        del run.__wrapped__  # else typer reads the signature of the command itself
        merged = replace_parameter(command, "config", options)
        vars(run)["__signature__"] = merged
        run.__annotations__ = {each.name: each.annotation for each in merged.parameters.values()}
        return run

    return decorate


def _default(field: dataclasses.Field[Any]) -> Any:
    missing = field.default is dataclasses.MISSING
    return inspect.Parameter.empty if missing else field.default


def parse_bounds(text: str) -> tuple[int, int]:
    """Return least and greatest number of workers of `N` or `MIN-MAX`."""
    low, dash, high = text.partition("-")
    found = (low, high if dash else low)
    if not all(part.isascii() and part.isdigit() for part in found) or int(found[0]) > int(
        found[1]
    ):
        raise ConfigError(f"--workers {text!r}: give a number, or MIN-MAX")
    return int(found[0]), int(found[1])


def parse_pair(text: str) -> tuple[str, str]:
    """Return name and value of `name=value`."""
    name, equals, value = text.partition("=")
    if not equals:
        raise ConfigError(f"--param {text!r}: give name=value")
    return name, value
