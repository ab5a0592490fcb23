"""Read RadGraph JSON files."""

from __future__ import annotations

import json
from typing import Any

from radkg.errors import SchemaError
from radkg.schema.radgraph import Document, from_document


def read_radgraph(data: bytes, name: str) -> list[Document]:
    """Return the documents of a RadGraph JSON file, in order.

    Args:
        data: the bytes of the file.
        name: what messages call the file.

    Raises:
        SchemaError: the bytes are not RadGraph JSON.
    """

    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        if len(found) != len(pairs):
            raise ValueError(f"a key stands twice among {list(found)[:5]}")
        return found

    try:
        documents = json.loads(data, object_pairs_hook=unique)
    except (ValueError, RecursionError) as error:
        raise SchemaError(f"{name} is not JSON: {error}") from error
    if not isinstance(documents, dict):
        raise SchemaError(f"{name} is not RadGraph JSON: an object of documents is expected")
    return [from_document(key, document) for key, document in documents.items()]
