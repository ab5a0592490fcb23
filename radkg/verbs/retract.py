"""Retract: take a study, a patient or a snapshot out of the graph, so that no load restores it."""

from __future__ import annotations

from dataclasses import asdict, dataclass

from radkg.errors import ConfigError
from radkg.graph.load import retracting
from radkg.graph.load.retracting import RetractReport
from radkg.knowledge.store import remove_knowledge
from radkg.progress import Progress, say_nothing
from radkg.run.pseudonyms import RECORD, is_pseudonym, read_pseudonyms
from radkg.run.retractions import RETRACTABLE, Retractable
from radkg.run.run import Run
from radkg.verbs.graphs import EMBEDDED, GraphConfig, open_run_graph, remove_snapshot_graphs
from radkg.verbs.knowledge import locate_knowledge


@dataclass(frozen=True, kw_only=True)
class RetractConfig(GraphConfig):
    """What to retract."""

    out: str
    """of the run"""
    kind: Retractable
    """study, subject (a patient), or run (a snapshot)"""
    which: str
    """id of the study, patient or snapshot"""
    undo: bool = False
    """let it stand in the graph again"""

    def __post_init__(self) -> None:
        if self.kind not in RETRACTABLE or not self.which:
            raise ConfigError(f"give the id of a {' or '.join(RETRACTABLE)}")


def retract(config: RetractConfig, progress: Progress = say_nothing) -> RetractReport:
    """Record a retraction, or its undoing, and bring the graph to it where there is a graph.

    Raises:
        ConfigError, SnapshotError: the run has nothing of that id.
        GraphError, GraphUnavailable: the record is kept; the same command does the rest.
    """
    run = Run(config.out)
    which = _rename(config, run)
    arguments = (run.storage, config.kind, which)
    if config.graph == EMBEDDED and not run.graph_store.is_dir():
        report = retracting.retract(None, *arguments, undo=config.undo)
    else:
        with (
            open_run_graph(run, config) as graph,
            progress("undo the retraction" if config.undo else "retract") as advance,
        ):
            report = retracting.retract(graph, *arguments, undo=config.undo, progress=advance)
    facts = {config.kind: which, "undo": config.undo, **asdict(report)}
    run.audit.record("retract", facts)
    if not config.undo:
        remove_snapshot_graphs(run)  # they would hold it until somebody asks them again
        if run.directory is not None:
            remove_knowledge(locate_knowledge(run))  # counts and images of the study are in it
    return report


def _rename(config: RetractConfig, run: Run) -> str:
    """Return the id as the run has it: the archive's own becomes its pseudonym."""
    kind = config.kind
    if kind == "run" or is_pseudonym(config.which) or not run.storage.exists(RECORD):
        return config.which
    key = run.config.pseudonymise
    assert key is not None  # a run with the record has settings that name its key
    return read_pseudonyms(key, run.storage).name(kind, config.which)
