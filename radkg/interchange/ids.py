"""Read the tables that map names to the numbers of a site: its concepts, its notes."""

from __future__ import annotations

from pathlib import Path

from radkg.errors import SchemaError
from radkg.interchange.columns import read_columns

MAX_ID = 2**31 - 1  # an integer of the OMOP CDM


def read_ids(file: Path, name: str, number: str) -> dict[str, int]:
    """Return the number of each name in a CSV file.

    Args:
        file: a CSV file in UTF-8 with a header.
        name: column of the names.
        number: column of the numbers, in [0, 2**31).

    Raises:
        StorageError: the file cannot be read.
        SchemaError: a column is missing, a value is not such a number, or a name stands twice; the
            message names the line.
    """
    found: dict[str, int] = {}
    for line, (key, value) in read_columns(file, (name, number)):
        if not (value.isascii() and value.isdecimal() and int(value) <= MAX_ID):
            raise SchemaError(
                f"{file}, line {line}: {number} {value!r} is not a whole number from 0 to {MAX_ID}"
            )
        if key in found:
            raise SchemaError(f"{file}, line {line}: {key!r} stands twice")
        found[key] = int(value)
    return found
