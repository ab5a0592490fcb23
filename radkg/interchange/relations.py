"""Read tables of relations between terms that other projects publish: CSV, one relation a row."""

from __future__ import annotations

from pathlib import Path

from radkg.errors import SchemaError
from radkg.interchange.columns import read_columns
from radkg.schema.known import KnownRelation, Term
from radkg.schema.limits import MAX_NAME_BYTES

COLUMNS = ("source_index", "source_entity", "target_index", "target_entity", "type", "count")
MAX_COUNT = 2**53  # what JSON and a float hold exactly


def read_relations(file: Path) -> list[KnownRelation]:
    """Return the relations of a CSV file, one for each row.

    Names are made lower-case and runs of blanks become one blank, as in names of concepts.

    Args:
        file: a CSV file in UTF-8 with a header. `source_entity` and
            `target_entity` are names, `source_index` and `target_index` their codes in a
            vocabulary (names with one code are one term), `type` is the relation and `count` how
            often the relation was seen, in [1, 2**53]. All of the file is read into memory.

    Raises:
        StorageError: the file cannot be read.
        SchemaError: the file is not such a table or holds no row, a value is missing or invalid,
            or a relation stands twice; the message names the line.
    """
    known: list[KnownRelation] = []
    lines: dict[tuple[Term, str, Term], int] = {}
    for line, values in read_columns(file, COLUMNS):
        where = f"{file}, line {line}"
        cells = dict(zip(COLUMNS, map(_one_line, values), strict=True))
        for name, cell in cells.items():
            _check(where, name, cell)
        head = Term(cells["source_index"], cells["source_entity"].lower())
        tail = Term(cells["target_index"], cells["target_entity"].lower())
        relation, count = cells["type"].lower(), cells["count"]
        if not (count.isascii() and count.isdecimal() and 1 <= int(count) <= MAX_COUNT):
            raise SchemaError(
                f"{where}: count {count!r} is not a whole number from 1 to {MAX_COUNT}"
            )
        before = lines.setdefault((head, relation, tail), line)
        if before != line:
            raise SchemaError(
                f"{where}: {head.name} {relation} {tail.name} stands in line {before} too: add up"
                " the counts of equal rows"
            )
        known.append(KnownRelation(head, relation, tail, int(count)))
    if not known:
        raise SchemaError(f"{file} holds no relation: nothing was imported")
    return known


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _check(where: str, name: str, cell: str) -> None:
    if not cell:
        hint = ": give the name where a term has no code" if name.endswith("_index") else ""
        raise SchemaError(f"{where}: {name} is empty{hint}")
    if len(cell.encode()) > MAX_NAME_BYTES or not cell.isprintable():
        raise SchemaError(
            f"{where}: {name} {cell[:40]!r} has more than {MAX_NAME_BYTES} bytes, or a character"
            " that cannot be printed"
        )
