"""Build the knowledge graph of a run, and compare a graph with a published table of relations."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

from radkg.config import Config
from radkg.errors import ConfigError
from radkg.interchange.relations import read_relations
from radkg.knowledge.building import BuildSettings, build_knowledge
from radkg.knowledge.comparison import Comparison, compare_with_table
from radkg.knowledge.store import load_knowledge, read_facts
from radkg.progress import Progress, say_nothing
from radkg.run.run import Run


@dataclass(frozen=True, kw_only=True)
class KnowledgeConfig(Config):
    """What to build, from what, to where."""

    out: str
    """of the run"""
    into: Path | None = None
    """directory of the graph; None: `knowledge` in the run"""
    images: str | None = None
    """where the images are; None: no visual tokens"""
    eye: Path | None = None
    """directory of the eye; None: that of the shipped small model"""
    token_width: int | None = None
    """of a visual token; None: that of the tower's features"""

    @property
    def settings(self) -> BuildSettings:
        """What the graph is made of; ConfigError where a value is impossible."""
        if self.token_width is None:
            return BuildSettings(images=self.images, eye=self.eye)
        return BuildSettings(images=self.images, eye=self.eye, token_width=self.token_width)


@dataclass(frozen=True)
class KnowledgeReport:
    """What stands in the directory of a graph, and whether this call wrote it."""

    directory: str
    built: bool
    """False: an equal graph stood there"""
    snapshot_id: str
    knowledge_id: str
    split: str | None
    """of which the studies are; None: the archive has no splits, and all studies count"""
    studies: int
    nodes: int
    edges: int
    tokens: int
    """visual tokens"""
    seconds: float


def build(config: KnowledgeConfig, progress: Progress = say_nothing) -> KnowledgeReport:
    """Build the knowledge graph of what a run has published.

    Raises:
        ConfigError: the run stands on S3 and no directory is named.
        KnowledgeError: no training report states anything, or no image gives a token.
        SnapshotError: nothing is published, or it is damaged.
    """
    start = time.perf_counter()
    run, settings = Run(config.out), config.settings
    directory = config.into or locate_knowledge(run)
    built = build_knowledge(run, directory, settings, progress)
    facts = read_facts(directory)
    report = KnowledgeReport(
        directory=str(directory),
        built=built,
        snapshot_id=facts["snapshot_id"],
        knowledge_id=facts["knowledge_id"],
        split=facts["split"],
        studies=facts["studies"],
        **facts["scales"]["all"],
        tokens=facts["bank"]["tokens"] if facts["bank"] else 0,
        seconds=round(time.perf_counter() - start, 1),
    )
    if built:
        names = ("snapshot_id", "knowledge_id", "studies", "nodes", "edges", "tokens")
        known = {name: getattr(report, name) for name in names}
        # prune takes a snapshot_id of the log for a publication
        run.audit.record("knowledge", {"of": known.pop("snapshot_id"), **known})
    return report


def locate_knowledge(run: Run) -> Path:
    """Return the directory of a run's knowledge graph, whether or not it stands.

    Raises:
        ConfigError: the run stands on S3.
    """
    if run.directory is None:
        raise ConfigError(
            f"a knowledge graph needs a local directory, and {run.uri} is none: give --into DIR, "
            "and build it without `nightly`"
        )
    return run.directory / "knowledge"


def compare(directory: Path, table: Path) -> Comparison:
    """Return how far the graph of a directory agrees with a table of relations.

    Raises:
        KnowledgeError: the graph is missing or damaged.
        SchemaError, StorageError: the file is no such table, or cannot be read.
    """
    return compare_with_table(load_knowledge(directory), read_relations(table))
