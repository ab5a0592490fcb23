"""Questions about a whole population: graph, Parquet by duckdb, Arrow, bitmaps and columns.

    python -m tests.benchmarks.columns --studies 20000 --work DIR --graph
    python -m tests.benchmarks.columns --studies 200000 --work DIR
    python -m tests.benchmarks.columns --studies 1000000 --work DIR

The population is tests/support/graph/zipf.py's, three studies a patient and 24 mentions each, with
invented ages, sexes, views and dates over ten years. Beyond 200,000 the studies are copies of the
first 200,000 under other ids, so that their parts are others, too. Each way answers three
questions, and all must give the same rows: the ten findings of the most studies, the ten findings
that are present with an effusion in the most studies, and how many studies and patients have an
effusion, no edema, cardiomegaly present or uncertain, and 65 years or more. `warm` is the 95th
percentile of --repeat askings after the first, `first` the first one, `open` what comes before it:
reading the columns, or building the bitmaps. Where other work shares the machine, trust the
processor seconds of this process. duckdb is measured where it is installed.

Then come the answers of the explorer as it gives them (start, cohort, concept, choices), each in a
new process for `cold`, which holds opening, and as percentiles for `warm`.
"""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import importlib.util
import json
import math
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds

from radkg.graph import Graph, open_graph
from radkg.graph.ask.queries import run_query
from radkg.graph.load.loader import load
from radkg.population.answers import NAMED
from radkg.population.asking import list_ignored, resolve_name
from radkg.population.building import open_population
from radkg.population.changes import compare_nights
from radkg.population.choices import list_choices
from radkg.population.cohort import Cohort
from radkg.population.columns import FOLDER, build_columns, remove_columns
from radkg.population.concept import describe_concept
from radkg.population.cypher import write_cypher
from radkg.population.describing import describe_cohort, list_page, make_charts
from radkg.population.glance import describe_population
from radkg.population.population import PRESENT, UNCERTAIN, Population
from radkg.population.selecting import select_studies
from radkg.run.changes import find_changes
from radkg.run.kind import EXTRACTIONS
from radkg.run.snapshot import POINTER, Snapshot, name_manifest, name_part, read_snapshot
from radkg.schema.arrow import to_parquet, to_table
from radkg.storage import LocalStorage
from tests.support.graph.zipf import NAMES
from tests.support.runs.extractions import invent
from tests.support.runs.processes import resident

ROWS_A_PART = 8_192
INVENTED = 200_000  # studies; more are copies of these
QUERY = "finding=effusion&finding=edema:without&finding=cardiomegaly:possible&age_from=65"
LIMIT = 10

Rows = list[list[Any]]
Questions = dict[str, Callable[[], Any]]


def publish_in_parts(folder: Path, num_studies: int) -> Snapshot:
    """Publish a population, a part at a time: it does not fit in memory as one table."""
    storage = LocalStorage(folder)
    if storage.exists(POINTER):
        return read_snapshot(storage)
    parts: Rows = []
    counts = dict.fromkeys(("entities", "relations"), 0)
    first: list[str] = []
    for start in range(0, num_studies, ROWS_A_PART):
        size = min(ROWS_A_PART, num_studies - start)
        copy, place = divmod(start, INVENTED // ROWS_A_PART * ROWS_A_PART)
        rows = (
            invent_part(start, size)
            if copy == 0
            else copy_part(storage, first[place // ROWS_A_PART], copy, size)
        )
        data = to_parquet(rows)
        digest = hashlib.sha256(data).hexdigest()
        storage.write(name_part(digest), data)
        parts.append([digest, size])
        first.append(digest)
        for name in counts:
            counts[name] += pc.sum(pc.list_value_length(rows[name])).as_py()
        print(f"{start + size:,} studies published", file=sys.stderr)
    return write_manifest(storage, parts, num_studies, counts)


def write_manifest(
    storage: LocalStorage, parts: Rows, num_studies: int, counts: dict[str, int]
) -> Snapshot:
    """Publish parts that stand: pairs of a hash and a number of rows."""
    manifest = {
        "schema_version": EXTRACTIONS.version,
        "num_studies": num_studies,
        "parts": [{"sha256": digest, "rows": size} for digest, size in parts],
        **{"archive": "invented", "extractor": "rules", "model_id": "m1"},
        **{"condition": {"report": num_studies}, "status": {"ok": num_studies}, **counts},
    }
    text = json.dumps(manifest, indent=1, sort_keys=True).encode()
    snapshot_id = hashlib.sha256(text).hexdigest()[:16]
    storage.write(name_manifest(snapshot_id), text)
    storage.write(POINTER, f"{snapshot_id}\n".encode())
    return read_snapshot(storage)


def measure_night(before: Snapshot) -> dict[str, float]:
    """Return what columns and changes of a night take in which 1 % of the studies differ.

    Their relations are gone; the snapshot before is then published again.
    """
    storage = before.storage
    assert isinstance(storage, LocalStorage)
    parts: Rows = []
    for part in before.parts:
        rows = before.read_part(part)
        changed, same = rows.slice(0, rows.num_rows // 100), rows.slice(rows.num_rows // 100)
        field = rows.schema.field("relations")
        none = pa.array([[]] * changed.num_rows, field.type)
        changed = changed.set_column(rows.schema.names.index("relations"), field, none)
        data = to_parquet(pa.concat_tables([changed, same]))
        digest = hashlib.sha256(data).hexdigest()
        storage.write(name_part(digest), data)
        parts.append([digest, rows.num_rows])
    after = write_manifest(storage, parts, before.num_studies, {"entities": 0, "relations": 0})
    seconds = {}

    def time_step(name: str, step: Callable[[], Any]) -> Any:
        started, processor = time.perf_counter(), time.process_time()
        found = step()
        seconds[f"{name}_s"] = round(time.perf_counter() - started, 1)
        seconds[f"{name}_processor_s"] = round(time.process_time() - processor, 1)
        return found

    changes = time_step("find_changes", lambda: find_changes(before, after))
    time_step("columns_by_changes", lambda: build_columns(after, before=before, changes=changes))
    names = [n for n in storage.list_names(FOLDER) if n.partition("/")[2][:64] in after.parts]
    for name in names:
        storage.delete(name)
    time_step("columns_anew", lambda: build_columns(after))
    assert set(names) <= set(storage.list_names(FOLDER))  # the same bytes
    population = open_population(after)
    time_step("compare_nights", lambda: compare_nights(before, after, population))
    storage.write(POINTER, f"{before.snapshot_id}\n".encode())
    for digest, _ in parts:
        storage.delete(name_part(digest))
    storage.delete(name_manifest(after.snapshot_id))
    remove_columns(storage)
    return seconds


def invent_part(first: int, size: int) -> pa.Table:
    """Return invented rows with ages, sexes, views and dates over ten years."""
    rows = to_table(invent(size, seed=first, entities=24, relations=20, names=NAMES, first=first))
    chosen = np.random.default_rng(first)
    views = np.array([[], ["PA"], ["AP"], ["LATERAL", "PA"]], object)
    columns = {
        "age": pa.array(chosen.integers(18, 91, size), pa.int32()),
        "sex": pa.array(chosen.choice(["female", "male"], size)),
        "view_positions": pa.array(views[chosen.integers(0, 4, size)].tolist()),
        "study_date": pa.array(chosen.integers(15_000, 18_650, size).astype("datetime64[D]")),
    }
    for name, column in columns.items():
        place = rows.schema.get_field_index(name)
        rows = rows.set_column(
            place, rows.schema.field(name), column.cast(rows.schema.types[place])
        )
    return rows


def copy_part(storage: LocalStorage, part: str, copy: int, size: int) -> pa.Table:
    """Return the rows of an invented part as those of other studies and patients."""
    rows = Snapshot(storage, "", {}).read_part(part).slice(0, size)
    for name in ("study_id", "subject_id"):
        place = rows.schema.get_field_index(name)
        letter = chr(ord("s") + copy)
        renamed = pc.binary_join_element_wise(letter, rows[name], "")
        rows = rows.set_column(place, rows.schema.field(name), renamed)
    return rows


def ask_columns(population: Population) -> Questions:
    """Return the questions as the columns answer them."""
    cohort = Cohort.parse_query(QUERY)

    def find_cohort() -> Rows:
        studies = select_studies(population, cohort)
        return [[int(studies.sum()), population.count_patients(studies)]]

    return {
        "top findings": lambda: _numbers(NAMED["top_findings"](population, list_ignored(), LIMIT)),
        "co-occurrence": lambda: _numbers(
            NAMED["co_occurrence"](population, "effusion", list_ignored(), LIMIT)
        ),
        "cohort": find_cohort,
    }


def ask_bitmaps(population: Population) -> Questions:
    """Return the questions as bitmaps of studies answer them, one bit a study and finding."""
    num_bytes = -(-len(population) // 8)
    present = np.zeros((len(population.names), num_bytes), np.uint8)
    possible = np.zeros_like(present)
    for code in range(len(population.names)):
        rows = population.findings.select(code)
        for bits, least in ((present, PRESENT), (possible, UNCERTAIN)):
            marked = np.zeros(len(population), np.bool_)
            marked[rows.study[rows["label"] >= least]] = True
            bits[code] = np.packbits(marked)
    aged = np.packbits(population.age >= 65)
    code = {name: population.codes[name] for name in ("effusion", "edema", "cardiomegaly")}

    def rank(numbers: Any) -> Rows:
        order = np.argsort(-numbers, kind="stable")
        return [[population.names[i], int(numbers[i])] for i in order]

    def count(bits: Any) -> Any:
        return np.bitwise_count(bits).sum(axis=-1, dtype=np.int64)

    def find_cohort() -> Rows:
        kept = present[code["effusion"]] & ~possible[code["edema"]]
        kept &= possible[code["cardiomegaly"]] & aged
        studies = np.unpackbits(kept, count=len(population)).astype(np.bool_)
        return [[int(studies.sum()), population.count_patients(studies)]]

    return {
        "top findings": lambda: rank(count(present))[:LIMIT],
        "co-occurrence": lambda: [
            row for row in rank(count(present & present[code["effusion"]])) if row[0] != "effusion"
        ][:LIMIT],
        "cohort": find_cohort,
    }


def ask_arrow(folder: Path) -> Questions:
    """Return the questions as Arrow answers them from the files of columns, read each time."""

    def flatten(*columns: str) -> pa.Table:
        rows = ds.dataset(folder / FOLDER).to_table(columns=["findings", *columns])
        findings = pc.list_flatten(rows["findings"])
        parents = pc.list_parent_indices(rows["findings"])
        taken = {name: rows[name].take(parents) for name in columns}
        named = {name: pc.struct_field(findings, name) for name in ("name", "label")}
        return pa.table({**named, **taken})

    def rank(names: Any) -> Rows:
        found = pa.table({"name": names}).group_by("name").aggregate([([], "count_all")])
        ordered = found.sort_by([("count_all", "descending"), ("name", "ascending")])
        return [[row["name"], row["count_all"]] for row in ordered.slice(0, LIMIT + 1).to_pylist()]

    def count_pairs() -> Rows:
        rows = flatten("study_id")
        rows = rows.filter(pc.equal(rows["label"], "OBS-DP"))
        ids = rows.filter(pc.equal(rows["name"], "effusion"))["study_id"]
        rows = rows.filter(pc.is_in(rows["study_id"], ids.combine_chunks()))
        return [row for row in rank(rows["name"]) if row[0] != "effusion"][:LIMIT]

    def count_top() -> Rows:
        rows = flatten()
        return rank(rows.filter(pc.equal(rows["label"], "OBS-DP"))["name"])[:LIMIT]

    return {"top findings": count_top, "co-occurrence": count_pairs}


def ask_duckdb(folder: Path) -> Questions:
    """Return the questions as SQL over the files of columns."""
    import duckdb  # type: ignore[import-not-found]

    database = duckdb.connect()
    files = f"read_parquet('{folder / FOLDER}/*.parquet')"
    flat = f"(SELECT study_id, subject_id, age, unnest(findings, recursive := true) FROM {files})"
    top = f"""
        SELECT name, count(*) AS studies FROM {flat} WHERE label = 'OBS-DP'
        GROUP BY name ORDER BY studies DESC, name LIMIT {LIMIT}"""
    pairs = f"""
        WITH flat AS (SELECT study_id, name FROM {flat} WHERE label = 'OBS-DP')
        SELECT name, count(*) AS studies FROM flat
        WHERE study_id IN (SELECT study_id FROM flat WHERE name = 'effusion')
          AND name <> 'effusion'
        GROUP BY name ORDER BY studies DESC, name LIMIT {LIMIT}"""
    cohort = f"""
        WITH flags AS (
          SELECT study_id, any_value(subject_id) AS subject_id,
            bool_or(name = 'effusion' AND label = 'OBS-DP') AS a,
            bool_or(name = 'edema' AND label <> 'OBS-DA') AS b,
            bool_or(name = 'cardiomegaly' AND label <> 'OBS-DA') AS c
          FROM {flat} WHERE age >= 65 GROUP BY study_id)
        SELECT count(*), count(DISTINCT subject_id) FROM flags WHERE a AND NOT b AND c"""

    def ask(statement: str) -> Callable[[], Rows]:
        return lambda: [list(row) for row in database.execute(statement).fetchall()]

    return {"top findings": ask(top), "co-occurrence": ask(pairs), "cohort": ask(cohort)}


RELATED = """
MATCH (c:Concept {key: 'observation:effusion'})<-[:OF]-(m:Mention)
MATCH (m)-[:MODIFY|LOCATED_AT|SUGGESTIVE_OF]-(:Mention)-[:OF]->(other:Concept)
MATCH (m)<-[:HAS_MENTION]-(:Extraction)<-[:HAS_EXTRACTION]-(s:Study)
RETURN other.key AS other, count(DISTINCT s) AS studies
ORDER BY studies DESC, other
LIMIT $limit
"""


def ask_graph(graph: Graph) -> Questions:
    """Return the questions as the graph answers them: by named queries, with its sums, and by the
    Cypher of the cohort; and what the explorer walks for."""
    statement = write_cypher(Cohort.parse_query(QUERY), "invented", "rules")

    def ask(name: str, *columns: int) -> Rows:
        rows = run_query(graph, name, {"limit": str(LIMIT)} if columns else {}).rows
        return [[row[i] for i in columns] for row in rows]

    def find_cohort() -> Rows:
        rows = graph.read(statement)
        return [[len(rows), len({row["subject_id"] for row in rows})]]

    def walk() -> Rows:
        return [list(row.values()) for row in graph.read(RELATED, limit=LIMIT)]

    return {
        "top findings": lambda: ask("top_findings", 0, 1),
        "co-occurrence": lambda: ask("co_occurrence", 0, 1),
        "cohort": find_cohort,
        "follow_up": lambda: len(ask("follow_up")),
        "relations around effusion": walk,
    }


def _numbers(rows: Rows) -> Rows:
    """Return name and number of studies."""
    return [row[:2] for row in rows]


def ask_explorer(population: Population) -> Questions:
    """Return the explorer's answers."""
    asked = Cohort.parse_query(QUERY)

    def cohort() -> Any:
        resolved = asked.resolve(population, resolve_name)
        studies = select_studies(population, resolved)
        found = describe_cohort(population, asked, resolved, studies)
        page = list_page(population, studies, 0, 50)
        return json.dumps([found, page, make_charts(population, resolved, studies)], default=str)

    return {
        "start": lambda: json.dumps(describe_population(population)),
        "cohort with charts": cohort,
        "concept": lambda: json.dumps(describe_concept(population, "effusion", 12)),
        "follow_up": lambda: len(NAMED["follow_up"](population, "effusion")),
        "choices": lambda: list_choices(population, "finding", "card", 12),
    }


def measure(questions: Questions, repeat: int) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return what each question takes, and the answers: seconds of the first asking, the 95th
    percentile of the others, and the middle one of their processor seconds in this process."""
    seconds, answers = {}, {}
    for name, ask in questions.items():
        times, processor = [], []
        for _ in range(repeat + 1):
            started, used = time.perf_counter(), time.process_time()
            answers[name] = ask()
            times.append(time.perf_counter() - started)
            processor.append(time.process_time() - used)
        warm = sorted(times[1:])[math.ceil(0.95 * repeat) - 1]
        seconds[name] = {
            "first_s": round(times[0], 4),
            "warm_p95_s": round(warm, 4),
            "processor_s": round(sorted(processor[1:])[repeat // 2], 4),
        }
    return seconds, answers


@contextlib.contextmanager
def opened(way: str, folder: Path, snapshot: Snapshot) -> Iterator[Questions]:
    """Give the questions of one way, ready to be asked."""
    if way == "graph":
        with open_graph("embedded", folder / "graph") as graph:
            if not graph.read("MATCH (l:Load) WHERE l.complete RETURN l.key AS key"):
                load(graph, snapshot)
            yield ask_graph(graph)
    elif way in ("columns", "bitmaps", "explorer"):
        ask = {"columns": ask_columns, "bitmaps": ask_bitmaps, "explorer": ask_explorer}[way]
        yield ask(open_population(snapshot))
    else:
        yield {"duckdb": ask_duckdb, "arrow": ask_arrow}[way](folder)


def measure_way(way: str, folder: Path, repeat: int) -> dict[str, Any]:
    """Return what one way takes, in this process."""
    snapshot = read_snapshot(LocalStorage(folder))
    started, used = time.perf_counter(), time.process_time()
    with opened(way, folder, snapshot) as questions:
        open_s, open_processor_s = time.perf_counter() - started, time.process_time() - used
        seconds, answers = measure(questions, repeat)
        memory = resident(os.getpid())
    kept = {} if way == "explorer" else answers
    return {
        "open_s": round(open_s, 3),
        "open_processor_s": round(open_processor_s, 3),
        "memory_MB": round(memory / 1e6),
        "questions": seconds,
        "answers": kept,
    }


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--studies", type=int, default=20_000)
    parser.add_argument(
        "--work", type=Path, required=True, help="directory that keeps what is made"
    )
    parser.add_argument("--repeat", type=int, default=20, help="measured times each question")
    parser.add_argument("--graph", action="store_true", help="ask an embedded graph, too")
    parser.add_argument("--night", action="store_true", help="measure a night of 1 %% alone")
    parser.add_argument("--way", help="one way alone, in this process")
    options = parser.parse_args()
    folder = options.work / f"columns-{options.studies}"
    if options.way:
        print(json.dumps(measure_way(options.way, folder, options.repeat)))
        return
    snapshot = publish_in_parts(folder, options.studies)
    if options.night:
        build_columns(snapshot)
        print(json.dumps(measure_night(snapshot), indent=1))
        return
    started = time.perf_counter()
    derived = build_columns(snapshot)
    result: dict[str, Any] = {
        "studies": options.studies,
        "cores": os.cpu_count(),
        "derived_parts": derived,
        "derive_s": round(time.perf_counter() - started, 1),
        "columns_MB": _size(folder / FOLDER),
        "published_MB": _size(folder / "snapshot"),
    }
    ways = ["columns", "bitmaps", "arrow", "explorer"]
    ways += ["duckdb"] if importlib.util.find_spec("duckdb") else []
    ways += ["graph"] if options.graph else []
    answers: dict[str, Any] = {}
    for way in ways:
        command = [sys.executable, "-m", "tests.benchmarks.columns", "--way", way]
        command += ["--studies", str(options.studies), "--work", str(options.work)]
        ran = subprocess.run(
            [*command, "--repeat", str(options.repeat)],
            stdout=subprocess.PIPE,
            check=True,
            text=True,
        )
        result[way] = json.loads(ran.stdout)
        for name, rows in result[way].pop("answers").items():
            if answers.setdefault(name, rows) != rows:
                sys.exit(f"{way} answers otherwise: {name}: {rows} and {answers[name]}")
    print(json.dumps(result, indent=1))


def _size(folder: Path) -> int:
    return round(sum(p.stat().st_size for p in folder.rglob("*") if p.is_file()) / 1e6)


if __name__ == "__main__":
    main()
