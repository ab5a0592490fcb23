"""Load: bring what is published into a graph, or build a new store where that is quicker.

Drafts come with the same command: they stand beside studies, so the studies are loaded first."""

from __future__ import annotations

import logging
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from radkg.errors import ConfigError
from radkg.graph.build.sink import SinkChoice, choose_sink, suggest_import
from radkg.graph.build.store import BuildReport, build_store
from radkg.graph.engine.neo4j_home import Neo4jHome
from radkg.graph.load import loader
from radkg.graph.load.dispatch import Dispatch
from radkg.graph.load.draft_removal import remove_drafts
from radkg.graph.load.drafts import DraftsReport, load_drafts
from radkg.graph.load.loader import LoadReport
from radkg.graph.load.writers import PARTITIONS
from radkg.progress import Progress, say_nothing
from radkg.run.drafts import read_drafts
from radkg.run.run import Run
from radkg.run.snapshot import Snapshot
from radkg.verbs.graphs import EMBEDDED, GraphConfig, open_run_graph

logger = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class LoadConfig(GraphConfig):
    """What to load, into what."""

    out: str
    """of the run"""
    repair: bool = False
    """replace every study, whatever stands"""
    into: Path | None = None
    """directory of a new Neo4j store, built by import where that is quicker"""
    neo4j_home: Path | None = None
    """a Neo4j 5 installation on this machine, or its jars; needed with `into`"""
    writers: int | None = None
    """transactions side by side, in [1, 8]; None: as many as suit the engine"""
    drafts: str | None = None
    """of a run of drafts, to be loaded beside the studies; None: none"""
    remove_drafts: str | None = None
    """reporter whose drafts leave the graph; None: none"""

    def __post_init__(self) -> None:
        if self.into is not None and self.drafts is not None:
            raise ConfigError(
                "--into builds a store of the studies alone: load --drafts into it afterwards, with"
                " --graph"
            )
        if self.into is not None and self.remove_drafts is not None:
            raise ConfigError("--into builds a store without drafts: leave out --remove-drafts")
        if self.into is not None and self.neo4j_home is None:
            raise ConfigError("--into builds a Neo4j store: say where Neo4j is with --neo4j-home")
        if self.writers is not None and not 1 <= self.writers <= PARTITIONS:
            raise ConfigError(f"--writers is in [1, {PARTITIONS}], not {self.writers}")


@dataclass(frozen=True, kw_only=True)
class DraftedLoadReport(LoadReport):
    """What became of the studies, and of drafts beside them."""

    drafts: DraftsReport


def load(
    config: LoadConfig, progress: Progress = say_nothing, *, dispatch: Dispatch | None = None
) -> LoadReport | BuildReport:
    """Bring what is published into the graph, and write a line into the audit log.

    Args:
        config: what, and into what.
        progress: is told of each stage.
        dispatch: has other processes write the studies; None: this process does.

    Raises:
        ConfigError: the drafts are of another archive; nothing was loaded.
        SnapshotError: nothing is published, or published bytes were changed.
        GraphError, GraphUnavailable: the graph refused the load, or does not answer.
    """
    run = Run(config.out)
    snapshot = run.read_snapshot()
    drafts = None if config.drafts is None else read_drafts(config.drafts, snapshot)
    if config.into is not None and config.graph == EMBEDDED:
        return _build(config, run, snapshot, progress)
    with open_run_graph(run, config, must_exist=False) as graph:
        choice = None
        if config.into is not None:
            with progress("compare with the graph"):
                choice = choose_sink(graph, snapshot, repair=config.repair)
            if choice.build:
                return _build(config, run, snapshot, progress, choice)
        elif said := suggest_import(graph, snapshot, config.neo4j_home):
            logger.warning("%s", said)
        with progress(f"load the graph ({graph.engine})") as advance:
            report = loader.load(
                graph,
                snapshot,
                advance,
                repair=config.repair,
                differ=choice.differ if choice else None,
                writers=config.writers or graph.engine.default_writers,
                dispatch=dispatch,
            )
        if choice:
            report = replace(report, why=choice.why)
        run.audit.record_load(snapshot, graph.engine.name, asdict(report))
        if config.remove_drafts is not None:
            number = remove_drafts(graph, snapshot.archive, config.remove_drafts)
            run.audit.record_removal(config.remove_drafts, graph.engine.name, number)
            logger.info("%d drafts of %s are removed", number, config.remove_drafts)
        if drafts is None:
            return report
        with progress("load the drafts") as advance:
            loaded = load_drafts(graph, drafts, snapshot, advance, repair=config.repair)
        # the log holds no ids of studies, and a snapshot_id there is one that the run published
        facts = asdict(loaded) | {"not_in_graph": len(loaded.not_in_graph)}
        del facts["snapshot_id"]
        run.audit.record_load(drafts, graph.engine.name, facts)
    return DraftedLoadReport(**vars(report), drafts=loaded)


def _build(
    config: LoadConfig,
    run: Run,
    snapshot: Snapshot,
    progress: Progress,
    choice: SinkChoice | None = None,
) -> BuildReport:
    assert config.into is not None
    assert config.neo4j_home is not None
    why = [choice.why] if choice else []
    report = build_store(snapshot, config.into, Neo4jHome(config.neo4j_home), progress, *why)
    run.audit.record_load(snapshot, "import", asdict(report))
    return report
