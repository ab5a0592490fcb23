"""The demo: the whole river once, from the reports in the installed wheel to a page to look at."""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass
from pathlib import Path

from rich.console import Console

from radkg.archive.files.located import get_suffix, read_bytes
from radkg.cluster.runner import ExtractReport, extract
from radkg.graph import open_graph
from radkg.graph.ask.queries import Query, list_queries, run_query
from radkg.graph.load.loader import LoadReport, load
from radkg.page import page
from radkg.progress import stage
from radkg.run import audit
from radkg.run.retractions import retained
from radkg.run.settings import ExtractConfig
from radkg.run.snapshot import Snapshot, read_snapshot
from radkg.run.studies import StudyReader
from radkg.schema.answer import Answer
from radkg.schema.arrow import from_table
from radkg.schema.records import Extraction
from radkg.storage import LocalStorage, open_storage

SHOWN_STUDIES = 8
SHOWN_ENTITIES = 30  # a study with more is no good first thing to look at


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


def demo(
    config: ExtractConfig, graph_address: str, console: Console, *, insecure: bool = False
) -> DemoReport:
    """Extract, load, ask and draw; returns the counts. `config.out` is a local directory."""
    start = time.perf_counter()
    out = Path(config.out).resolve()
    storage = open_storage(str(out))
    assert isinstance(storage, LocalStorage)
    if graph_address != "embedded":  # an unreachable server is better said before the work
        with open_graph(graph_address, out / "graph", insecure=insecure):
            pass
    with stage(console, "extract triplets (Ray)") as advance:
        run = extract(config, lambda done, total, failed: advance(done, total))
    snapshot = read_snapshot(storage)
    shown = _shown(snapshot)
    with open_graph(graph_address, out / "graph", insecure=insecure) as graph:
        with stage(console, f"load the graph ({graph.engine})") as advance:
            loaded = load(graph, snapshot, advance)
        audit.record_load(snapshot, graph.engine.name, asdict(loaded))
        with stage(console, "ask the named queries") as advance:
            asked = [
                query for query in list_queries() if query.family != "knowledge"
            ]  # no table here
            answers = []
            for query in asked:
                answers.append(run_query(graph, query.name, _about(query, shown)))
                advance(len(answers), len(asked))
    with stage(console, "write the page"):
        html = _page(snapshot, shown, answers, run, loaded)
        storage.write("report.html", html.encode())
    return DemoReport(
        studies=run.studies,
        rows=run.rows,
        failed=run.failed,
        entities=run.entities,
        relations=run.relations,
        nodes=loaded.nodes,
        relationships=loaded.relationships,
        seconds=round(time.perf_counter() - start, 1),
        out=str(out),
    )


def _page(
    snapshot: Snapshot,
    shown: list[Extraction],
    answers: list[Answer],
    run: ExtractReport,
    loaded: LoadReport,
) -> str:
    studies = StudyReader(snapshot.storage).studies(e.study_id for e in shown)
    pairs = [(studies[e.study_id], e) for e in shown if e.study_id in studies]
    images = {
        (study.study_id, image.image_id): read_bytes(image.location)
        for study, _ in pairs
        for image in study.images
        if image.location and get_suffix(image.location) != ".dcm"
    }
    return page(
        f"radkg: {snapshot.num_studies:,} studies of {snapshot.archive}",
        summary={
            "studies": run.studies,
            "failed": run.failed,
            "entities": run.entities,
            "relations": run.relations,
            "nodes": loaded.nodes,
            "relationships": loaded.relationships,
            "extractor": snapshot.extractor,
            "model id": snapshot.manifest["model_id"],
            "snapshot": snapshot.snapshot_id,
        },
        answers=answers,
        studies=pairs,
        images=images,
    )


def _about(query: Query, shown: list[Extraction]) -> dict[str, str]:
    """Return values for the parameters without default: they ask about the first study shown."""
    first = shown[0]
    known = {"study_id": first.study_id, "subject_id": first.subject_id}
    return {p.name: known[p.name] for p in query.parameters if p.default is None}


def _shown(snapshot: Snapshot) -> list[Extraction]:
    """Return the studies that show most: by how many labels and relations occur, then by id."""

    def variety(extraction: Extraction) -> tuple[int, int, str]:
        kinds = {e.label for e in extraction.entities} | {r.relation for r in extraction.relations}
        return (-len(kinds), -len(extraction.relations), extraction.study_id)

    rows = [row for table in retained(snapshot).tables() for row in from_table(table)]
    short = [row for row in rows if len(row.entities) <= SHOWN_ENTITIES]
    return sorted(short or rows, key=variety)[:SHOWN_STUDIES]
