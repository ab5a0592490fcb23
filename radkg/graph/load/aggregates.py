"""Keep the sums of rows/aggregates.py in the graph, beside the studies that they are of.

They are written at the end of a load, before it is complete, as relationships to be set, so that
again, or by two at once, is the same as once: a transaction reads what stands of its part and
changes what differs. `Load.sums` is the SUMS_VERSION that a complete load has left; a Load without
it is of an older radkg, and the next load writes the sums.

Every walk goes from the Load, or from a finding outwards: behind a concept stand all its mentions,
and the embedded engine walks them to find, or to delete, one relationship that comes in.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping
from functools import partial

from radkg.graph.engine.client import Graph
from radkg.graph.engine.retries import Conflict
from radkg.graph.engine.values import Transaction, run_statement
from radkg.graph.load.ledger import SUMS_VERSION, read_ledger
from radkg.graph.load.sum_statements import (
    CREATE_SUMS,
    DELETE_SUMS,
    NUM_UNPAIRED,
    READ_SOME_SUMS,
    READ_SUMS,
    SET_SUMS,
    SUMS_OF_LOADS,
)
from radkg.graph.rows.aggregates import (
    COLUMNS,
    Edge,
    Sums,
    build_edges,
    sum_edges,
    sum_findings,
)
from radkg.graph.rows.nested import BatchSizes, GraphRow, build_ledger_key
from radkg.run.retractions import VisibleSnapshot

Standing = Mapping[Edge, list[GraphRow]]
"""properties of all relationships between two nodes: no load writes more than one"""


def has_sums(graph: Graph, paired: str | None = None) -> bool:
    """Tell whether the sums of the graph answer a question about all its studies.

    All loads must have left theirs. Where two extractors have read one archive they do not add up,
    for a study counts once.

    Args:
        graph: an open graph.
        paired: name of a finding; its pairs must be there, too.
    """
    loads = graph.read(SUMS_OF_LOADS)
    archives = Counter(load["archive"] for load in loads if load["studies"])
    if not loads or max(archives.values(), default=0) > 1:
        return False
    if not all(load["complete"] is True and load["sums"] == SUMS_VERSION for load in loads):
        return False
    return paired is None or graph.read(NUM_UNPAIRED, finding=paired) == [{"number": 0}]


def compute_sums(kept: VisibleSnapshot) -> Sums:
    """Return the sums of a snapshot, from its published rows.

    Raises:
        SnapshotError: published bytes were changed.
    """
    return sum_findings(kept.read_tables(COLUMNS))


def read_sums(graph: Graph, kept: VisibleSnapshot) -> Sums | None:
    """Return the sums that a complete load has left; None where somebody changed them."""
    ledger = read_ledger(graph, build_ledger_key(kept.archive, kept.extractor))
    standing = _read_standing(graph, kept)
    try:
        sums = sum_edges(((edge, each[0]) for edge, each in standing.items()), ledger["num_read"])
        as_left = build_edges(sums, kept.archive, kept.extractor)
    except (KeyError, TypeError):
        return None
    return None if _list_differing(standing, as_left) else sums


def build_sums_properties(sums: Sums, kept: VisibleSnapshot) -> GraphRow:
    """Return what a Load says of its sums when they stand."""
    number = len(build_edges(sums, kept.archive, kept.extractor))
    return {"sums": SUMS_VERSION, "num_read": sums.read, "num_sums": number}


def find_differing_sums(graph: Graph, kept: VisibleSnapshot, sums: Sums) -> list[Edge]:
    """Return, sorted, between which nodes the graph does not hold these sums exactly."""
    wanted = build_edges(sums, kept.archive, kept.extractor)
    return _list_differing(_read_standing(graph, kept), wanted)


def write_sums(
    graph: Graph,
    kept: VisibleSnapshot,
    sums: Sums,
    lock: Callable[[Transaction], None],
    standing: Sums | None = None,
    batch_edges: int = BatchSizes().edges,
) -> None:
    """Make the graph hold these sums of an archive and extractor.

    Args:
        graph: an open graph; the concepts of the snapshot stand in it.
        kept: the snapshot.
        sums: of all its studies.
        lock: shuts out, within a transaction, other loads of this archive and extractor.
        standing: what `read_sums` has read; it is read again only where it differs.
        batch_edges: how many relationships one transaction changes.
    """
    wanted = build_edges(sums, kept.archive, kept.extractor)
    if standing is None:
        found = _read_standing(graph, kept)
    else:
        left = build_edges(standing, kept.archive, kept.extractor)
        found = {edge: [properties] for edge, properties in left.items()}
    differing = _list_differing(found, wanted)
    for at in range(0, len(differing), batch_edges):
        part = differing[at : at + batch_edges]
        graph.write(partial(_write_part, kept, wanted, part, lock))


def _write_part(
    kept: VisibleSnapshot,
    wanted: Mapping[Edge, GraphRow],
    part: Iterable[Edge],
    lock: Callable[[Transaction], None],
    transaction: Transaction,
) -> None:
    lock(transaction)
    scope = _build_scope(kept)
    by_type: defaultdict[str, set[Edge]] = defaultdict(set)
    for edge in part:
        by_type[edge[0]].add(edge)
    for kind, of_type in by_type.items():
        asked: defaultdict[str, GraphRow] = defaultdict(dict)
        for _, head, tail in of_type:
            asked[head][tail] = True
        places = [{"head": head, "properties": tails} for head, tails in asked.items()]
        standing = _group_by_edge(
            kind, run_statement(transaction, READ_SOME_SUMS[kind], rows=places, **scope)
        )
        part_of_wanted = {edge: wanted[edge] for edge in of_type if edge in wanted}
        changes = _list_changes(standing, part_of_wanted)
        for name, statement in (("tails", DELETE_SUMS), ("properties", SET_SUMS)):
            concerned = [row for row in changes if row[name]]
            if concerned:
                run_statement(transaction, statement[kind], rows=concerned, **scope)
        concerned = [row for row in changes if row["edges"]]
        if concerned:
            (created,) = run_statement(transaction, CREATE_SUMS[kind], rows=concerned)
            if created["number"] != sum(len(row["edges"]) for row in concerned):
                raise Conflict("concepts vanished from the graph during the load: try again")


def _list_changes(standing: Standing, wanted: Mapping[Edge, GraphRow]) -> list[GraphRow]:
    """Return by head what makes relationships of one type what they are to be."""
    changes: defaultdict[str, GraphRow] = defaultdict(
        lambda: {"tails": [], "properties": {}, "edges": []}
    )
    for edge in _list_differing(standing, wanted):
        _, head, tail = edge
        found, properties = standing.get(edge, []), wanted.get(edge)
        if len(found) == 1 and properties is not None:
            changes[head]["properties"][tail] = properties
            continue
        if found:
            changes[head]["tails"].append(tail)
        if properties is not None:
            changes[head]["edges"].append({"tail": tail, "properties": properties})
    return [{"head": head, **change} for head, change in sorted(changes.items())]


def _list_differing(standing: Standing, wanted: Mapping[Edge, GraphRow]) -> list[Edge]:
    return sorted(
        edge
        for edge in standing.keys() | wanted.keys()
        if not _is_held(standing.get(edge, []), wanted.get(edge))
    )


def _is_held(found: list[GraphRow], wanted: GraphRow | None) -> bool:
    """Tell whether there is one relationship with these properties, or none is wanted.

    3 and 3.0 are not the same, nor are 1 and true: `wanted` holds numbers, texts and truths.
    """
    if wanted is None or len(found) != 1:
        return wanted is None and not found
    (standing,) = found
    return standing == wanted and all(type(wanted[n]) is type(v) for n, v in standing.items())


def _read_standing(graph: Graph, kept: VisibleSnapshot) -> dict[Edge, list[GraphRow]]:
    scope = _build_scope(kept)
    found: dict[Edge, list[GraphRow]] = {}
    for kind, statement in READ_SUMS.items():
        (row,) = graph.read(statement, **scope)
        found |= _group_by_edge(kind, row["sums"])
    return found


def _group_by_edge(kind: str, found: Iterable[GraphRow]) -> dict[Edge, list[GraphRow]]:
    by_edge: defaultdict[Edge, list[GraphRow]] = defaultdict(list)
    for row in found:
        by_edge[kind, row["head"], row["tail"]].append(row["properties"])
    return dict(by_edge)


def _build_scope(kept: VisibleSnapshot) -> GraphRow:
    return {
        "ledger": build_ledger_key(kept.archive, kept.extractor),
        "archive": kept.archive,
        "extractor": kept.extractor,
    }
