"""Options that several formats share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Literal

from radkg.errors import ConfigError
from radkg.interchange.formats.base import Format, Option

if TYPE_CHECKING:
    from radkg.interchange.property_graph import PropertyGraph
    from radkg.run.snapshot import Snapshot

OneStudy = Annotated[str | None, Option("only this study (its mentions).", metavar="ID")]
WithText = Annotated[
    bool, Option("add words of the reports; without it no format but radgraph has any.")
]
DraftsRun = Annotated[
    str | None,
    Option(
        "drafts of this run, too; they are research, not for diagnosis. Default: no drafts.",
        metavar="DRAFTS_RUN",
        flag="--drafts",
    ),
]
FileType = Annotated[Literal["csv", "parquet"], Option("csv (the default) or parquet.")]
Raw = Annotated[
    bool,
    Option(
        "CSV for a program: without the apostrophe before what a spreadsheet would compute; "
        "Parquet and --headers neo4j never have one."
    ),
]
Headers = Annotated[
    Literal["plain", "gephi", "neo4j"],
    Option("column names for plain (the default), gephi or neo4j."),
]
Level = Annotated[
    Literal["population", "mentions"] | None,
    Option("population (concepts; the default) or mentions."),
]


@dataclass(frozen=True, kw_only=True)
class GraphFormat(Format):
    """Base of formats that write a property graph: of concepts, or of mentions.

    `--study` alone means mentions. Only mentions have words of the reports, so `--with-text` needs
    `--study` or `--level mentions`.
    """

    level: Level = None
    study: OneStudy = None
    with_text: WithText = False

    def __post_init__(self) -> None:
        super().__post_init__()
        wants_words = self.with_text and not self._has_other_words()
        if self.level == "population" and (self.study or wants_words):
            raise ConfigError(
                "--study and --with-text are not for --level population: give --level mentions"
            )
        if wants_words and self.level is None and not self.study:
            raise ConfigError(
                "--with-text needs --level mentions or --study ID: a concept has no words"
            )

    def _has_other_words(self) -> bool:
        """Tell whether something else than mentions has words of the reports."""
        return False

    def read_graph(self, snapshot: Snapshot) -> PropertyGraph:
        """Return the graph of a snapshot that the options name."""
        from radkg.interchange.property_graph import build_mention_graph, build_population_graph

        if self.study is not None or self.level == "mentions":
            return build_mention_graph(snapshot, self.study, with_text=self.with_text)
        return build_population_graph(snapshot)
