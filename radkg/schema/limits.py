"""How long a name may be that is a key of the graph; standard library only.

Neo4j's range index takes about 8 KB. A key joins at most three names and a few characters.
"""

from __future__ import annotations

MAX_NAME_BYTES = 1000  # UTF-8, of an id, of a concept, of a term of a table of relations
MAX_KEY_BYTES = 4096


def is_too_long(name: str) -> bool:
    """Tell whether a name cannot be part of a key."""
    return len(name) > MAX_NAME_BYTES // 4 and len(name.encode()) > MAX_NAME_BYTES
