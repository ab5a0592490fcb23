"""The demo: every step once, from the reports in the installed wheel to a page to look at."""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass

from radkg.archive.files.located import get_suffix, read_bytes
from radkg.errors import ConfigError
from radkg.graph.ask.queries import Query, list_queries, run_query
from radkg.graph.load.loader import LoadReport, load
from radkg.page import write_page
from radkg.progress import Progress, say_nothing
from radkg.run.retractions import hide_retracted
from radkg.run.run import Run
from radkg.run.settings import ExtractConfig
from radkg.run.snapshot import Snapshot
from radkg.run.studies import StudyReader
from radkg.run.work import Runner
from radkg.schema.answer import Answer
from radkg.schema.arrow import from_table
from radkg.schema.records import Extraction
from radkg.verbs.extract import ExtractReport, extract
from radkg.verbs.glance import Glance, look_at_population
from radkg.verbs.graphs import GraphConfig, check_server, open_run_graph

SHOWN_STUDIES = 8
SHOWN_ENTITIES = 30  # a study with more is no good first thing to look at


@dataclass(frozen=True, kw_only=True)
class DemoConfig(GraphConfig):
    """What the demo reads, and into which graph."""

    extract: ExtractConfig
    """its `out` is a local directory: the page stands there"""

    def __post_init__(self) -> None:
        if "://" in self.extract.out:
            raise ConfigError(f"--out of the demo is a local directory, not {self.extract.out}")


@dataclass(frozen=True)
class DemoReport:
    """What the demo did: counts of the run and of the graph, seconds in all, and where it is."""

    studies: int
    rows: int
    failed: int
    entities: int
    relations: int
    nodes: int
    relationships: int
    seconds: float
    out: str


def run_demo(config: DemoConfig, runner: Runner, progress: Progress = say_nothing) -> DemoReport:
    """Extract, load, ask and draw; return the counts."""
    start = time.perf_counter()
    run = Run(config.extract.out)
    check_server(config)
    extracted = extract(config.extract, runner, progress)
    snapshot = run.read_snapshot()
    shown = _choose_studies(snapshot)
    with open_run_graph(run, config, must_exist=False) as graph:
        with progress(f"load the graph ({graph.engine})") as advance:
            loaded = load(graph, snapshot, advance)
        run.audit.record_load(snapshot, graph.engine.name, asdict(loaded))
        with progress("ask the named queries") as advance:
            asked = list_queries()
            answers = []
            for query in asked:
                answers.append(run_query(graph, query.name, _parameters(query, shown)))
                advance(len(answers), len(asked))
            glance = look_at_population(graph, answers)
    with progress("write the page"):
        html = _draw_page(snapshot, shown, answers, glance, extracted, loaded)
        run.storage.write("report.html", html.encode())
    return DemoReport(
        studies=extracted.studies,
        rows=extracted.rows,
        failed=extracted.failed,
        entities=extracted.entities,
        relations=extracted.relations,
        nodes=loaded.nodes,
        relationships=loaded.relationships,
        seconds=round(time.perf_counter() - start, 1),
        out=run.uri,
    )


def _draw_page(
    snapshot: Snapshot,
    shown: list[Extraction],
    answers: list[Answer],
    glance: Glance,
    run: ExtractReport,
    loaded: LoadReport,
) -> str:
    studies = StudyReader(snapshot.storage).read_studies(e.study_id for e in shown)
    pairs = [(studies[e.study_id], e) for e in shown if e.study_id in studies]
    images = {
        (study.study_id, image.image_id): read_bytes(image.location)
        for study, _ in pairs
        for image in study.images
        if image.location and get_suffix(image.location) != ".dcm"
    }
    return write_page(
        glance.title,
        summary={
            "read by": snapshot.extractor,
            "model": snapshot.manifest["model_id"],
            "snapshot": snapshot.snapshot_id,
            "terms found": run.entities,
            "relations found": run.relations,
            "nodes of the graph": loaded.nodes,
            "relationships of the graph": loaded.relationships,
        },
        about=glance.about,
        figures=glance.figures,
        note=glance.note,
        answers=answers,
        studies=pairs,
        images=images,
    )


def _parameters(query: Query, shown: list[Extraction]) -> dict[str, str]:
    """Return values for the parameters without default: they ask about the first study shown."""
    first = shown[0]
    known = {"study_id": first.study_id, "subject_id": first.subject_id}
    return {p.name: known[p.name] for p in query.parameters if p.default is None}


def _choose_studies(snapshot: Snapshot) -> list[Extraction]:
    """Return the studies that show most: by how many labels and relations occur, then by id."""

    def variety(extraction: Extraction) -> tuple[int, int, str]:
        kinds = {e.label for e in extraction.entities} | {r.relation for r in extraction.relations}
        return (-len(kinds), -len(extraction.relations), extraction.study_id)

    rows = [row for table in hide_retracted(snapshot).read_tables() for row in from_table(table)]
    short = [row for row in rows if len(row.entities) <= SHOWN_ENTITIES]
    return sorted(short or rows, key=variety)[:SHOWN_STUDIES]
