"""Tables that give things the numbers of a site: its concepts, its notes."""

from __future__ import annotations

import csv
from pathlib import Path

from radkg.errors import SchemaError, StorageError

MAX_ID = 2**31 - 1  # an integer of the OMOP CDM


def read_ids(file: Path, name: str, number: str) -> dict[str, int]:
    """Return the numbers of a CSV file by name.

    Args:
        file: UTF-8, with a head.
        name: column of the names.
        number: column of the numbers, in [0, 2**31).

    Raises:
        StorageError: the file cannot be read.
        SchemaError: a column is missing, a number is none, or a name stands twice; with its line.
    """
    found: dict[str, int] = {}
    try:
        with file.open(encoding="utf-8-sig", newline="") as lines:
            reader = csv.DictReader(lines, strict=True)
            if not {name, number} <= set(reader.fieldnames or ()):
                raise SchemaError(f"{file} needs a head with the columns {name},{number}")
            for row in reader:
                key, value = row[name], row[number] or ""
                if not (value.isascii() and value.isdecimal() and int(value) <= MAX_ID):
                    raise SchemaError(
                        f"{file}, line {reader.line_num}: {number} {value!r} is no whole number "
                        f"from 0 to {MAX_ID}"
                    )
                if key in found:
                    raise SchemaError(f"{file}, line {reader.line_num}: {key!r} stands twice")
                found[key] = int(value)
    except OSError as error:
        raise StorageError(f"cannot read {file}: {error.strerror}") from error
    except (csv.Error, UnicodeDecodeError) as error:
        raise SchemaError(f"{file} is not a CSV file in UTF-8: {error}") from error
    return found
