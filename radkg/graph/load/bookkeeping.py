"""The nodes in which radkg keeps its books: which of them it has written, and what it has not.

Load, DraftLoad, KnowledgeLoad, Lock and SchemaVersion. A node that no load, import or migration can
have written counts for nothing; where somebody put a property on one that is ours, it stays.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from radkg.graph.engine.client import Graph
from radkg.graph.load.writers import list_locks
from radkg.graph.rows.nested import GraphRow, count_contents

PROPERTIES = {
    "Load": {
        *("key", "snapshot_id", "complete", "retractions", "archive", "extractor", "format"),
        *("last_complete", "radkg_version", "loaded_at", "verified", "sums", "num_read"),
        *("num_sums", *count_contents([])),
    },
    "DraftLoad": {
        *("key", "archive", "reporter", "model_id", "snapshot_id", "radkg_version", "complete"),
    },
    "KnowledgeLoad": {
        *("key", "digest", "terms", "relations", "emptied", "done", "complete", "transactions"),
    },
    "Lock": {"key", "transactions"},
    "SchemaVersion": {"key", "version", "transactions"},
}
"""of each label all that radkg writes there"""

_READ = "MATCH (n:{label}) RETURN elementId(n) AS id, properties(n) AS node"


@dataclass(frozen=True)
class Books:
    """What stands of radkg's books."""

    loads: list[GraphRow] = field(default_factory=list)
    """properties of the Loads that radkg has written, complete or not"""
    tables: list[GraphRow] = field(default_factory=list)
    """properties of the KnowledgeLoads that radkg has written, by key"""
    strange: dict[str, list[str]] = field(default_factory=dict)
    """by label the element ids of nodes that radkg has not written"""
    added: dict[str, dict[str, int]] = field(default_factory=dict)
    """by label the properties that somebody added to nodes of ours, and on how many"""


def read_books(graph: Graph) -> Books:
    """Return what stands of radkg's books in a graph."""
    nodes = {label: graph.read(_READ.format(label=label)) for label in PROPERTIES}
    ledgers = [row["node"] for label in ("Load", "DraftLoad") for row in nodes[label]]
    keys = [ledger["key"] for ledger in ledgers if isinstance(ledger.get("key"), str)]
    known = _name_locks(keys)
    tests: Mapping[str, Callable[[GraphRow], bool]] = {
        **_TESTS,
        "Lock": lambda node: _is_lock(node.get("key"), known, keys),
    }
    strange: defaultdict[str, list[str]] = defaultdict(list)
    added: defaultdict[str, dict[str, int]] = defaultdict(dict)
    kept: defaultdict[str, list[GraphRow]] = defaultdict(list)
    for label, rows in nodes.items():
        for row in rows:
            if not tests[label](row["node"]):
                strange[label].append(row["id"])
                continue
            kept[label].append(row["node"])
            for name in sorted(row["node"].keys() - PROPERTIES[label]):
                added[label][name] = added[label].get(name, 0) + 1
    tables = sorted(kept["KnowledgeLoad"], key=lambda table: str(table["key"]))
    return Books(kept["Load"], tables, dict(strange), dict(added))


def _is_load(node: GraphRow) -> bool:
    """Tell whether a load has written this: until its end it knows its key alone."""
    key, archive, extractor = (node.get(name) for name in ("key", "archive", "extractor"))
    begun = _is_text(key) and _is_text(node.get("snapshot_id"))
    if archive is None and node.get("complete") is False:
        return begun
    counted = all(type(node.get(name)) is int for name in count_contents([]))
    return begun and counted and key == f"{archive}|{extractor}"


def _is_draft_load(node: GraphRow) -> bool:
    named = node.get("key") == f"{node.get('archive')}|{node.get('reporter')}"
    return named and _is_text(node.get("snapshot_id"))


def _is_knowledge_load(node: GraphRow) -> bool:
    counted = all(type(node.get(name)) is int for name in ("terms", "relations"))
    return counted and _is_text(node.get("key")) and _is_text(node.get("digest"))


def _is_schema_version(node: GraphRow) -> bool:
    return node.get("key") == "schema"


_TESTS: dict[str, Callable[[GraphRow], bool]] = {
    "Load": _is_load,
    "DraftLoad": _is_draft_load,
    "KnowledgeLoad": _is_knowledge_load,
    "SchemaVersion": _is_schema_version,
}


def _is_text(value: object) -> bool:
    return isinstance(value, str) and bool(value)


def _name_locks(keys: Iterable[str]) -> set[str]:
    return {lock for key in keys for lock in list_locks(key)}


def _is_lock(key: object, known: set[str], keys: Iterable[str]) -> bool:
    """Tell whether a load takes this lock; that of an archive's drafts has no ledger of its own."""
    if key in known:
        return True
    archive, bar, last = str(key).rpartition("|")
    return bool(bar) and last == "drafts" and any(each.startswith(f"{archive}|") for each in keys)
