"""The tables of docs/reference/schema.md, from the schema of the published rows.

python -m tests.support.pages.schema
"""

from __future__ import annotations

from collections.abc import Iterable

import pyarrow as pa

from radkg.schema.arrow import ENTITY, EXTRACTION_SCHEMA, RELATION
from radkg.schema.draft_table import CLAIM, DRAFT_SCHEMA, SENTENCE
from tests.support.pages.blocks import ROOT, read_table

PAGE = ROOT / "docs" / "reference" / "schema.md"
TABLES: dict[str, Iterable[pa.Field]] = {
    "schema: rows": EXTRACTION_SCHEMA,
    "schema: entities": ENTITY,
    "schema: relations": RELATION,
    "schema: drafts": DRAFT_SCHEMA,
    "schema: claims": CLAIM,
    "schema: sentences": SENTENCE,
}


def write_table(fields: Iterable[pa.Field]) -> str:
    """Return the table of some columns: name, type, whether null, meaning, what it identifies."""
    lines = ["| column | type | null | what | identifies |", "|---|---|---|---|---|"]
    for field in fields:
        null = "yes" if field.nullable else "no"
        said = field.metadata[b"doc"].decode(), field.metadata[b"phi"].decode()
        lines.append(f"| `{field.name}` | {_kind(field.type)} | {null} | {' | '.join(said)} |")
    return "\n".join(lines)


def _kind(kind: pa.DataType) -> str:
    if not pa.types.is_list(kind):
        return str(kind)
    return "list" if pa.types.is_struct(kind.value_type) else f"list of {kind.value_type}"


def main() -> None:
    """Write the tables anew between their marks."""
    text = PAGE.read_text()
    for mark, fields in TABLES.items():
        text = text.replace(read_table(PAGE, mark), write_table(fields))
    PAGE.write_text(text)


if __name__ == "__main__":
    main()
