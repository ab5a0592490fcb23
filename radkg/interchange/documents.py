"""Read RadGraph JSON files."""

from __future__ import annotations

from radkg.schema.radgraph import Document, from_document, parse_documents


def read_radgraph(data: bytes, name: str) -> list[Document]:
    """Return the documents of a RadGraph JSON file, in order.

    Args:
        data: the bytes of the file.
        name: what messages call the file.

    Raises:
        SchemaError: the bytes are not RadGraph JSON.
    """
    return [from_document(key, each) for key, each in parse_documents(data, name).items()]
