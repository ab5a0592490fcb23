"""A knowledge graph on disk: a directory whose files are written together or not at all.

The files are written into a new directory beside the old one, then renamed. The graph that stood
there is kept as `NAME-previous`, so that `radkg knowledge diff` can compare, unless something was
retracted since. After a kill the earlier graph is whole: under its name, or, where the kill fell
between the two renames, as `NAME-previous`. Equal graphs have equal bytes, and writing one again
touches nothing.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa

from radkg.errors import KnowledgeError, SchemaError, StorageError
from radkg.knowledge.records import BANK, EDGES, NODES, Knowledge
from radkg.private import make_directory
from radkg.run.retractions import read_retractions
from radkg.run.run import Run
from radkg.schema.arrow import from_parquet, to_parquet
from radkg.storage import LocalStorage

FORMAT = 1
FACTS, ADAPTER = "knowledge.json", "bank.safetensors"
_TABLES = {"nodes.parquet": NODES, "edges.parquet": EDGES, "bank.parquet": BANK}
_AGAIN = "build it again with `radkg knowledge build`"


def locate_previous(directory: Path) -> Path:
    """Return where the graph is kept that stood in a directory before."""
    return directory.with_name(f"{directory.name}-previous")


def write_knowledge(directory: Path, knowledge: Knowledge, adapter: bytes | None = None) -> bool:
    """Write a graph in place of the one that stands there; False where it stands already.

    Args:
        directory: of the graph.
        knowledge: what to write; its facts get format, hashes of the files and an id.
        adapter: that made the tokens of the bank; None: there is no bank.

    Raises:
        KnowledgeError: the graph has no node, or the directory holds something else.
        StorageError: it cannot be written; what stood there stays.
    """
    assert (adapter is None) == (knowledge.bank is None)
    _check_nodes(knowledge.nodes, str(directory))
    tables = (knowledge.nodes, knowledge.edges, knowledge.bank)
    files = {
        name: to_parquet(table.cast(schema))
        for (name, schema), table in zip(_TABLES.items(), tables, strict=True)
        if table is not None
    }
    if adapter is not None:
        files[ADAPTER] = adapter
    text = _write_facts(knowledge.facts, files)
    directory = directory.resolve()
    if directory.exists() and not (directory / FACTS).is_file():
        raise KnowledgeError(f"{directory} holds no knowledge graph: name another directory")
    with _explain(directory), _lock(directory):
        stands = _holds(directory, files, text)
        if not stands:
            _replace(directory, files | {FACTS: text.encode()})
        _remove_retracted(locate_previous(directory), knowledge.facts["retractions"])
    return not stands


def _replace(directory: Path, files: Mapping[str, bytes]) -> None:
    """Write the files into a new directory, and let it take the place of the one that stands."""
    staging = LocalStorage(directory.with_name(f".{directory.name}.new"))
    _remove(staging.root)  # of a build that was killed
    for name, data in files.items():
        staging.write(name, data)
    if directory.exists():
        previous = locate_previous(directory)
        _remove(previous)
        directory.rename(previous)
    staging.root.rename(directory)


def _remove_retracted(directory: Path, retractions: int) -> None:
    """Remove an earlier graph that may hold what was retracted since."""
    if (directory / FACTS).is_file():
        try:
            known = read_facts(directory)["retractions"]
        except KnowledgeError:
            known = None
        if known != retractions:
            _remove(directory)


def remove_knowledge(directory: Path) -> None:
    """Remove a graph and the one before it; none is no error.

    Raises:
        StorageError: a directory cannot be removed.
    """
    directory = directory.resolve()
    standing = [d for d in (directory, locate_previous(directory)) if (d / FACTS).is_file()]
    if standing:
        with _explain(directory), _lock(directory):
            for each in standing:
                _remove(each)


def load_knowledge(directory: Path) -> Knowledge:
    """Return the graph of a directory.

    Raises:
        KnowledgeError: nothing is there, it is damaged, it has no node, or a newer radkg wrote it.
    """
    facts = read_facts(directory)
    tables = {
        name: _read_table(directory / name, facts["files"][name], schema)
        for name, schema in _TABLES.items()
        if name in facts["files"]
    }
    if ADAPTER in facts["files"]:
        _read_file(directory / ADAPTER, facts["files"][ADAPTER])
    nodes, edges = tables["nodes.parquet"], tables["edges.parquet"]
    _check_nodes(nodes, str(directory))
    return Knowledge(nodes, edges, facts, tables.get("bank.parquet"))


def read_facts(directory: Path) -> dict[str, Any]:
    """Return knowledge.json of a directory; KnowledgeError as in `load_knowledge`."""
    path = directory / FACTS
    try:
        facts: dict[str, Any] = json.loads(path.read_text("utf-8"))
        known = isinstance(facts, dict) and facts.get("knowledge_id") == _hash_facts(facts)
    except FileNotFoundError:
        previous = locate_previous(directory.resolve())
        hint = f"; the graph before it stands in {previous}" if previous.is_dir() else ""
        raise KnowledgeError(
            f"no knowledge graph in {directory}: run `radkg knowledge build`{hint}"
        ) from None
    except (OSError, ValueError) as error:
        raise KnowledgeError(f"{path} is damaged ({error}): {_AGAIN}") from error
    if not known:
        raise KnowledgeError(f"{path} was changed after it was written: {_AGAIN}")
    if facts["format"] != FORMAT:
        raise KnowledgeError(
            f"{directory} has format {facts['format']}, this radkg reads {FORMAT}: {_AGAIN}"
        )
    return facts


def check_current(knowledge: Knowledge, run: Run) -> None:
    """Check that a graph was made from what a run has published and not retracted now.

    Raises:
        KnowledgeError: it was made from another snapshot, or something was retracted since.
        SnapshotError: nothing is published.
    """
    current = run.read_snapshot().snapshot_id
    of = knowledge.facts["snapshot_id"]
    if of != current:
        raise KnowledgeError(
            f"the knowledge graph is of snapshot {of}, and {run.uri} has published {current}: "
            f"{_AGAIN}"
        )
    if knowledge.facts["retractions"] != read_retractions(run.storage).number:
        raise KnowledgeError(f"{run.uri} has other retractions than the knowledge graph: {_AGAIN}")


def check_tower(knowledge: Knowledge, tower_id: str) -> None:
    """Check that the bank was made with a tower.

    Args:
        knowledge: the graph.
        tower_id: `encoder_id` of the tower that is to look at images.

    Raises:
        KnowledgeError: there is no bank, or another tower made it.
    """
    bank = knowledge.facts.get("bank")
    if bank is None:
        raise KnowledgeError("the knowledge graph has no visual tokens: build it with --images")
    if bank["tower_id"] != tower_id:
        raise KnowledgeError(
            f"the visual tokens are of tower {bank['tower_id']}, not of {tower_id}: build the "
            "knowledge graph again with that --eye"
        )


def _write_facts(facts: Mapping[str, Any], files: Mapping[str, bytes]) -> str:
    hashes = {name: hashlib.sha256(data).hexdigest() for name, data in sorted(files.items())}
    whole = {**facts, "format": FORMAT, "files": hashes}
    return json.dumps({**whole, "knowledge_id": _hash_facts(whole)}, indent=1, sort_keys=True)


def _hash_facts(facts: Mapping[str, Any]) -> str:
    named = {key: value for key, value in facts.items() if key != "knowledge_id"}
    return hashlib.sha256(json.dumps(named, sort_keys=True).encode()).hexdigest()[:16]


def _holds(directory: Path, files: Mapping[str, bytes], text: str) -> bool:
    """Tell whether a directory has these very bytes."""
    named = {**files, FACTS: text.encode()}
    return all(
        (directory / name).is_file() and (directory / name).read_bytes() == data
        for name, data in named.items()
    )


def _read_table(path: Path, sha256: str, schema: pa.Schema) -> pa.Table:
    try:
        table = from_parquet(_read_file(path, sha256), str(path))
    except SchemaError as error:
        raise KnowledgeError(f"{error}: {_AGAIN}") from error
    if not table.schema.equals(schema):
        raise KnowledgeError(f"{path} has other columns than {schema.names}: {_AGAIN}")
    return table


def _read_file(path: Path, sha256: str) -> bytes:
    try:
        data = path.read_bytes()
    except OSError as error:
        raise KnowledgeError(f"cannot read {path}: {error.strerror}: {_AGAIN}") from error
    if hashlib.sha256(data).hexdigest() != sha256:
        raise KnowledgeError(f"{path} was changed after it was written: {_AGAIN}")
    return data


def _check_nodes(nodes: pa.Table, where: str) -> None:
    if not nodes.num_rows:
        raise KnowledgeError(
            f"the knowledge graph of {where} has no node: no training report that was published "
            "states anything"
        )


def _remove(directory: Path) -> None:
    """Remove a directory under another name first: nobody takes a half of it for a whole."""
    if directory.exists():
        gone = directory.with_name(f".{directory.name.lstrip('.')}.gone")
        directory.rename(gone)
        shutil.rmtree(gone)


@contextlib.contextmanager
def _lock(directory: Path) -> Iterator[None]:
    """Let one process at a time put a directory in its place; what killed ones left goes first."""
    make_directory(directory.parent)
    handle = os.open(directory.parent, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        for gone in directory.parent.glob(f".{directory.name}*.gone"):
            shutil.rmtree(gone)
        yield
        os.fsync(handle)
    finally:
        os.close(handle)


@contextlib.contextmanager
def _explain(directory: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise StorageError(f"cannot write {directory}: {error.strerror or error}") from error
